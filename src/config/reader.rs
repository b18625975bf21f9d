//! Takes values out of the environment and collects everything that is wrong with them.

use super::{AppIdentity, Config, Outside, Timing, Walls};
use crate::domain::credit::{Credits, Daily};
use crate::domain::limits::Bounds;
use crate::domain::setup::Hosts;
use http::HeaderName;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use tracing_subscriber::EnvFilter;
use url::Url;

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
    pub(super) fn take(&self, name: &str) -> Option<String> {
        self.vars.get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    pub(super) fn fault(&mut self, name: &str, remedy: &str) {
        self.faults.push(format!("{name} {remedy}"));
    }

    pub(super) fn required(&mut self, name: &str, what: &str) -> Option<String> {
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
    pub(super) fn check_scheme(&mut self, name: &str, url: &Url) {
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
