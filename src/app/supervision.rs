//! Keeps the rooms of the server running: one that breaks down is begun again, because nobody would miss it
//! until commands wait for ever. It knows nothing of what they do.

use futures::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Before it is begun again, so that what broke it does not take all of a processor.
const REST: Duration = Duration::from_secs(1);

/// Runs it until it ends by itself or the server stops. What it had in hand is taken up again when the
/// lease on that runs out.
pub async fn kept_running<R>(
    what: &'static str,
    begin: impl Fn(CancellationToken) -> R,
    stop: CancellationToken,
) where
    R: Future<Output = ()>,
{
    loop {
        // Nothing of a room that broke is used again.
        if AssertUnwindSafe(begin(stop.clone())).catch_unwind().await.is_ok() {
            return;
        }
        tracing::error!(what, "a part of the server broke down; it is begun again");
        tokio::select! {
            () = tokio::time::sleep(REST) => {}
            () = stop.cancelled() => return,
        }
    }
}
