//! Within the walls of a setup: takes in what its programs have to say to a proxy, and carries it to the
//! door. It decides nothing; the one behind the door does.

use anyhow::Context;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;

/// Between two tries when there are too many connections.
const PAUSE: Duration = Duration::from_millis(10);

/// Carries connections from the listener that standard input is to this socket, until it is killed.
pub(super) fn run(door: &Path) -> anyhow::Result<()> {
    let stdin: OwnedFd = std::io::stdin().as_fd().try_clone_to_owned().context("the listener")?;
    let listener = TcpListener::from(stdin);
    listener.set_nonblocking(true).context("the listener")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(carry(listener, door))
}

async fn carry(listener: TcpListener, door: &Path) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener).context("the listener")?;
    loop {
        let Ok((mut inside, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let door = door.to_owned();
        tokio::spawn(async move {
            // A connection that breaks is the program's matter.
            if let Ok(mut outside) = UnixStream::connect(door).await {
                let _ = tokio::io::copy_bidirectional(&mut inside, &mut outside).await;
            }
        });
    }
}
