//! Builds every room once, starts and stops them, and decides nothing.

mod supervision;

pub use supervision::kept_running;

use crate::admission::Admission;
use crate::config::Config;
use crate::git::Git;
use crate::github::{self, GitHub};
use crate::http::Http;
use crate::llm::breaker::{Breaker, Guarded};
use crate::llm::retry::{RetryPolicy, Retrying};
use crate::llm::{Endpoint, Providers};
use crate::outbox::Outbox;
use crate::reconcile::Reconcile;
use crate::sandbox::Sandbox;
use crate::store::Store;
use crate::store::writers::Load;
use crate::worker::{Asked, Worker};
use crate::{intake, telemetry};
use anyhow::{Context, bail};
use std::fs::File;
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Accounts that are written to, and commands that are decided, at once. The last of the outbox leaves git
/// to the others, so that slow pushes never hold up all of them.
const OUTBOX_LOOPS: [Load; 5] = [Load::All, Load::All, Load::All, Load::All, Load::Light];
const ADMISSION_LOOPS: usize = 4;
/// Everything has so long to stop.
const STOP_LIMIT: Duration = Duration::from_secs(25);
/// How often [`App::settled`] looks.
const SETTLE_POLL: Duration = Duration::from_millis(10);

/// A running server.
pub struct App {
    url: String,
    store: Store,
    stop: CancellationToken,
    rooms: TaskTracker,
    only_server: File,
}

impl App {
    /// Starts everything; it runs until [`App::stop`].
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("DATA_DIR {} cannot be made", config.data_dir.display()))?;
        let only_server = lock(&config.data_dir)?;
        let store = Store::open(&config.database_url).await?;
        store.take_over_leases().await?;
        store.set_models(&config.catalog).await?;
        let listener = TcpListener::bind((config.host, config.port)).await;
        let listener = listener.with_context(|| {
            format!("cannot listen on {}:{} (HOST, PORT)", config.host, config.port)
        })?;
        let url = format!("http://{}", listener.local_addr()?);
        let stop = CancellationToken::new();
        let rooms = TaskTracker::new();
        let client = github::http_client()?;
        let github = GitHub::new(&config, client.clone())?;
        if let Err(error) = Sandbox::remove_leftovers(&config.data_dir) {
            tracing::warn!(%error, "what commands left in DATA_DIR cannot be removed");
        }
        let models = language_models(&config, client, sandbox(&config).await);
        start_rooms(&config, &store, (github, models), &url, (&rooms, &stop))?;
        serve(&config, &store, listener, &rooms, &stop);
        Ok(Self { url, store, stop, rooms, only_server })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Waits until everything accepted so far is done and shown, or until the time is over.
    pub async fn settled(&self, limit: Duration) -> anyhow::Result<()> {
        let look = async {
            while !self.store.is_settled().await? {
                tokio::time::sleep(SETTLE_POLL).await;
            }
            Ok::<_, anyhow::Error>(())
        };
        tokio::time::timeout(limit, look)
            .await
            .with_context(|| format!("not settled within {limit:?}"))?
    }

    /// Takes nothing new, gives running tasks back, and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        self.rooms.close();
        if tokio::time::timeout(STOP_LIMIT, self.rooms.wait()).await.is_err() {
            tracing::warn!(
                "not everything stopped in time; the rest is taken up at the next start"
            );
        }
        self.store.close().await;
        // Closing the file is not enough while a process that is just being started shares it.
        if let Err(error) = self.only_server.unlock() {
            tracing::warn!(%error, "DATA_DIR stays locked until this process has ended");
        }
    }
}

fn start_rooms(
    config: &Config,
    store: &Store,
    (github, models): (GitHub, Asked),
    url: &str,
    (rooms, stop): (&TaskTracker, &CancellationToken),
) -> anyhow::Result<()> {
    let git =
        Git::new(&config.data_dir, &config.github_server).context("DATA_DIR cannot be used")?;
    git.remove_leftovers().context("what was left in DATA_DIR cannot be removed")?;
    let public_url = config.public_url.as_ref().map_or(url, |u| u.as_str());
    let admission = Admission::new(config, store.clone(), github.clone());
    for _ in 0..ADMISSION_LOOPS {
        let admission = admission.clone();
        let begin = move |stop| admission.clone().run(stop);
        rooms.spawn(kept_running("admission", begin, stop.clone()));
    }
    let outbox = Outbox::new(config, store.clone(), github.clone(), git.clone(), public_url);
    for load in OUTBOX_LOOPS {
        let outbox = outbox.clone();
        let begin = move |stop| outbox.clone().run(load, stop);
        rooms.spawn(kept_running("outbox", begin, stop.clone()));
    }
    let plans = config.plans.clone();
    let reconcile = Reconcile::new(store.clone(), github.clone(), plans.clone());
    let begin = move |stop| reconcile.clone().run(stop);
    rooms.spawn(kept_running("reconcile", begin, stop.clone()));
    let (read, ours, poll) = (store.clone(), (plans, config.app.id), config.timing.poll);
    let begin = move |stop| intake::run(read.clone(), ours.clone(), poll, stop);
    rooms.spawn(kept_running("intake", begin, stop.clone()));
    let worker = Worker::new(config, store.clone(), github, git, models);
    worker.remove_half_setups();
    let forgetful = worker.clone();
    let begin = move |stop| forgetful.clone().forget_by_and_by(stop);
    rooms.spawn(kept_running("forgetting", begin, stop.clone()));
    let begin = move |stop| worker.clone().run(stop);
    rooms.spawn(kept_running("worker", begin, stop.clone()));
    Ok(())
}

fn serve(
    config: &Config,
    store: &Store,
    listener: TcpListener,
    rooms: &TaskTracker,
    stop: &CancellationToken,
) {
    let http = Http::new(config, store.clone(), telemetry::metrics(), stop.clone());
    let service = http.router().into_make_service_with_connect_info::<SocketAddr>();
    let server =
        axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    rooms.spawn(async move {
        if let Err(error) = server.into_future().await {
            tracing::error!(%error, "the HTTP server ended");
        }
    });
}

/// Walls that hold here, looked at once. Without them the bot works on and says what it cannot do.
async fn sandbox(config: &Config) -> Option<Sandbox> {
    match Sandbox::prove(config).await {
        Ok(sandbox) => {
            tracing::info!(walls = sandbox.name(), "commands are run behind walls that were tried");
            Some(sandbox)
        }
        Err(why) => {
            tracing::warn!(why, "no command and no check is run; `asynccoder doctor` says more");
            None
        }
    }
}

fn language_models(config: &Config, client: reqwest::Client, sandbox: Option<Sandbox>) -> Asked {
    let endpoints = config.providers.iter().map(|p| Endpoint {
        provider: p.provider,
        base_url: p.base_url.clone(),
        key: p.key.clone(),
    });
    let first_wait = config.timing.model_backoff;
    let policy =
        RetryPolicy { first_wait, longest_wait: first_wait * 15, ..RetryPolicy::default() };
    let providers = Providers::new(client, endpoints.collect());
    let providers = providers.with_patience(config.timing.model_patience);
    let breaker = Breaker::new(config.timing.failures_to_open, config.timing.probe_spacing);
    let llm = Arc::new(Retrying::new(Guarded::new(providers, breaker.clone()), policy));
    Asked { llm, breaker, sandbox }
}

/// One server per data folder: two would undo each other's work in it.
pub(crate) fn lock(data_dir: &Path) -> anyhow::Result<File> {
    let path = data_dir.join("serve.lock");
    let file = File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    if file.try_lock().is_err() {
        bail!(
            "another asynccoder process (serve or migrate) uses DATA_DIR {}: stop it, or give this one another folder",
            data_dir.display()
        );
    }
    Ok(file)
}
