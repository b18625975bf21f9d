//! The models that tasks can run on: names, prices and limits, as data.
//!
//! Prices move several times a year, so they live in `catalog.toml` and never in code. An operator's
//! own file of the same form goes over it; how such a file is read stands in `catalog/file.rs`.

mod file;

use super::credit::Tariff;
use super::settings::Source;
use super::text_enum;
use std::collections::BTreeSet;

pub use file::CatalogError;

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

text_enum!(
    /// What a model can do beyond answering.
    Capability {
        /// Call tools. Without it a model can do none of our work.
        Tools = "tools",
        /// Think before it answers.
        Reasoning = "reasoning",
        /// Read a repeated prompt from a cache.
        Cache = "cache",
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
    pub prices: Tariff,
    /// The prompt and the answer together may have this many tokens.
    pub context: i64,
    /// An answer may have this many tokens.
    pub max_output: i64,
    /// What it can do.
    pub capabilities: BTreeSet<Capability>,
    /// The id of the model that takes over when this one's service fails for good.
    pub fallback: Option<String>,
    /// Whether it can be asked for. One that cannot still names and prices old tasks.
    pub active: bool,
}

/// All models, in the order in which a default is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalog {
    models: Vec<Model>,
}

impl Catalog {
    /// The catalog that the program is shipped with.
    pub fn embedded() -> Result<Self, CatalogError> {
        file::read(&[file::EMBEDDED])
    }

    /// The shipped catalog with an operator's file over it: an entry with a known id changes the fields
    /// that it names, one with a new id adds a model.
    pub fn overlaid(name: &str, text: &str) -> Result<Self, CatalogError> {
        file::read(&[file::EMBEDDED, Source { name, text }])
    }

    /// Every model that can be asked for.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.iter().filter(|m| m.active)
    }

    /// Every model, also those that can no longer be asked for.
    pub fn all(&self) -> &[Model] {
        &self.models
    }

    /// The model with exactly this id, also one that can no longer be asked for.
    pub fn by_id(&self, id: &str) -> Option<&Model> {
        self.models.iter().find(|m| m.id == id)
    }

    /// The model that a person means: by id, by alias, or by how the names of exactly one begin. Case
    /// does not matter.
    pub fn find(&self, name: &str) -> Result<&Model, NoSuchModel> {
        let wanted = name.to_ascii_lowercase();
        let exact = |m: &&Model| names(m).any(|known| known.eq_ignore_ascii_case(&wanted));
        if let Some(model) = self.models().find(exact) {
            return Ok(model);
        }
        let begins =
            |m: &&Model| names(m).any(|known| known.to_ascii_lowercase().starts_with(&wanted));
        let among: Vec<_> = self.models().filter(begins).collect();
        match among.as_slice() {
            [only] if !wanted.is_empty() => Ok(only),
            _ => Err(NoSuchModel {
                nearest: self.nearest(&wanted),
                among: among.iter().map(|m| m.id.clone()).collect(),
                name: name.to_owned(),
            }),
        }
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let distance = |known: &&str| strsim::osa_distance(&known.to_ascii_lowercase(), name);
        let nearest = self.models().flat_map(names).min_by_key(distance)?;
        (distance(&nearest) * 2 <= name.len()).then(|| nearest.to_owned())
    }
}

fn names(model: &Model) -> impl Iterator<Item = &str> {
    std::iter::once(model.id.as_str()).chain(model.aliases.iter().map(String::as_str))
}

/// No model, or more than one, has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchModel {
    /// What was asked for.
    pub name: String,
    /// The known name that is most like it.
    pub nearest: Option<String>,
    /// The ids of the models of which one has a name that begins so.
    pub among: Vec<String>,
}
