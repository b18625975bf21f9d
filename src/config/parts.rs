//! Parts of the configuration, for commands that need no more: what they do not need may be missing.

use super::reader::Reader;
use super::{Config, ConfigError, environment};
use crate::domain::catalog::{Catalog, Provider};
use crate::domain::credit::Daily;
use crate::domain::plan::Plans;
use secrecy::SecretString;
use url::Url;

/// What is decided about models and credits without asking anybody.
#[derive(Clone, Debug)]
pub struct Models {
    /// The models there are.
    pub catalog: Catalog,
    /// The providers that have a key.
    pub providers: Vec<Provider>,
    /// The model when none is named.
    pub default_model: Option<String>,
    /// The plans there are.
    pub plans: Plans,
    /// Credits a day.
    pub daily: Daily,
}

/// A server of ours, seen from outside.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Where it is reached.
    pub url: Url,
    /// What its webhooks are signed with; the first, if there are several.
    pub secret: SecretString,
}

impl Config {
    /// Only the models and the limits.
    pub fn models_only() -> Result<Models, ConfigError> {
        let mut reader = Reader::new(environment()?);
        let (data_dir, _) = reader.database();
        let catalog = reader.catalog(&data_dir);
        let plans = reader.plans(&data_dir);
        let access = reader.providers();
        let default_model = reader.default_model(catalog.as_ref(), &access);
        let daily = reader.daily();
        let providers = access.iter().map(|access| access.provider).collect();
        let models = catalog.zip(plans);
        let models = models.map(|(catalog, plans)| Models {
            catalog,
            providers,
            default_model,
            plans,
            daily,
        });
        models.filter(|_| reader.faults.is_empty()).ok_or(ConfigError(reader.faults))
    }

    /// Only where the server is and what signs its webhooks.
    pub fn receiver() -> Result<Receiver, ConfigError> {
        let mut reader = Reader::new(environment()?);
        let (host, port) = reader.listens_on();
        let here = format!("http://{}", std::net::SocketAddr::new(host, port));
        let url = reader.url("PUBLIC_URL", Some(&here));
        let secret = reader.webhook_secrets().and_then(|secrets| secrets.into_iter().next());
        let receiver = url.zip(secret).map(|(url, secret)| Receiver { url, secret });
        receiver.filter(|_| reader.faults.is_empty()).ok_or(ConfigError(reader.faults))
    }
}
