//! A room that breaks down is begun again.

use asynccoder::app::kept_running;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_util::sync::CancellationToken;

/// A room that breaks down the first so many times.
async fn begun(breaks: u32, stop: CancellationToken) -> u32 {
    let begun = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&begun);
    let begin = move |_| {
        let times = counter.fetch_add(1, Ordering::SeqCst);
        async move { assert!(times >= breaks, "it breaks down") }
    };
    kept_running("a room", begin, stop).await;
    begun.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn a_room_that_breaks_down_is_begun_again_until_the_server_stops() {
    assert_eq!(begun(0, CancellationToken::new()).await, 1, "the end is the end");
    assert_eq!(begun(3, CancellationToken::new()).await, 4);
    let stopped = CancellationToken::new();
    stopped.cancel();
    assert_eq!(begun(3, stopped).await, 1);
}
