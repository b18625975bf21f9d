//! Everything at once, by dice: whatever dies, lags, repeats or refuses, every accepted command ends
//! visibly, each effect exists once, and the ledger is right. `cargo bench --bench torture` goes on for
//! as long as one likes.

use crate::world::torture::{Torture, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_on_sqlite_survives_a_storm() {
    let torture = Torture { seed: 1, commands: 14, kills: 5, servers: 1, each: 15 };
    let summary = run(torture).await;
    assert!(summary.done > summary.failed, "{summary:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_postgresql_survive_a_storm() {
    let torture = Torture { seed: 2, commands: 14, kills: 5, servers: 2, each: 15 };
    let summary = run(torture).await;
    assert!(summary.done > summary.failed, "{summary:?}");
}
