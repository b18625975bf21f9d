//! Which models there are, who serves them, and what plans give: shipped lists with the operator's own
//! files over them.

use super::ProviderAccess;
use super::reader::Reader;
use crate::domain::catalog::{Catalog, Model, Provider};
use crate::domain::plan::Plans;
use secrecy::SecretString;
use std::io::ErrorKind;
use std::path::Path;

/// The operator's own models, in `DATA_DIR`.
const MODELS_FILE: &str = "models.toml";
/// What the operator calls the plans of their listing, in `DATA_DIR`.
const PLANS_FILE: &str = "plans.toml";

impl Reader {
    /// The shipped catalog, with the operator's file over it if there is one.
    pub(super) fn catalog(&mut self, data_dir: &Path) -> Option<Catalog> {
        self.shipped(&data_dir.join(MODELS_FILE), Catalog::embedded, Catalog::overlaid)
    }

    /// The shipped plans, with the operator's file over them if there is one.
    pub(super) fn plans(&mut self, data_dir: &Path) -> Option<Plans> {
        self.shipped(&data_dir.join(PLANS_FILE), Plans::embedded, Plans::overlaid)
    }

    fn shipped<T, E: ToString>(
        &mut self,
        file: &Path,
        embedded: fn() -> Result<T, E>,
        overlaid: fn(&str, &str) -> Result<T, E>,
    ) -> Option<T> {
        let read = own_file(file).and_then(|own| {
            let read = own.map_or_else(embedded, |(name, text)| overlaid(&name, &text));
            read.map_err(|error| error.to_string())
        });
        read.map_err(|fault| self.faults.push(fault)).ok()
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
            let usable = |m: &&Model| providers.iter().any(|p| p.provider == m.provider);
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
