//! The environment: every variable is read here and nowhere else.
//!
//! A wrong value never becomes a default. All faults are collected and named at once, each with the
//! variable and the remedy, and the program does not start with any of them.

use crate::domain::catalog::{Catalog, Provider};
use crate::domain::credit::{Credits, Daily};
use base64::Engine;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

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
    variable("DEFAULT_MODEL", "first model whose provider has a key", "model when none is named"),
    variable("WORKERS", "8", "tasks that this process works on at once"),
    variable(
        "RUNNING_PER_INSTALLATION",
        "3",
        "tasks of one installation that are worked on at once",
    ),
    variable("DAILY_CREDITS", "1000", "credits that an account can use a day (UTC)"),
    variable(
        "DAILY_CREDITS_PER_PERSON",
        "200",
        "credits that one person can use a day in an account",
    ),
    variable(
        "METRICS_TOKEN",
        "–",
        "bearer token that opens /metrics to other addresses than loopback",
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
    /// Tasks at once in this process.
    pub workers: usize,
    /// Tasks at once of one installation.
    pub running_per_installation: i64,
    /// Credits a day.
    pub daily: Daily,
    /// Opens `/metrics` to others than loopback.
    pub metrics_token: Option<SecretString>,
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
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            heartbeat: Duration::from_secs(3),
            poll: Duration::from_secs(1),
            edit_spacing: Duration::from_secs(15),
            write_spacing: Duration::from_secs(1),
            lookups: 5,
            lookup_spacing: Duration::from_secs(6),
            backoff: Duration::from_secs(2),
            decide_within: Duration::from_mins(15),
            model_backoff: Duration::from_secs(4),
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
        let mut reader = Reader { vars, faults: Vec::new() };
        let config = reader.config();
        match config {
            Some(config) if reader.faults.is_empty() => Ok(config),
            _ => Err(ConfigError(reader.faults)),
        }
    }

    /// Only the database, for commands that need nothing else.
    pub fn database_only() -> Result<(PathBuf, String), ConfigError> {
        let mut reader = Reader { vars: environment()?, faults: Vec::new() };
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
    let mut reader = Reader { vars: environment()?, faults: Vec::new() };
    let access = reader.providers().into_iter().next();
    if reader.faults.is_empty() { Ok(access) } else { Err(ConfigError(reader.faults)) }
}

/// How the log should look: the format if it was set, and the filter.
pub fn logging() -> (Option<String>, String) {
    let vars = environment().unwrap_or_default();
    let filter = vars.get("RUST_LOG").cloned().unwrap_or_else(|| "info".to_owned());
    (vars.get("LOG_FORMAT").cloned(), filter)
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

/// Takes values and collects what is wrong with them.
struct Reader {
    vars: BTreeMap<String, String>,
    faults: Vec<String>,
}

impl Reader {
    fn config(&mut self) -> Option<Config> {
        let host =
            self.parsed("HOST", IpAddr::V4(Ipv4Addr::LOCALHOST), "an IP address such as 127.0.0.1");
        let port = self.parsed("PORT", 3000, "a port number from 0 to 65535");
        let public_url = self.url("PUBLIC_URL", None);
        let (data_dir, database_url) = self.database();
        let id = self.required("APP_ID", "the App's id from its settings page").and_then(|text| {
            let id = text.parse::<u64>().ok();
            if id.is_none() {
                self.fault("APP_ID", "must be a number: the App's id from its settings page");
            }
            id
        });
        let key = self.private_key();
        let webhook_secrets = self.webhook_secrets();
        let github_api = self.url("GITHUB_API_URL", Some("https://api.github.com"));
        let github_server = self.url("GITHUB_SERVER_URL", Some("https://github.com"));
        let catalog = self.catalog();
        let providers = self.providers();
        let default_model = self.default_model(catalog.as_ref(), &providers);
        let workers = self.whole_number("WORKERS", 8, 1000);
        let running = self.whole_number("RUNNING_PER_INSTALLATION", 3, 1000);
        let daily = Daily {
            account: Credits(self.whole_number("DAILY_CREDITS", 1000, 1_000_000_000)),
            person: Credits(self.whole_number("DAILY_CREDITS_PER_PERSON", 200, 1_000_000_000)),
        };
        let github_server = github_server?;
        self.check_git_scheme(&github_server);
        Some(Config {
            host,
            port,
            public_url,
            data_dir,
            database_url,
            app: AppIdentity { id: id?, key: key? },
            webhook_secrets: webhook_secrets?,
            github_api: github_api?,
            github_server,
            providers,
            default_model,
            catalog: catalog?,
            workers: usize::try_from(workers).unwrap_or(1),
            running_per_installation: running,
            daily,
            metrics_token: self.take("METRICS_TOKEN").map(SecretString::from),
            timing: Timing::default(),
        })
    }

    /// An empty value counts as not set: that is what `NAME=` in a file means to people.
    fn take(&self, name: &str) -> Option<String> {
        self.vars.get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    fn fault(&mut self, name: &str, remedy: &str) {
        self.faults.push(format!("{name} {remedy}"));
    }

    fn required(&mut self, name: &str, what: &str) -> Option<String> {
        let value = self.take(name);
        if value.is_none() {
            self.fault(name, &format!("is not set: {what}"));
        }
        value
    }

    fn parsed<T: std::str::FromStr>(&mut self, name: &str, default: T, what: &str) -> T {
        match self.take(name).map(|text| text.parse()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(_)) => {
                self.fault(name, &format!("must be {what}"));
                default
            }
        }
    }

    /// A number from 1 up.
    fn whole_number(&mut self, name: &str, default: i64, most: i64) -> i64 {
        let what = format!("a whole number from 1 to {most}");
        let number = self.parsed(name, default, &what);
        if !(1..=most).contains(&number) {
            self.fault(name, &format!("must be {what}"));
        }
        number
    }

    fn url(&mut self, name: &str, default: Option<&str>) -> Option<Url> {
        let text = self.take(name).or_else(|| default.map(str::to_owned))?;
        let url = Url::parse(&text)
            .ok()
            .filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
        match url {
            Some(url) if url.username().is_empty() && url.password().is_none() => Some(url),
            Some(_) => {
                self.fault(name, "must not contain a user or a password");
                None
            }
            None => {
                self.fault(name, "must be an address that begins with https:// or http://");
                None
            }
        }
    }

    fn database(&mut self) -> (PathBuf, String) {
        let data_dir = PathBuf::from(self.take("DATA_DIR").unwrap_or_else(|| "./data".to_owned()));
        let default = || format!("sqlite://{}/asynccoder.db", data_dir.display());
        let url = self.take("DATABASE_URL").unwrap_or_else(default);
        if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) {
            self.fault("DATABASE_URL", "must begin with sqlite:// or postgres://");
        }
        (data_dir, url)
    }

    fn private_key(&mut self) -> Option<SecretString> {
        let text = match (self.take("PRIVATE_KEY"), self.take("PRIVATE_KEY_PATH")) {
            (Some(key), _) => key,
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(key) => key,
                Err(error) => {
                    self.fault(
                        "PRIVATE_KEY_PATH",
                        &format!("names a file that cannot be read: {path}: {error}"),
                    );
                    return None;
                }
            },
            (None, None) => {
                self.fault(
                    "PRIVATE_KEY",
                    "is not set: give the App's private key here or its file in PRIVATE_KEY_PATH",
                );
                return None;
            }
        };
        let key = pem(&text);
        if key.is_none() {
            self.fault(
                "PRIVATE_KEY",
                "must be the App's RSA key: PEM, PEM with \\n for line ends, or base64 of it",
            );
        }
        key.map(SecretString::from)
    }

    fn webhook_secrets(&mut self) -> Option<Vec<SecretString>> {
        let text = self.required(
            "WEBHOOK_SECRET",
            "the secret from the App's settings; without one anybody could send commands",
        )?;
        let secrets = text.split(',').map(str::trim).filter(|s| !s.is_empty());
        let secrets: Vec<_> = secrets.map(|s| SecretString::from(s.to_owned())).collect();
        if secrets.is_empty() {
            self.fault(
                "WEBHOOK_SECRET",
                "has only commas: give the secret from the App's settings",
            );
            return None;
        }
        if secrets.iter().any(|s| s.expose_secret().len() < 8) {
            self.fault("WEBHOOK_SECRET", "is shorter than 8 characters: take a long random one");
        }
        Some(secrets)
    }

    fn catalog(&mut self) -> Option<Catalog> {
        Catalog::embedded().map_err(|error| self.faults.push(error.to_string())).ok()
    }

    fn providers(&mut self) -> Vec<ProviderAccess> {
        let base = self.url("ANTHROPIC_BASE_URL", Some("https://api.anthropic.com"));
        let key = self.take("ANTHROPIC_API_KEY").map(SecretString::from);
        let access = |(base, key): (Url, SecretString)| ProviderAccess {
            provider: Provider::Anthropic,
            base_url: base.as_str().trim_end_matches('/').to_owned(),
            key,
        };
        base.zip(key).map(access).into_iter().collect()
    }

    fn default_model(
        &mut self,
        catalog: Option<&Catalog>,
        providers: &[ProviderAccess],
    ) -> Option<String> {
        let catalog = catalog?;
        let Some(name) = self.take("DEFAULT_MODEL") else {
            let usable = |m: &&crate::domain::catalog::Model| {
                providers.iter().any(|p| p.provider == m.provider)
            };
            return catalog.models().iter().find(usable).map(|m| m.id.clone());
        };
        match catalog.find(&name) {
            Ok(model) => Some(model.id.clone()),
            Err(no) => {
                let meant = no.nearest.map(|n| format!("; did you mean {n}?")).unwrap_or_default();
                self.fault(
                    "DEFAULT_MODEL",
                    &format!("names no model of the catalog: {name}{meant}"),
                );
                None
            }
        }
    }

    /// git may speak only this scheme; without encryption a token would travel in the open.
    fn check_git_scheme(&mut self, server: &Url) {
        let loopback = match server.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        };
        if server.scheme() == "http" && !loopback {
            self.fault("GITHUB_SERVER_URL", "must begin with https:// unless it is on this machine: a token would travel in the open");
        }
    }
}

/// A PEM text in any of the shapes in which people keep it.
fn pem(text: &str) -> Option<String> {
    let unescaped = text.replace("\\n", "\n");
    let decoded = || {
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(text.split_whitespace().collect::<String>())
            .ok()?;
        String::from_utf8(bytes).ok()
    };
    let pem = if unescaped.contains("-----BEGIN") { unescaped } else { decoded()? };
    jsonwebtoken::EncodingKey::from_rsa_pem(pem.as_bytes()).ok().map(|_| pem)
}
