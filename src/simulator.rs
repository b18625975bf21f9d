//! GitHub and a model service on loopback, for tests and for the demonstration.
//!
//! Three listeners stand for `api.github.com`, `github.com` (git over HTTP) and the model
//! provider. They are as strict as the real ones: an unknown field, a missing permission or an
//! unanswered tool call is refused, never forgiven. Everything that arrives and everything that
//! changes is written into one [`Journal`](Entry), and [`Faults`] can refuse, hold or lose any reply.
//!
//! This room uses no other room of the crate: it has its own signatures, its own token checks and
//! its own git processes, so that no mistake can be made on both sides. It never leaves loopback.

mod acts;
mod crypto;
mod events;
mod faults;
mod git;
mod github;
mod hooks;
mod hub;
mod journal;
mod models;
mod people;
mod reading;
mod script;
mod wire;
mod world;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use tokio::task::JoinHandle;

pub use self::{
    faults::{At, Faults, Gate, Moment, Rates, Refusal, Spoiled, Storm},
    github::limits::Limits,
    hooks::Mishaps,
    journal::{Auth, Effect, Entry, Request, Wall, What},
    models::Models,
    people::{AtLine, Opening, RepositoryOptions},
    reading::{CheckRunView, CommentView, CommitView, IssueView, PullRequestView, ReviewView},
    script::{Failure, Script, Usage},
};
use self::{
    hub::Hub,
    wire::{Cord, Listener},
};

/// How to start a [`Simulator`].
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Decides everything that is random, such as the form of tokens.
    pub seed: u64,
    /// Leaves the repositories on disk when the simulator is gone.
    pub keep: bool,
    /// Where the repositories lie; a new temporary folder if absent.
    pub folder: Option<PathBuf>,
}

/// What the owner of the GitHub App knows: enough to configure the bot.
#[derive(Debug, Clone)]
pub struct AppCredentials {
    /// The number of the App.
    pub app_id: u64,
    /// The client id, accepted as issuer as well.
    pub client_id: String,
    /// The App's RSA key, PKCS#1 PEM.
    pub private_key_pem: String,
    /// The secret that signs deliveries.
    pub webhook_secret: String,
    /// The App's name in addresses.
    pub slug: String,
    /// The login of the App's bot user.
    pub bot_login: String,
    /// The number of the App's bot user.
    pub bot_id: u64,
}

/// The handle: cheap to clone; the last clone takes the listeners and the folder with it.
#[derive(Debug, Clone)]
pub struct Simulator {
    hub: Arc<Hub>,
    quiet: bool,
    running: Arc<Running>,
}

impl Simulator {
    /// Binds the three listeners and starts serving.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let (folder, temporary) = folder(&options)?;
        let entrance = Entrance::bind(0).await?;
        let (hub, parcels) = Hub::new(entrance.urls(), folder, options.seed)?;
        let hub = Arc::new(hub);
        let hooks = tokio::spawn(hooks::deliver_all(Arc::clone(&hub), parcels));
        let running = Running {
            tasks: Mutex::new(vec![hooks]),
            cords: Mutex::default(),
            doors: Mutex::new(0),
            _folder: temporary,
        };
        running.serve(&hub, entrance);
        Ok(Self { hub, quiet: false, running: Arc::new(running) })
    }

    /// Opens another way into the same world, so that it can be told which of several servers a
    /// request came from.
    pub async fn open_door(&self) -> anyhow::Result<Door> {
        let number = {
            let mut doors = self.running.doors.lock().unwrap_or_else(PoisonError::into_inner);
            *doors += 1;
            *doors
        };
        let entrance = Entrance::bind(number).await?;
        let hub::Urls { api, server, models } = entrance.urls();
        self.running.serve(&self.hub, entrance);
        Ok(Door { number, api_url: api, server_url: server, models_url: models })
    }

    /// Closes the listeners. Replies under way are cut off.
    pub async fn stop(&self) {
        self.running.end();
        tokio::task::yield_now().await;
    }

    /// The address that stands for `https://api.github.com`.
    pub fn api_url(&self) -> &str {
        &self.hub.urls.api
    }

    /// The address that stands for `https://github.com`.
    pub fn server_url(&self) -> &str {
        &self.hub.urls.server
    }

    /// The address of the model service, without `/v1`.
    pub fn models_url(&self) -> &str {
        &self.hub.urls.models
    }

    /// What the bot needs to be this App.
    pub fn credentials(&self) -> AppCredentials {
        self.hub.app.clone()
    }

    /// The same world; what this handle does sends no webhook.
    #[must_use]
    pub fn quietly(&self) -> Self {
        let mut handle = self.clone();
        handle.quiet = true;
        handle
    }

    /// Faults on all three walls.
    pub fn faults(&self) -> &Faults {
        &self.hub.faults
    }

    /// The model service's scripts and requests.
    pub fn models(&self) -> Models {
        Models::new(Arc::clone(&self.hub))
    }

    /// A copy of everything recorded so far.
    pub fn journal(&self) -> Vec<Entry> {
        self.hub.journal.entries()
    }

    /// The requests that were refused because of a mistake: wrong credentials, missing
    /// permissions, unknown routes and fields, broken limits. Planned faults are not among them.
    pub fn refusals(&self) -> Vec<Request> {
        let entries = self.journal();
        let requests = entries.iter().filter_map(Entry::request);
        requests.filter(|request| request.refused).cloned().collect()
    }

    /// Moves GitHub's clock forward: installation tokens expire, limits reset. The App's own
    /// tokens are still judged by the real clock.
    pub fn advance(&self, by: Duration) {
        self.hub.world().advance(by);
        self.hub.journal.bump();
    }

    /// From now on lists do not show what was created less than so long ago, as GitHub's copies lag.
    pub fn set_read_lag(&self, lag: Duration) {
        self.hub.world().lag = chrono::TimeDelta::from_std(lag).unwrap_or_default();
    }

    /// Every installation token is dead from now on.
    pub fn revoke_tokens(&self) {
        self.hub.world().tokens.clear();
    }

    /// Replaces the rate limits; whoever had to wait need not any more.
    pub fn set_limits(&self, limits: Limits) {
        let mut world = self.hub.world();
        world.limits = limits;
        for installation in world.installations.values_mut() {
            installation.closed = None;
        }
    }

    /// Waits until `seen` says yes, asking again after each new entry of the journal.
    pub async fn wait_for(
        &self,
        mut seen: impl FnMut(&Self) -> bool,
        timeout: Duration,
    ) -> anyhow::Result<()> {
        let mut changes = self.hub.journal.changes();
        let waiting = async {
            while !seen(self) {
                changes.changed().await?;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(timeout, waiting)
            .await
            .with_context(|| format!("not seen within {timeout:?}; {}", self.hub.journal.tail()))?
    }
}

/// Another way into the world; the first one has the number 0.
#[derive(Debug, Clone)]
pub struct Door {
    /// What [`Gate::reached`] says of a request that came through it.
    pub number: usize,
    /// The address that stands for `https://api.github.com`.
    pub api_url: String,
    /// The address that stands for `https://github.com`.
    pub server_url: String,
    /// The address of the model service, without `/v1`.
    pub models_url: String,
}

/// The listeners of a door.
struct Entrance {
    api: Listener,
    server: Listener,
    models: Listener,
}

impl Entrance {
    async fn bind(door: usize) -> anyhow::Result<Self> {
        let (api, server) = (Listener::bind(door).await?, Listener::bind(door).await?);
        Ok(Self { api, server, models: Listener::bind(door).await? })
    }

    fn urls(&self) -> hub::Urls {
        let Self { api, server, models } = self;
        hub::Urls { api: api.url(), server: server.url(), models: models.url() }
    }
}

/// What must end with the last handle.
#[derive(Debug)]
struct Running {
    tasks: Mutex<Vec<JoinHandle<()>>>,
    cords: Mutex<Vec<Cord>>,
    /// The number of the last door.
    doors: Mutex<usize>,
    _folder: Option<tempfile::TempDir>,
}

impl Running {
    fn serve(&self, hub: &Arc<Hub>, entrance: Entrance) {
        let Entrance { api, server, models } = entrance;
        let mut cords = self.cords.lock().unwrap_or_else(PoisonError::into_inner);
        cords.extend([api.cord(), server.cord(), models.cord()]);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.extend([
            tokio::spawn(wire::serve(api, github::router(Arc::clone(hub)))),
            tokio::spawn(wire::serve(server, git::http::router(Arc::clone(hub)))),
            tokio::spawn(wire::serve(models, models::router(Arc::clone(hub)))),
        ]);
    }

    fn end(&self) {
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            task.abort();
        }
        for cord in self.cords.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            cord.cut();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn folder(options: &Options) -> anyhow::Result<(PathBuf, Option<tempfile::TempDir>)> {
    if let Some(folder) = &options.folder {
        std::fs::create_dir_all(folder)?;
        return Ok((folder.canonicalize()?, None));
    }
    let temporary = tempfile::Builder::new().prefix("simulator-").tempdir()?;
    if options.keep {
        return Ok((temporary.keep(), None));
    }
    Ok((temporary.path().to_owned(), Some(temporary)))
}
