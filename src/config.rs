//! The environment: every variable is read here and nowhere else.
//!
//! A wrong value never becomes a default. All faults are collected and named at once, each with the
//! variable and the remedy, and the program does not start with any of them.

mod identity;
mod models;
mod parts;
mod reader;

use crate::domain::catalog::{Catalog, Provider};
use crate::domain::credit::Daily;
use crate::domain::limits::Bounds;
use crate::domain::pace::HourlyWrites;
use crate::domain::plan::Plans;
use crate::domain::setup::Hosts;
use http::HeaderName;
use reader::Reader;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

pub use parts::{Models, Receiver};

/// A variable, for the README and for `doctor`.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What holds when it is not set.
    pub default: &'static str,
    /// What it is for.
    pub meaning: &'static str,
}

const fn variable(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, default, meaning }
}

/// Every variable there is, in the order of the README's table.
pub const VARIABLES: &[Variable] = &[
    variable("HOST", "127.0.0.1", "address to listen on"),
    variable("PORT", "3000", "port to listen on; 0 takes a free one"),
    variable("PUBLIC_URL", "http://HOST:PORT", "how people and GitHub reach this server"),
    variable("DATA_DIR", "./data", "folder of the database, the mirrors and the worktrees"),
    variable("DATABASE_URL", "sqlite://DATA_DIR/asynccoder.db", "the database"),
    variable("APP_ID", "–", "the App's id, a number; required"),
    variable(
        "PRIVATE_KEY",
        "–",
        "the App's key: PEM, PEM with `\\n`, or base64; this or PRIVATE_KEY_PATH is required",
    ),
    variable("PRIVATE_KEY_PATH", "–", "file with the App's key"),
    variable(
        "WEBHOOK_SECRET",
        "–",
        "the webhook's secret, or several with commas between; required",
    ),
    variable("GITHUB_API_URL", "https://api.github.com", "GitHub's REST API"),
    variable("GITHUB_SERVER_URL", "https://github.com", "GitHub's git server and pages"),
    variable("ANTHROPIC_API_KEY", "–", "key for Anthropic's models"),
    variable("ANTHROPIC_BASE_URL", "https://api.anthropic.com", "Anthropic's API, without /v1"),
    variable("OPENAI_API_KEY", "–", "key for OpenAI's models"),
    variable(
        "OPENAI_BASE_URL",
        "https://api.openai.com/v1",
        "OpenAI's API, or any server that speaks it, with /v1",
    ),
    variable("GEMINI_API_KEY", "–", "key for Gemini models"),
    variable(
        "GOOGLE_GEMINI_BASE_URL",
        "https://generativelanguage.googleapis.com",
        "Gemini's API, without /v1beta",
    ),
    variable("DEFAULT_MODEL", "first model whose provider has a key", "model when none is named"),
    variable("WORKERS", "8", "tasks that this process works on at once"),
    variable(
        "RUNNING_PER_INSTALLATION",
        "3",
        "tasks of one installation that are worked on at once",
    ),
    variable(
        "DISK_QUOTA",
        "20 GB",
        "size of all mirrors and all that setups fetched; what was used longest ago is dropped first",
    ),
    variable("DAILY_CREDITS", "1000", "credits that an account can use a day (UTC)"),
    variable(
        "DAILY_CREDITS_PER_PERSON",
        "200",
        "credits that one person can use a day in an account",
    ),
    variable(
        "SANDBOX",
        "auto",
        "what commands are walled in with: `bubblewrap`, `landlock`, the better one of these that \
         works here (`auto`), or `off`: then no command is run",
    ),
    variable(
        "TOOLCHAINS",
        "–",
        "folders with tools outside /usr that commands may use, with colons between; each has its \
         programs in `bin`",
    ),
    variable(
        "SETUP_HOSTS",
        "–",
        "hosts that the `setup` of a repository may reach, with commas between, such as \
         `registry.npmjs.org,*.crates.io`; without any no setup is run",
    ),
    variable(
        "METRICS_TOKEN",
        "–",
        "bearer token that opens /metrics to other addresses than loopback",
    ),
    variable(
        "TRUSTED_PROXY_HEADER",
        "–",
        "header in which your proxy tells whose request it is, such as `X-Forwarded-For`",
    ),
    variable("LOG_FORMAT", "text on a terminal, else json", "`text` or `json`"),
    variable("RUST_LOG", "info", "what is logged"),
];

/// Everything the program was told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// How people and GitHub reach this server; `None`: where it listens.
    pub public_url: Option<Url>,
    /// Folder of everything that is kept.
    pub data_dir: PathBuf,
    /// The database.
    pub database_url: String,
    /// The App.
    pub app: AppIdentity,
    /// All live webhook secrets.
    pub webhook_secrets: Vec<SecretString>,
    /// GitHub's REST API.
    pub github_api: Url,
    /// GitHub's git server.
    pub github_server: Url,
    /// Model services that have a key.
    pub providers: Vec<ProviderAccess>,
    /// The model when none is named; its provider may lack a key.
    pub default_model: Option<String>,
    /// The models there are.
    pub catalog: Catalog,
    /// The plans there are.
    pub plans: Plans,
    /// Tasks at once in this process.
    pub workers: usize,
    /// Tasks at once of one installation.
    pub running_per_installation: i64,
    /// Bytes that all mirrors may have together, and what setups fetched with them.
    pub disk_quota: u64,
    /// Credits a day.
    pub daily: Daily,
    /// What people may ask for in a while.
    pub bounds: Bounds,
    /// What commands are walled in with.
    pub walls: Walls,
    /// Folders with tools that commands may use.
    pub toolchains: Vec<PathBuf>,
    /// Hosts that setups may reach.
    pub setup_hosts: Hosts,
    /// Whom names and addresses stand for; not from the environment.
    pub outside: Outside,
    /// This program, which is started again as the jailer of commands.
    pub program: PathBuf,
    /// Opens `/metrics` to others than loopback.
    pub metrics_token: Option<SecretString>,
    /// Whose word counts for the address of a request; without it, the connection's.
    pub trusted_proxy_header: Option<HeaderName>,
    /// How long things take; not from the environment.
    pub timing: Timing,
}

/// The App, as GitHub knows it.
#[derive(Clone, Debug)]
pub struct AppIdentity {
    /// Its id.
    pub id: u64,
    /// Its private key, as PEM.
    pub key: SecretString,
}

/// Where the outside is found by what a setup starts. In tests some of it stands elsewhere, and
/// everything else is as the system says.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// The addresses of a name, one list for each time that it is asked for; the last one stays.
    pub names: BTreeMap<String, Vec<Vec<IpAddr>>>,
    /// What is connected to in place of an address.
    pub addresses: BTreeMap<IpAddr, SocketAddr>,
}

/// What commands are walled in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walls {
    /// The better one that works here.
    Best,
    /// Namespaces.
    Bubblewrap,
    /// What works without them.
    Landlock,
    /// Nothing, so nothing is run.
    None,
}

/// A model service that can be used.
#[derive(Clone, Debug)]
pub struct ProviderAccess {
    /// Which.
    pub provider: Provider,
    /// Where, without a slash at the end.
    pub base_url: String,
    /// With which key.
    pub key: SecretString,
}

/// How long things take. The demo and in-process tests shorten some of it.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long a lease holds without a heartbeat.
    pub lease: Duration,
    /// Between heartbeats.
    pub heartbeat: Duration,
    /// How often every queue is looked at without a bell.
    pub poll: Duration,
    /// Between two progress edits of the same document.
    pub edit_spacing: Duration,
    /// Between two writes to GitHub for one installation.
    pub write_spacing: Duration,
    /// Writes to GitHub for one installation in any hour.
    pub writes_an_hour: HourlyWrites,
    /// How long is waited for a permission before it is looked for again, if GitHub does not tell.
    pub parked: Duration,
    /// Look-ups after a lost reply before the second try.
    pub lookups: i64,
    /// Between two look-ups.
    pub lookup_spacing: Duration,
    /// The first wait after an error; it doubles up to a hundred times this.
    pub backoff: Duration,
    /// How long GitHub may keep us from deciding a command.
    pub decide_within: Duration,
    /// The first wait of the model retries; it doubles up to fifteen times this.
    pub model_backoff: Duration,
    /// After so many failures in a row, over all tasks of this process, a model service is left alone.
    pub failures_to_open: u32,
    /// Between two calls that try whether such a service works again.
    pub probe_spacing: Duration,
    /// How long a model may take for one answer.
    pub model_patience: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            heartbeat: Duration::from_secs(3),
            poll: Duration::from_secs(1),
            edit_spacing: Duration::from_secs(15),
            write_spacing: Duration::from_secs(1),
            writes_an_hour: HourlyWrites(400),
            parked: Duration::from_hours(1),
            lookups: 5,
            lookup_spacing: Duration::from_secs(6),
            backoff: Duration::from_secs(2),
            decide_within: Duration::from_mins(15),
            model_backoff: Duration::from_secs(4),
            failures_to_open: 20,
            probe_spacing: Duration::from_secs(30),
            model_patience: Duration::from_mins(10),
        }
    }
}

/// Everything that is wrong with the environment.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// Reads the environment, and beneath it the file `.env` in the current folder.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_vars(environment()?)
    }

    /// Reads given variables. Tests and the demo use it instead of the environment.
    pub fn from_vars(vars: BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(vars);
        let config = reader.config();
        match config {
            Some(config) if reader.faults.is_empty() => Ok(config),
            _ => Err(ConfigError(reader.faults)),
        }
    }

    /// Only the database, for commands that need nothing else.
    pub fn database_only() -> Result<(PathBuf, String), ConfigError> {
        let mut reader = Reader::new(environment()?);
        let database = reader.database();
        if reader.faults.is_empty() { Ok(database) } else { Err(ConfigError(reader.faults)) }
    }

    /// The names of the providers that have a key.
    pub fn provider_names(&self) -> Vec<Provider> {
        self.providers.iter().map(|p| p.provider).collect()
    }
}

/// Access to Anthropic's models alone, for a demo with a real model.
pub fn anthropic_access() -> Result<Option<ProviderAccess>, ConfigError> {
    let mut reader = Reader::new(environment()?);
    let mut providers = reader.providers().into_iter();
    let access = providers.find(|access| access.provider == Provider::Anthropic);
    if reader.faults.is_empty() { Ok(access) } else { Err(ConfigError(reader.faults)) }
}

/// How the log should look: the format if it was set, and the filter.
pub fn logging() -> (Option<String>, String) {
    let vars = environment().unwrap_or_default();
    let filter = vars.get("RUST_LOG").cloned().unwrap_or_else(|| "info".to_owned());
    (vars.get("LOG_FORMAT").cloned(), filter)
}

/// The file of this program, as far as the system tells.
fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"))
}

fn environment() -> Result<BTreeMap<String, String>, ConfigError> {
    let mut vars = BTreeMap::new();
    if Path::new(".env").exists() {
        let file = dotenvy::from_path_iter(".env").and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let file = file.map_err(|e| {
            ConfigError(vec![format!(".env cannot be read: {e}. Write NAME=value, one a line")])
        })?;
        vars.extend(file);
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    vars.extend(
        std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))),
    );
    Ok(vars)
}
