//! A pooler in front of our own PostgreSQL.

use crate::postgres::{START_LIMIT, as_user, fresh_database, unprivileged};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// The address of a fresh, empty database behind a pooler that gives each transaction any of two
/// connections, as Debian's pgbouncer does when it is told to; and the pooler, to be kept.
pub(crate) fn fresh_database_behind_a_pooler() -> (String, Pooler) {
    let url = fresh_database();
    let (name, host) = url.split_once("?host=").unwrap();
    let (name, host) = (name.trim_start_matches("postgres:///"), host.split('&').next().unwrap());
    let folder = tempfile::Builder::new().prefix("pool").tempdir_in("/tmp").unwrap();
    let user = unprivileged();
    if let Some((uid, gid)) = user {
        chown(folder.path(), Some(uid), Some(gid)).unwrap();
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let settings = folder.path().join("pgbouncer.ini");
    let text = format!(
        "[databases]\n{name} = host={host} user=postgres\n[pgbouncer]\nunix_socket_dir = {}\n\
         listen_addr =\nlisten_port = 6432\nauth_type = any\npool_mode = transaction\n\
         default_pool_size = 2\nmax_client_conn = 200\n",
        folder.path().display()
    );
    fs::write(&settings, text).unwrap();
    let mut command = as_user(user, Path::new("/usr/sbin/pgbouncer"));
    command.arg("-q").arg(&settings).stdin(Stdio::null()).stdout(Stdio::null());
    let child = command.stderr(Stdio::null()).spawn();
    let pooler = Pooler { child: child.expect("pgbouncer is missing: run scripts/test"), folder };
    let socket = pooler.folder.path().join(".s.PGSQL.6432");
    let began = Instant::now();
    while !socket.exists() {
        assert!(began.elapsed() < START_LIMIT, "pgbouncer does not start");
        std::thread::yield_now();
    }
    let at = pooler.folder.path().display();
    let url =
        format!("postgres:///{name}?host={at}&port=6432&user=postgres&statement-cache-capacity=0");
    (url, pooler)
}

/// A pooler of our own; it ends when this is dropped.
pub(crate) struct Pooler {
    child: Child,
    folder: TempDir,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
