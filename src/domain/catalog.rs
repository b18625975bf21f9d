//! The models that tasks can run on: names, prices and limits, as data.
//!
//! Prices move several times a year, so they live in `catalog.toml` and never in code.

use super::credit::Prices;
use super::text_enum;
use serde::Deserialize;

text_enum!(
    /// Who serves a model.
    Provider {
        /// Anthropic's Messages API.
        Anthropic = "anthropic",
        /// OpenAI's APIs, or any server that speaks them.
        OpenAi = "openai",
        /// Google's Gemini API.
        Gemini = "gemini",
    }
);

text_enum!(
    /// Which of its provider's interfaces a model is asked through.
    Api {
        /// The provider's own newest one.
        Responses = "responses",
        /// Chat Completions, which servers such as Ollama and vLLM speak.
        Chat = "chat",
    }
);

impl Provider {
    /// The environment variable that holds its key.
    pub const fn key_variable(self) -> &'static str {
        match self {
            Provider::Anthropic => "ANTHROPIC_API_KEY",
            Provider::OpenAi => "OPENAI_API_KEY",
            Provider::Gemini => "GEMINI_API_KEY",
        }
    }
}

/// One model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Who serves it.
    pub provider: Provider,
    /// How it is asked; only OpenAI's provider has a choice.
    pub api: Api,
    /// The provider's name for it.
    pub id: String,
    /// The name for people.
    pub display_name: String,
    /// Short names that people may type.
    pub aliases: Vec<String>,
    /// What its tokens cost.
    pub prices: Prices,
    /// The prompt and the answer together may have this many tokens.
    pub context: i64,
    /// An answer may have this many tokens.
    pub max_output: i64,
}

/// All models, in the order in which a default is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalog {
    models: Vec<Model>,
}

/// Why a catalog file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the model catalog cannot be read: {0}")]
pub struct CatalogError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    model: Vec<Entry>,
}

/// Prices in US dollars per million tokens, as the providers publish them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    provider: Provider,
    api: Option<Api>,
    id: String,
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    input: f64,
    cached: f64,
    cache_write: f64,
    output: f64,
    context: i64,
    max_output: i64,
}

impl Catalog {
    /// The catalog that the program is shipped with.
    pub fn embedded() -> Result<Self, CatalogError> {
        Self::parse(include_str!("catalog.toml"))
    }

    /// Reads a catalog file.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        let file: File = toml::from_str(text).map_err(|e| CatalogError(e.to_string()))?;
        let models = file.model.into_iter().map(Model::try_from).collect::<Result<_, _>>()?;
        Ok(Self { models })
    }

    /// Every model.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model with exactly this id.
    pub fn by_id(&self, id: &str) -> Option<&Model> {
        self.models.iter().find(|m| m.id == id)
    }

    /// The model that a person means: by id, by alias, or by the start of exactly one id.
    pub fn find(&self, name: &str) -> Result<&Model, NoSuchModel> {
        let name = name.to_ascii_lowercase();
        let exact = self.models.iter().find(|m| m.id == name || m.aliases.contains(&name));
        if let Some(model) = exact {
            return Ok(model);
        }
        let mut starting = self.models.iter().filter(|m| m.id.starts_with(&name));
        match (starting.next(), starting.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(NoSuchModel { nearest: self.nearest(&name), name }),
        }
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let names = self.models.iter().flat_map(|m| std::iter::once(&m.id).chain(&m.aliases));
        let nearest = names.min_by_key(|known| strsim::osa_distance(known, name))?;
        (strsim::osa_distance(nearest, name) * 2 <= name.len()).then(|| nearest.clone())
    }
}

/// No model, or more than one, has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchModel {
    /// What was asked for.
    pub name: String,
    /// The known name that is most like it.
    pub nearest: Option<String>,
}

impl TryFrom<Entry> for Model {
    type Error = CatalogError;

    fn try_from(entry: Entry) -> Result<Self, CatalogError> {
        let price = |usd_per_million: f64| nano_usd(usd_per_million, &entry.id);
        let prices = Prices {
            input: price(entry.input)?,
            cached: price(entry.cached)?,
            cache_write: price(entry.cache_write)?,
            output: price(entry.output)?,
        };
        if entry.context <= 0 || entry.max_output <= 0 {
            return Err(CatalogError(format!("{}: limits must be above zero", entry.id)));
        }
        if entry.api.is_some() && entry.provider != Provider::OpenAi {
            return Err(CatalogError(format!("{}: only openai models take `api`", entry.id)));
        }
        Ok(Self {
            provider: entry.provider,
            api: entry.api.unwrap_or(Api::Responses),
            id: entry.id,
            display_name: entry.name,
            aliases: entry.aliases,
            prices,
            context: entry.context,
            max_output: entry.max_output,
        })
    }
}

fn nano_usd(usd_per_million: f64, id: &str) -> Result<i64, CatalogError> {
    let nano = (usd_per_million * 1000.0).round();
    if !(0.0..1e9).contains(&nano) {
        return Err(CatalogError(format!("{id}: {usd_per_million} is not a price")));
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked above")]
    Ok(nano as i64)
}
