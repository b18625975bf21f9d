//! What no command may ask the kernel for: what would lead around the walls, what the walls do not
//! reach (some networks know no namespaces), and what has been a way out of walls before.

use super::enter::Sockets;
use anyhow::Context;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Never needed by a build or a test.
const FORBIDDEN: &[i64] = &[
    // Other file systems and other views of this one.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    // Other namespaces.
    libc::SYS_unshare,
    libc::SYS_setns,
    // Calls that pass by this filter, and programs within the kernel.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    // Keys, which know no namespaces.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Memory that nobody counts.
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_shmget,
    // Other processes' files.
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // The machine.
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
];

#[cfg(target_arch = "x86_64")]
const OF_THIS_MACHINE: &[i64] = &[libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt];
#[cfg(not(target_arch = "x86_64"))]
const OF_THIS_MACHINE: &[i64] = &[];

/// What reaches beyond the walls where there are no namespaces: files by their names, and other
/// processes of the same user.
const BY_NAME: &[i64] = &[
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    SETXATTRAT,
    REMOVEXATTRAT,
    FILE_SETATTR,
    libc::SYS_inotify_add_watch,
    libc::SYS_ioprio_set,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_process_madvise,
];
/// Newer calls have the same numbers everywhere.
const FCHMODAT2: i64 = 452;
const SETXATTRAT: i64 = 463;
const REMOVEXATTRAT: i64 = 466;
const FILE_SETATTR: i64 = 469;

/// The same for files for which it is enough to own them: who owns nothing outside may use these.
const OF_OWN: &[i64] = &[libc::SYS_fchmodat, FCHMODAT2, libc::SYS_fchownat];

#[cfg(target_arch = "x86_64")]
const OLD_BY_NAME: &[i64] = &[libc::SYS_utime, libc::SYS_utimes, libc::SYS_futimesat];
#[cfg(target_arch = "x86_64")]
const OLD_OF_OWN: &[i64] = &[libc::SYS_chmod, libc::SYS_chown, libc::SYS_lchown];
#[cfg(not(target_arch = "x86_64"))]
const OLD_BY_NAME: &[i64] = &[];
#[cfg(not(target_arch = "x86_64"))]
const OLD_OF_OWN: &[i64] = &[];

/// Calls with the number of a process, or the name of a file, that is zero for what is one's own.
const OF_OTHERS: &[(i64, u8)] = &[
    (libc::SYS_utimensat, 1),
    (libc::SYS_prlimit64, 0),
    (libc::SYS_setpriority, 0),
    (libc::SYS_setpriority, 1),
    (libc::SYS_sched_setaffinity, 0),
    (libc::SYS_sched_setparam, 0),
    (libc::SYS_sched_setscheduler, 0),
    (libc::SYS_sched_setattr, 0),
];

/// What makes a process in a namespace of its own.
const NEW_NAMESPACES: [i32; 8] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWTIME,
];

/// The only families that a network of one's own keeps in.
const OWN_NETWORK: [i32; 3] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];

/// Forbids it for this process and all that come from it. `owns_nothing` is said of a user to whom no
/// file outside belongs.
pub(super) fn forbid(sockets: Sockets, owns_nothing: bool) -> anyhow::Result<()> {
    let mut rules = Rules::new();
    for call in FORBIDDEN.iter().chain(OF_THIS_MACHINE) {
        always(&mut rules, *call);
    }
    let namespaces = NEW_NAMESPACES.map(|flag| u64::from(flag.cast_unsigned()));
    let makes_one = namespaces.map(|flag| argument(0, SeccompCmpOp::MaskedEq(flag), flag));
    rules.insert(libc::SYS_clone, makes_one.into_iter().collect::<anyhow::Result<_>>()?);
    match sockets {
        Sockets::None => {
            always(&mut rules, libc::SYS_socket);
            let own = OF_OWN.iter().chain(OLD_OF_OWN).filter(|_| !owns_nothing);
            let calls = BY_NAME.iter().chain(OLD_BY_NAME).chain(own);
            calls.for_each(|call| always(&mut rules, *call));
            for (call, index) in OF_OTHERS {
                let other = argument(*index, SeccompCmpOp::Ne, 0)?;
                rules.entry(*call).or_default().push(other);
            }
        }
        Sockets::Own => {
            rules.insert(libc::SYS_socket, vec![of_another_family()?]);
        }
    }
    install(rules, libc::EPERM)?;
    // Its flags lie in memory, where no filter can look; without it programs take the older call.
    let mut newer = Rules::new();
    always(&mut newer, libc::SYS_clone3);
    install(newer, libc::ENOSYS)
}

/// Whatever its arguments are.
fn always(rules: &mut Rules, call: i64) {
    rules.insert(call, Vec::new());
    // The same call under the number that it has for programs with short pointers.
    #[cfg(target_arch = "x86_64")]
    rules.insert(call | 0x4000_0000, Vec::new());
}

fn argument(index: u8, compare: SeccompCmpOp, value: u64) -> anyhow::Result<SeccompRule> {
    let condition = SeccompCondition::new(index, SeccompCmpArgLen::Qword, compare, value)?;
    Ok(SeccompRule::new(vec![condition])?)
}

fn of_another_family() -> anyhow::Result<SeccompRule> {
    let another = |family: &i32| {
        let family = u64::from(family.cast_unsigned());
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family)
    };
    let conditions = OWN_NETWORK.iter().map(another).collect::<Result<Vec<_>, _>>()?;
    Ok(SeccompRule::new(conditions)?)
}

fn install(rules: Rules, errno: i32) -> anyhow::Result<()> {
    let machine = if cfg!(target_arch = "aarch64") {
        TargetArch::aarch64
    } else if cfg!(target_arch = "x86_64") {
        TargetArch::x86_64
    } else {
        anyhow::bail!("this sort of machine is not known")
    };
    let refuse = SeccompAction::Errno(errno.cast_unsigned());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, machine)?;
    let program: BpfProgram = filter.try_into().context("compiling")?;
    apply_filter(&program).context("applying")
}
