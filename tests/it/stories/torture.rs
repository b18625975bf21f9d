//! Everything at once, by dice: whatever dies, lags, repeats or refuses, every accepted command ends
//! visibly, each effect exists once, and the ledger is right. `cargo bench --bench torture` goes on for
//! as long as one likes.

use crate::world::WHOLE_MACHINE;
use crate::world::torture::{Summary, Torture, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_on_sqlite_survives_a_storm() {
    let _alone = WHOLE_MACHINE.lock().await;
    let torture = Torture { seed: 1, commands: 14, kills: 5, servers: 1, each: 15 };
    suffered(&run(torture).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_postgresql_survive_a_storm() {
    let _alone = WHOLE_MACHINE.lock().await;
    let torture = Torture { seed: 2, commands: 14, kills: 5, servers: 2, each: 15 };
    suffered(&run(torture).await);
}

/// The run was worth its name, and most of the work came to a good end all the same.
fn suffered(summary: &Summary) {
    let Summary { tasks, done, failed, kills, requests, unpaid_calls } = *summary;
    assert!(tasks > 5 && kills > 3 && requests > 200, "{summary:?}");
    assert!(done > failed, "{summary:?}");
    assert!(unpaid_calls <= kills * 3, "one call a kill and task at most is ours: {summary:?}");
}
