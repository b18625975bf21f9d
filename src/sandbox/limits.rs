//! What one command may use up: what the kernel holds for each process, and what the watcher holds
//! for all of them together, because the kernel knows no limit for a family of processes.

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use std::io;

const MEGABYTE: u64 = 1024 * 1024;
const GIGABYTE: u64 = 1024 * MEGABYTE;

/// The limits of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory of all processes together.
    pub memory: u64,
    /// Memory that one process may write to. Its address space may be larger, because many runtimes
    /// reserve far more than they use.
    pub data: u64,
    /// Addresses that one process may have.
    pub addresses: u64,
    /// Processes and threads at once.
    pub processes: u64,
    /// Files that one process may have open.
    pub open_files: u64,
    /// The size of a file.
    pub file_size: u64,
    /// The size of the workspace with everything that was made in it.
    pub disk: u64,
    /// So much room stays free there, whoever uses it.
    pub disk_reserve: u64,
    /// The size of the private `/tmp`.
    pub temporary: u64,
    /// Processor seconds of one process for each second that the command may take.
    pub cpu_factor: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 4 * GIGABYTE,
            data: 4 * GIGABYTE,
            addresses: 256 * GIGABYTE,
            processes: 512,
            open_files: 4096,
            file_size: 2 * GIGABYTE,
            disk: 8 * GIGABYTE,
            disk_reserve: GIGABYTE / 2,
            temporary: GIGABYTE,
            cpu_factor: 4,
        }
    }
}

impl Limits {
    /// Sets what the kernel holds, for this process and all that come from it. `besides` are the
    /// processes of the same person that are counted with it.
    pub(super) fn apply(&self, seconds: u64, besides: u64) -> io::Result<()> {
        let cpu = seconds.saturating_mul(self.cpu_factor).max(1);
        for (resource, most) in [
            (Resource::Core, 0),
            (Resource::Fsize, self.file_size),
            (Resource::Nofile, self.open_files),
            (Resource::Nproc, self.processes.saturating_add(besides)),
            (Resource::Data, self.data),
            (Resource::As, self.addresses),
            (Resource::Cpu, cpu),
        ] {
            let had = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
            let most = Some(most.min(had));
            setrlimit(resource, Rlimit { current: most, maximum: most })?;
        }
        Ok(())
    }
}
