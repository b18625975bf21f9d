//! A claim: does it stay as quick when very much waits and very much is over?
//!
//! On SQLite and on PostgreSQL, in two databases each: one with 1,000 tasks waiting and no past, one
//! with 100,000 waiting and a million finished. Both belong to 500 accounts. Claims alternate between
//! the two; what was claimed is ended and replaced, so that the tables keep their size.
//!
//! `cargo bench --bench claim` takes a few minutes, most of them to fill the tables.

#[path = "claim/tables.rs"]
mod tables;

#[path = "../tests/it/postgres.rs"]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "the tests' own PostgreSQL"
)]
mod postgres;
#[path = "measure/spread.rs"]
mod spread;

use anyhow::{Context, ensure};
use asynccoder::domain::report::Outcome;
use asynccoder::domain::task::End;
use asynccoder::store::Store;
use asynccoder::store::tasks::Sealed;
use spread::Spread;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tables::{ACCOUNTS, Tables};

const CLAIMS: usize = 2_000;
/// Claims before any is counted.
const WARM_UP: usize = 200;
const LEASE: Duration = Duration::from_mins(1);
/// The default of `RUNNING_PER_INSTALLATION`.
const RUNNING: i64 = 3;

/// Rows of the two databases: waiting, finished.
const FEW: (i64, i64) = (1_000, 0);
const MANY: (i64, i64) = (100_000, 1_000_000);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    println!("{CLAIMS} claims, {ACCOUNTS} accounts       p50 ms    p99 ms");
    let folder = tempfile::tempdir()?;
    let file = |name: &str| format!("sqlite://{}/{name}.db", folder.path().display());
    compare("SQLite", &file("few"), &file("many")).await?;
    compare("PostgreSQL", &postgres::fresh_database(), &postgres::fresh_database()).await
}

async fn compare(engine: &str, few: &str, many: &str) -> anyhow::Result<()> {
    let mut few = Queue::fill(few, FEW).await?;
    let mut many = Queue::fill(many, MANY).await?;
    for _ in 0..WARM_UP + CLAIMS {
        few.claim().await?;
        many.claim().await?;
    }
    let (few, many) = (few.end().await?, many.end().await?);
    println!("{engine:12} 1,000 waiting          {:9.2} {:9.2}", few.p50(), few.at(990));
    println!("{engine:12} 100,000 and 1M over    {:9.2} {:9.2}", many.p50(), many.at(990));
    println!("{engine:12} ratio                  {:9.2}", many.p50() / few.p50());
    Ok(())
}

struct Queue {
    store: Store,
    tables: Tables,
    times: Vec<Duration>,
    /// How often each account was served.
    served: BTreeMap<i64, usize>,
}

impl Queue {
    async fn fill(url: &str, (waiting, finished): (i64, i64)) -> anyhow::Result<Self> {
        let store = Store::open(url).await?;
        let mut tables = Tables::open(url).await?;
        tables.accounts().await?;
        tables.finished(finished).await?;
        tables.waiting(waiting).await?;
        tables.settle().await?;
        Ok(Self { store, tables, times: Vec::new(), served: BTreeMap::new() })
    }

    /// Claims one task, and sees to it that as many wait as before.
    async fn claim(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        let task = self.store.claim_task(LEASE, RUNNING).await?.context("nothing waits")?;
        self.times.push(began.elapsed());
        *self.served.entry(task.account.0).or_default() += 1;
        let sealed = Sealed { end: End::NoChange, outcome: Outcome::default(), acts: Vec::new() };
        ensure!(self.store.seal(task.id, task.lease, sealed).await?, "the lease was lost");
        self.tables.one_more_waits(task.account.0).await
    }

    async fn end(self) -> anyhow::Result<Spread> {
        self.tables.close().await;
        self.store.close().await;
        let fair = (WARM_UP + CLAIMS) / usize::try_from(ACCOUNTS)?;
        let least = self.served.values().copied().min().unwrap_or_default();
        ensure!(self.served.len() == usize::try_from(ACCOUNTS)?, "some account was never served");
        ensure!(least >= fair, "an account was served {least} times, not {fair}");
        Ok(Spread::of(self.times.into_iter().skip(WARM_UP).collect()))
    }
}
