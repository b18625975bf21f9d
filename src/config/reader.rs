//! Takes values out of the environment and collects everything that is wrong with them.

use super::{AppIdentity, Config, Outside, ProviderAccess, Timing, Walls};
use crate::domain::catalog::{Catalog, Provider};
use crate::domain::credit::{Credits, Daily};
use crate::domain::limits::Bounds;
use crate::domain::plan::Plans;
use crate::domain::setup::Hosts;
use base64::Engine;
use http::HeaderName;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use tracing_subscriber::EnvFilter;
use url::Url;

/// The operator's own models, in `DATA_DIR`.
const MODELS_FILE: &str = "models.toml";
/// What the operator calls the plans of their listing, in `DATA_DIR`.
const PLANS_FILE: &str = "plans.toml";

const KILOBYTE: u64 = 1_000;
const MEGABYTE: u64 = 1000 * KILOBYTE;
const GIGABYTE: u64 = 1000 * MEGABYTE;

/// Takes values and collects what is wrong with them.
pub(super) struct Reader {
    vars: BTreeMap<String, String>,
    pub(super) faults: Vec<String>,
}

impl Reader {
    pub(super) fn new(vars: BTreeMap<String, String>) -> Self {
        Self { vars, faults: Vec::new() }
    }

    /// Everything, if nothing is wrong with it.
    pub(super) fn config(&mut self) -> Option<Config> {
        let (host, port) = self.listens_on();
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
        let catalog = self.catalog(&data_dir);
        let plans = self.plans(&data_dir);
        let providers = self.providers();
        let default_model = self.default_model(catalog.as_ref(), &providers);
        let workers = self.whole_number("WORKERS", 8, 1000);
        let running = self.whole_number("RUNNING_PER_INSTALLATION", 3, 1000);
        let disk_quota = self.bytes("DISK_QUOTA", 20 * GIGABYTE);
        let daily = self.daily();
        let walls = self.walls();
        let toolchains = self.toolchains();
        let setup_hosts = self.setup_hosts();
        self.check_logging();
        let github_server = github_server?;
        let github_api = github_api?;
        self.check_scheme("GITHUB_SERVER_URL", &github_server);
        self.check_scheme("GITHUB_API_URL", &github_api);
        Some(Config {
            host,
            port,
            public_url,
            data_dir,
            database_url,
            app: AppIdentity { id: id?, key: key? },
            webhook_secrets: webhook_secrets?,
            github_api,
            github_server,
            providers,
            default_model,
            catalog: catalog?,
            plans: plans?,
            workers: usize::try_from(workers).unwrap_or(1),
            running_per_installation: running,
            disk_quota,
            daily,
            bounds: Bounds::default(),
            walls,
            toolchains,
            setup_hosts,
            outside: Outside::default(),
            program: super::program(),
            metrics_token: self.take("METRICS_TOKEN").map(SecretString::from),
            trusted_proxy_header: self.trusted_proxy_header(),
            timing: Timing::default(),
        })
    }

    pub(super) fn listens_on(&mut self) -> (IpAddr, u16) {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let host = self.parsed("HOST", here, "an IP address such as 127.0.0.1");
        (host, self.parsed("PORT", 3000, "a port number from 0 to 65535"))
    }

    fn trusted_proxy_header(&mut self) -> Option<HeaderName> {
        let name = self.take("TRUSTED_PROXY_HEADER")?;
        let header = name.parse().ok();
        if header.is_none() {
            self.fault("TRUSTED_PROXY_HEADER", "must be the name of a header");
        }
        header
    }

    pub(super) fn daily(&mut self) -> Daily {
        Daily {
            account: Credits(self.whole_number("DAILY_CREDITS", 1000, 1_000_000_000)),
            person: Credits(self.whole_number("DAILY_CREDITS_PER_PERSON", 200, 1_000_000_000)),
        }
    }

    fn walls(&mut self) -> Walls {
        match self.take("SANDBOX").as_deref() {
            None | Some("auto") => Walls::Best,
            Some("bubblewrap") => Walls::Bubblewrap,
            Some("landlock") => Walls::Landlock,
            Some("off") => Walls::None,
            Some(_) => {
                self.fault("SANDBOX", "must be auto, bubblewrap, landlock or off");
                Walls::None
            }
        }
    }

    fn toolchains(&mut self) -> Vec<PathBuf> {
        let text = self.take("TOOLCHAINS").unwrap_or_default();
        let folders = text.split(':').filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let folders: Vec<_> = folders.collect();
        if let Some(wrong) = folders.iter().find(|f| !f.is_absolute() || !f.is_dir()) {
            let shown = wrong.display();
            self.fault(
                "TOOLCHAINS",
                &format!(
                    "names {shown}, which is no folder: give folders that are there, from / on"
                ),
            );
        }
        folders
    }

    fn setup_hosts(&mut self) -> Hosts {
        let hosts = Hosts::parse(&self.take("SETUP_HOSTS").unwrap_or_default());
        hosts.unwrap_or_else(|wrong| {
            let remedy = "give names of hosts such as registry.npmjs.org or *.crates.io, with commas between";
            self.fault("SETUP_HOSTS", &format!("names {wrong:?}, which is no host: {remedy}"));
            Hosts::default()
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

    /// A size such as `20 GB`.
    fn bytes(&mut self, name: &str, default: u64) -> u64 {
        let Some(text) = self.take(name) else { return default };
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim().to_ascii_uppercase().as_str() {
            "GB" => Some(GIGABYTE),
            "MB" => Some(MEGABYTE),
            "KB" => Some(KILOBYTE),
            _ => None,
        };
        let bytes = number
            .parse::<u64>()
            .ok()
            .zip(unit)
            .and_then(|(number, unit)| number.checked_mul(unit));
        bytes.filter(|bytes| *bytes > 0).unwrap_or_else(|| {
            self.fault(name, "must be a size such as 20 GB, 500 MB or 100 KB");
            default
        })
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

    pub(super) fn url(&mut self, name: &str, default: Option<&str>) -> Option<Url> {
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

    pub(super) fn database(&mut self) -> (PathBuf, String) {
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
                "must be the App's private RSA key: PEM, PEM with \\n for line ends, or base64 of it",
            );
        }
        key.map(SecretString::from)
    }

    pub(super) fn webhook_secrets(&mut self) -> Option<Vec<SecretString>> {
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

    /// The shipped catalog, with the operator's file over it if there is one.
    pub(super) fn catalog(&mut self, data_dir: &Path) -> Option<Catalog> {
        let catalog = own_file(&data_dir.join(MODELS_FILE)).and_then(|own| {
            let catalog = match own {
                Some((name, text)) => Catalog::overlaid(&name, &text),
                None => Catalog::embedded(),
            };
            catalog.map_err(|error| error.to_string())
        });
        catalog.map_err(|fault| self.faults.push(fault)).ok()
    }

    /// The shipped plans, with the operator's file over them if there is one.
    pub(super) fn plans(&mut self, data_dir: &Path) -> Option<Plans> {
        let plans = own_file(&data_dir.join(PLANS_FILE)).and_then(|own| {
            let plans = match own {
                Some((name, text)) => Plans::overlaid(&name, &text),
                None => Plans::embedded(),
            };
            plans.map_err(|error| error.to_string())
        });
        plans.map_err(|fault| self.faults.push(fault)).ok()
    }

    pub(super) fn providers(&mut self) -> Vec<ProviderAccess> {
        let known = [
            (Provider::Anthropic, "ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
            (Provider::OpenAi, "OPENAI_BASE_URL", "https://api.openai.com/v1"),
            (
                Provider::Gemini,
                "GOOGLE_GEMINI_BASE_URL",
                "https://generativelanguage.googleapis.com",
            ),
        ];
        known.into_iter().filter_map(|(who, name, base)| self.provider(who, name, base)).collect()
    }

    fn provider(
        &mut self,
        provider: Provider,
        variable: &str,
        default: &str,
    ) -> Option<ProviderAccess> {
        let base = self.url(variable, Some(default))?;
        self.check_scheme(variable, &base);
        let key = self.take(provider.key_variable()).map(SecretString::from)?;
        let base_url = base.as_str().trim_end_matches('/').to_owned();
        Some(ProviderAccess { provider, base_url, key })
    }

    pub(super) fn default_model(
        &mut self,
        catalog: Option<&Catalog>,
        providers: &[ProviderAccess],
    ) -> Option<String> {
        let catalog = catalog?;
        let Some(name) = self.take("DEFAULT_MODEL") else {
            let usable = |m: &&crate::domain::catalog::Model| {
                providers.iter().any(|p| p.provider == m.provider)
            };
            return catalog.models().find(usable).map(|m| m.id.clone());
        };
        match catalog.find(&name) {
            Ok(model) => Some(model.id.clone()),
            Err(no) => {
                let fault = if no.among.is_empty() {
                    let meant = no.nearest.map(|n| format!("; did you mean {n}?"));
                    format!("names no model of the catalog: {name}{}", meant.unwrap_or_default())
                } else {
                    format!("could mean more than one model: {}", no.among.join(", "))
                };
                self.fault("DEFAULT_MODEL", &fault);
                None
            }
        }
    }

    fn check_logging(&mut self) {
        if self.take("LOG_FORMAT").is_some_and(|format| format != "text" && format != "json") {
            self.fault("LOG_FORMAT", "must be text or json");
        }
        if self.take("RUST_LOG").is_some_and(|filter| EnvFilter::try_new(filter).is_err()) {
            self.fault(
                "RUST_LOG",
                "must be a level such as info, or filters such as asynccoder=debug,warn",
            );
        }
    }

    /// Without encryption a token or a key would travel in the open.
    fn check_scheme(&mut self, name: &str, url: &Url) {
        let loopback = match url.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        };
        if url.scheme() == "http" && !loopback {
            self.fault(name, "must begin with https:// unless it is on this machine: tokens and keys would travel in the open");
        }
    }
}

/// A file of the operator's, with its name for people, if there is one; or what is wrong with it.
fn own_file(path: &Path) -> Result<Option<(String, String)>, String> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some((name, text))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!(
            "{name} cannot be read: {error}. Make it readable UTF-8 text, or remove it"
        )),
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
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).ok()?;
    // A public key reads as well; only a private one signs.
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), &(), &key).ok().map(|_| pem)
}
