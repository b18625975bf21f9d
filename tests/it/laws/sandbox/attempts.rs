//! Attempts to get out, one command each. One that succeeds says so.

use super::{Cell, WALLS, py};
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::{Child, Command, Stdio};

/// What a command prints when it got out.
const OUT: &str = "GOT OUT";
const AT_ONCE: usize = 4;
pub(super) const SECRET: &str = "canary-6d1f0a";

/// What is outside of the walls.
pub(super) struct Outside {
    tcp: TcpListener,
    udp: UdpSocket,
    unix: UnixListener,
    named: UnixListener,
    name: String,
    process: Child,
}

impl Outside {
    pub(super) fn new(cell: &Cell) -> Self {
        let name = format!("asynccoder-test-{}", cell.folder.path().display());
        fs::write(cell.folder.path().join("secret"), SECRET).unwrap();
        let outside = Self {
            tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            udp: UdpSocket::bind("127.0.0.1:0").unwrap(),
            unix: UnixListener::bind(cell.folder.path().join("socket")).unwrap(),
            named: UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap())
                .unwrap(),
            name,
            process: Command::new("sleep").arg("600").env("SECRET", SECRET).spawn().unwrap(),
        };
        outside.tcp.set_nonblocking(true).unwrap();
        outside.udp.set_nonblocking(true).unwrap();
        outside.unix.set_nonblocking(true).unwrap();
        outside.named.set_nonblocking(true).unwrap();
        outside
    }

    /// Nobody came, and nothing changed.
    pub(super) fn is_untouched(&mut self, cell: &Cell, what: &str) {
        assert!(self.tcp.accept().is_err(), "{what}: TCP");
        assert!(self.udp.recv(&mut [0; 8]).is_err(), "{what}: UDP");
        assert!(self.unix.accept().is_err() && self.named.accept().is_err(), "{what}: unix");
        assert!(self.process.try_wait().unwrap().is_none(), "{what}: a process was killed");
        let mut names: Vec<_> = fs::read_dir(cell.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "scratch")
            .collect();
        names.sort();
        assert_eq!(names, ["git", "secret", "socket", "tree"], "{what}");
        assert_eq!(
            fs::read_to_string(cell.folder.path().join("secret")).unwrap(),
            SECRET,
            "{what}"
        );
        assert_eq!(fs::read_to_string(cell.folder.path().join("git/config")).unwrap(), "canary");
        assert_eq!(fs::read_dir(cell.folder.path().join("git")).unwrap().count(), 1, "{what}");
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Succeeds if it prints something.
fn shows(command: &str) -> String {
    format!("test -n \"$({command} 2>/dev/null | head -c 100)\" && echo {OUT}")
}

/// Succeeds if it ends well.
fn works(command: &str) -> String {
    format!("({command}) >/dev/null 2>&1 && echo {OUT}")
}

/// A call of the kernel's, which must not even be begun.
fn call(number: u32, arguments: &str) -> String {
    let program = format!(
        "import ctypes\nl = ctypes.CDLL(None, use_errno=True)\nr = l.syscall({number}, {arguments})\ne = ctypes.get_errno()\nprint('{OUT}', r, e) if r >= 0 or e not in (1, 38) else None"
    );
    py(&program)
}

fn python(program: &str) -> String {
    py(&program.replace("OUT()", &format!("print('{OUT}')")))
}

fn files(dir: &str) -> Vec<String> {
    let mut list: Vec<String> = [
        format!("cat {dir}/secret"),
        format!("cat {dir}/git/config"),
        "cat ../git/config".to_owned(),
        "cat ../secret".to_owned(),
        format!("ls {dir}/git"),
        format!("cat /proc/self/root{dir}/secret"),
        format!("cat /proc/1/root{dir}/secret"),
        "cat /proc/self/cwd/../secret".to_owned(),
        format!("ln -s {dir}/secret link; cat link"),
        format!("ln -s {dir} linked; cat linked/secret"),
        format!("ln {dir}/secret hard; cat hard"),
        format!("cp {dir}/secret copy; cat copy"),
        format!("mkdir -p a && ln -sfn {dir} a/b && cat a/b/secret"),
        "cat /etc/shadow".to_owned(),
        "cat /etc/gshadow".to_owned(),
        "cat /etc/passwd".to_owned(),
        "ls /root /home".to_owned(),
        "cat /root/.bashrc".to_owned(),
        "ls /var/lib".to_owned(),
        "ls /run/systemd /var/run/docker.sock".to_owned(),
        "cat /dev/mem".to_owned(),
        "cat /dev/kmsg".to_owned(),
        "cat /proc/kmsg".to_owned(),
        "cat /proc/kcore".to_owned(),
        "dmesg".to_owned(),
        "ls /sys/kernel".to_owned(),
        "ls /dev/ | grep -E 'vd|sd|nvme|loop|kvm|fuse'".to_owned(),
    ]
    .map(|command| shows(&command))
    .to_vec();
    list.extend(
        [
            format!("echo x > {dir}/written"),
            format!("echo x > {dir}/git/config"),
            format!("echo x > {dir}/git/hooks"),
            "echo x > ../written".to_owned(),
            format!("mkdir {dir}/made"),
            format!("rm -f {dir}/secret && ! test -e {dir}/secret && test -e {dir}"),
            format!("mv {dir}/tree {dir}/moved"),
            "rmdir $PWD; mv $PWD ../moved".to_owned(),
            "ln -s / ../written".to_owned(),
            format!("chmod 777 {dir}/secret"),
            format!("chown 1234 {dir}/secret"),
            format!("touch -d 2001-01-01 {dir}/secret"),
            format!("touch -h -d 2001-01-01 {dir}/secret"),
            format!("setfattr -n user.x -v y {dir}/secret"),
            format!("truncate -s 0 {dir}/secret"),
            "echo x > /usr/written".to_owned(),
            "echo x > /etc/written".to_owned(),
            "echo x > /written".to_owned(),
            "echo x > /dev/written".to_owned(),
            "echo x > /var/tmp/written".to_owned(),
            "echo x > /usr/bin/bash".to_owned(),
            // Opened only: if this worked, the machine would not be the same.
            "exec 3>> /proc/sys/kernel/core_pattern".to_owned(),
            "exec 3>> /proc/sys/kernel/modprobe".to_owned(),
            "exec 3>> /proc/sysrq-trigger".to_owned(),
            "echo -1000 > /proc/self/oom_score_adj".to_owned(),
            "for f in $(find /proc -writable -type f -not -path '/proc/[0-9]*'); do test -w $f && exit 0; done; false".to_owned(),
            "exec 3>> /proc/sys/vm/overcommit_memory".to_owned(),
            "mkdir /sys/fs/cgroup/made".to_owned(),
            "exec 3>> /sys/kernel/uevent_helper".to_owned(),
            "mknod disk b 8 0".to_owned(),
            "mknod memory c 1 1".to_owned(),
            "mknod /tmp/memory c 1 1 && head -c 1 /tmp/memory".to_owned(),
        ]
        .map(|command| works(&command)),
    );
    list
}

fn namespaces() -> Vec<String> {
    [
        "mount -t tmpfs none /tmp",
        "mount --bind / /tmp",
        "mount -o remount,rw /",
        "mount -o remount,rw,bind /usr",
        "mount -t proc proc /tmp",
        "umount /tmp",
        "umount -l /usr",
        "chroot / true",
        "unshare -U true",
        "unshare -r true",
        "unshare -m true",
        "unshare -n true",
        "unshare -p -f true",
        "unshare -i true",
        "unshare -u true",
        "unshare -C true",
        "unshare -T true",
        "nsenter -t 1 -m true",
        "nsenter -t 1 -n true",
        "nsenter -t 1 -U true",
        "bwrap --ro-bind / / true",
        "setpriv --reuid 0 --regid 0 --clear-groups --bounding-set +all true",
        "su -c true",
        "su nobody -s /bin/bash -c true",
        "sudo -n true",
        "hostname other && false",
        "swapoff /dev/null",
        "cp /bin/bash rooted; chmod 4755 rooted; ./rooted -p -c 'grep CapEff /proc/self/status | grep -v 0000000000000000'",
    ]
    .map(works)
    .to_vec()
}

fn processes(pid: u32) -> Vec<String> {
    let mut list: Vec<String> = [
        format!("cat /proc/{pid}/environ"),
        format!("cat /proc/{pid}/maps"),
        format!("ls /proc/{pid}/fd"),
        format!("cat /proc/{pid}/cmdline"),
        format!("head -c 1 /proc/{pid}/mem"),
        format!("grep -l {SECRET} /proc/[0-9]*/environ"),
    ]
    .map(|command| shows(&command))
    .to_vec();
    list.extend(
        [
            format!("kill -0 {pid}"),
            format!("kill -9 {pid}"),
            format!("renice 19 {pid}"),
            format!("prlimit --pid {pid} --nproc=1"),
            format!("taskset -p 1 {pid}"),
            format!("ionice -c 3 -p {pid}"),
        ]
        .map(|command| works(&command)),
    );
    // To everybody, which means to itself at most.
    list.push("kill -9 -1".to_owned());
    list.push("kill -TERM -1".to_owned());
    list.push(python(&format!(
        "import ctypes\nl = ctypes.CDLL(None)\nl.ptrace(16, {pid}, 0, 0) == 0 and OUT()"
    )));
    list.push(python(&format!(
        "import os, ctypes\nl = ctypes.CDLL(None)\nfd = l.syscall(434, {pid}, 0)\nfd >= 0 and l.syscall(424, fd, 9, 0, 0) == 0 and OUT()"
    )));
    list.push(call(438, &format!("{pid}, 0, 0")));
    list
}

fn networks(outside: &Outside, dir: &str) -> Vec<String> {
    let (tcp, udp) =
        (outside.tcp.local_addr().unwrap().port(), outside.udp.local_addr().unwrap().port());
    let name = &outside.name;
    let connects = |family: &str, sort: &str, to: &str| {
        python(&format!(
            "import socket\ns = socket.socket(socket.{family}, socket.{sort})\ns.settimeout(2)\ns.connect({to})\nOUT()"
        ))
    };
    let mut list = vec![
        connects("AF_INET", "SOCK_STREAM", &format!("('127.0.0.1', {tcp})")),
        connects("AF_INET", "SOCK_STREAM", &format!("('127.1', {tcp})")),
        connects("AF_INET", "SOCK_STREAM", &format!("('0.0.0.0', {tcp})")),
        connects("AF_INET6", "SOCK_STREAM", &format!("('::ffff:127.0.0.1', {tcp})")),
        connects("AF_INET", "SOCK_STREAM", "('1.1.1.1', 443)"),
        connects("AF_INET", "SOCK_STREAM", "('169.254.169.254', 80)"),
        connects("AF_INET", "SOCK_STREAM", "('10.0.0.1', 22)"),
        connects("AF_INET6", "SOCK_STREAM", "('2606:4700:4700::1111', 443)"),
        connects("AF_INET", "SOCK_RAW", "('1.1.1.1', 0)"),
        connects("AF_UNIX", "SOCK_STREAM", &format!("'{dir}/socket'")),
        connects("AF_UNIX", "SOCK_STREAM", &format!("'\\\\0{name}'")),
        connects("AF_UNIX", "SOCK_STREAM", "'/run/dbus/system_bus_socket'"),
        connects("AF_UNIX", "SOCK_STREAM", "'/run/docker.sock'"),
        connects("AF_UNIX", "SOCK_DGRAM", "'/dev/log'"),
        format!("bash -c 'exec 3<>/dev/tcp/127.0.0.1/{tcp}' 2>/dev/null && echo {OUT}"),
        format!("bash -c 'echo out > /dev/udp/127.0.0.1/{udp}'"),
        python(&format!(
            "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nfor host in ('127.0.0.1', '255.255.255.255', '1.1.1.1'):\n    try: s.sendto(b'out', (host, {udp}))\n    except OSError: pass"
        )),
        python("import socket\nsocket.getaddrinfo('example.com', 80)\nOUT()"),
        python("import socket\ns = socket.socket(40, socket.SOCK_STREAM)\nOUT()"),
        works("ping -c 1 -W 1 127.0.0.1 && false"),
    ];
    // Every family there is; those of a network of one's own are looked at above.
    for family in (0..46).filter(|family| ![1, 2, 10].contains(family)) {
        list.push(python(&format!(
            "import socket\nfor sort in (1, 2, 3, 4, 5, 10):\n    for protocol in (0, 1, 3, 16):\n        try: socket.socket({family}, sort, protocol); OUT()\n        except OSError: pass"
        )));
    }
    list
}

/// Numbers are those of x86-64; elsewhere they mean other calls, which are as forbidden or as harmless.
fn calls() -> Vec<String> {
    let mut list = vec![
        call(425, "8, ctypes.create_string_buffer(256)"),
        call(321, "0, ctypes.create_string_buffer(128), 128"),
        call(298, "ctypes.create_string_buffer(128), 0, -1, -1, 0"),
        call(323, "1"),
        call(248, "b'user', b'x', b'y', 1, -4"),
        call(250, "0, -4, 1, 0, 0"),
        call(319, "b'x', 0"),
        call(447, "0"),
        call(29, "0, 4096, 0o1600"),
        call(304, "-100, ctypes.create_string_buffer(128), 0"),
        call(
            303,
            "-100, b'/', ctypes.create_string_buffer(128), ctypes.create_string_buffer(8), 0",
        ),
        call(428, "-100, b'/', 1"),
        call(429, "-100, b'/', -100, b'/tmp', 0"),
        call(430, "b'tmpfs', 0"),
        call(442, "-100, b'/', 0, ctypes.create_string_buffer(32), 32"),
        call(155, "b'/', b'/'"),
        call(165, "b'none', b'/tmp', b'tmpfs', 0, 0"),
        call(166, "b'/tmp', 2"),
        call(161, "b'/'"),
        call(272, "0x10000000"),
        call(308, "0, 0"),
        call(56, "0x10000011, 0, 0, 0, 0"),
        call(56, "0x40000011, 0, 0, 0, 0"),
        call(56, "0x00020011, 0, 0, 0, 0"),
        call(435, "ctypes.create_string_buffer(88), 88"),
        call(300, "0, 0"),
        call(167, "b'x', 0"),
        call(163, "b'/nonexistent/x'"),
        call(169, "0, 0, 0, 0"),
        call(246, "0, 0, 0, 0"),
        call(175, "0, 0, b''"),
        call(313, "-1, b'', 0"),
        call(176, "b'x', 0"),
        call(103, "3, ctypes.create_string_buffer(64), 64"),
        call(164, "ctypes.create_string_buffer(b'\\xff' * 16), 0"),
        call(227, "99, ctypes.create_string_buffer(16)"),
        call(170, "b'x', -1"),
        call(312, "1, 1, 0, 0, 0"),
    ];
    if cfg!(target_arch = "x86_64") {
        list.push(call(172, "3"));
        list.push(call(173, "0, 1, 1"));
        // A socket by its number in the other table of calls, and by the call of 32-bit programs.
        list.push(call(0x4000_0029, "40, 1, 0"));
        list.push(python("import ctypes, mmap\nm = mmap.mmap(-1, 4096, prot=7)\nm.write(bytes.fromhex('53b867010000bb28000000b901000000ba00000000cd805bc3'))\nf = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\nf() >= 0 and OUT()"));
    }
    list
}

#[tokio::test]
async fn no_attempt_gets_out() {
    for walls in WALLS {
        let cell = Cell::new(walls).await;
        let dir = cell.folder.path().to_str().unwrap().to_owned();
        let mut outside = Outside::new(&cell);
        let attempts: Vec<String> = files(&dir)
            .into_iter()
            .chain(namespaces())
            .chain(processes(outside.process.id()))
            .chain(networks(&outside, &dir))
            .chain(calls())
            .collect();
        assert!(attempts.len() >= 100, "only {} attempts", attempts.len());
        // Several at once, as a command could do it itself.
        for some in attempts.chunks(AT_ONCE) {
            let ran =
                futures::future::join_all(some.iter().map(|attempt| cell.runs(attempt))).await;
            for (attempt, ran) in some.iter().zip(ran) {
                assert!(!ran.output.contains(OUT), "{walls}: {attempt}\n{}", ran.output);
                assert!(!ran.output.contains(SECRET), "{walls}: {attempt}\n{}", ran.output);
            }
            outside.is_untouched(&cell, &format!("{walls}: {some:#?}"));
        }
    }
}

/// The attempts can succeed: without walls, many of them do.
#[test]
fn the_attempts_would_work_without_walls() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), SECRET).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = listener.local_addr().unwrap().port();
    let dir = folder.path().to_str().unwrap();
    let attempts = [
        shows(&format!("cat {dir}/secret")),
        works(&format!("echo x > {dir}/written")),
        python(&format!("import socket\nsocket.create_connection(('127.0.0.1', {tcp}))\nOUT()")),
        call(319, "b'x', 0"),
        works("kill -0 $PPID"),
    ];
    for attempt in attempts {
        let ran =
            Command::new("bash").args(["-c", &attempt]).stdin(Stdio::null()).output().unwrap();
        assert!(String::from_utf8_lossy(&ran.stdout).contains(OUT), "{attempt}");
    }
}
