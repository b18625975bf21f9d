//! A PostgreSQL of our own: made for one test run from the installed binaries, reached through a
//! socket in a temporary folder, and gone when this process ends, however it ends.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than any start.
pub const START_LIMIT: Duration = Duration::from_mins(2);

/// The address of a fresh, empty database.
pub fn fresh_database() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(|| {
        Server::start().expect("PostgreSQL is missing or does not start: run scripts/test")
    });
    let name = format!("t{}", COUNT.fetch_add(1, Ordering::SeqCst));
    let made = server
        .as_user(&server.binaries.join("createdb"))
        .args(["-h", &server.socket(), "-U", "postgres", &name])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    format!("postgres:///{name}?host={}&user=postgres", server.socket())
}

struct Server {
    binaries: PathBuf,
    folder: TempDir,
    user: Option<(u32, u32)>,
    /// Holds the other end of a pipe: when we end, the shell around the server reads its end.
    _shell: Child,
}

impl Server {
    fn start() -> io::Result<Self> {
        let binaries = binaries().ok_or_else(|| io::Error::other("no initdb found"))?;
        // A socket's path has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp")?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let user = unprivileged();
        let socket = folder.path().join("s");
        fs::create_dir(&socket)?;
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid))?;
            chown(&socket, Some(uid), Some(gid))?;
        }
        let data = folder.path().join("d");
        let init = as_user(user, &binaries.join("initdb"))
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N", "-D"])
            .arg(&data)
            .output()?;
        if !init.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&init.stderr).into_owned()));
        }
        let script = r#""$0" -D "$1" -k "$2" -h '' -F -c max_connections=600 >"$3/log" 2>&1 & p=$!; read -r _; kill -QUIT $p; wait $p; rm -rf "$3""#;
        let shell = as_user(user, Path::new("/bin/sh"))
            .args(["-c", script])
            .args([&binaries.join("postgres"), &data, &socket, &folder.path().to_owned()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let server = Self { binaries, folder, user, _shell: shell };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&self) -> io::Result<()> {
        let began = Instant::now();
        while began.elapsed() < START_LIMIT {
            let asked = self
                .as_user(&self.binaries.join("pg_isready"))
                .args(["-q", "-h", &self.socket()])
                .status()?;
            if asked.success() {
                return Ok(());
            }
            std::thread::yield_now();
        }
        Err(io::Error::other(
            fs::read_to_string(self.folder.path().join("log")).unwrap_or_default(),
        ))
    }

    fn socket(&self) -> String {
        self.folder.path().join("s").display().to_string()
    }

    fn as_user(&self, program: &Path) -> Command {
        as_user(self.user, program)
    }
}

pub fn as_user(user: Option<(u32, u32)>, program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command.current_dir("/").env("LC_ALL", "C");
    command
}

/// Debian keeps them out of the path.
fn binaries() -> Option<PathBuf> {
    let mut versions: Vec<_> =
        fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|e| e.path().join("bin")).collect();
    versions.sort();
    versions.into_iter().rev().find(|folder| folder.join("initdb").exists())
}

/// PostgreSQL refuses to run as root; then it runs as its own user, or as nobody.
pub fn unprivileged() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").ok()?.uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").ok()?;
    ["postgres", "nobody"].iter().find_map(|name| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let fields: Vec<_> = line.split(':').collect();
        Some((fields[2].parse().ok()?, fields[3].parse().ok()?))
    })
}
