//! Reads catalog files: TOML with a `[[model]]` for each model, the later file over the earlier one.
//!
//! A file with any fault is refused as a whole, with its name, the line and what to do: a price that
//! was misread would be charged.

use super::{Api, Capability, Catalog, Model, Provider};
use crate::domain::credit::{Prices, Tariff, Tier};
use crate::domain::settings::{Misread, Source};
use serde::Deserialize;
use std::collections::BTreeSet;
use toml::Spanned;

/// The catalog that the program is shipped with.
pub(super) const EMBEDDED: Source<'_> =
    Source { name: "the built-in catalog", text: include_str!("../catalog.toml") };
/// With a shorter answer no work can be done.
const LEAST_OUTPUT: i64 = 1024;
const LONGEST_NAME: usize = 100;

/// Why a catalog file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}. Correct it, or remove the file to use the models that this program is shipped with")]
pub struct CatalogError(#[from] Misread);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// For every model that names no other.
    fallback: Option<Spanned<String>>,
    #[serde(default)]
    model: Vec<Spanned<Entry>>,
}

/// What a file says about a model. A new one needs everything that has no default.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    provider: Option<Provider>,
    api: Option<Api>,
    name: Option<String>,
    aliases: Option<Vec<String>>,
    input: Option<f64>,
    cached: Option<f64>,
    cache_write: Option<f64>,
    output: Option<f64>,
    tier: Option<Vec<TierEntry>>,
    context: Option<i64>,
    max_output: Option<i64>,
    capabilities: Option<BTreeSet<Capability>>,
    fallback: Option<String>,
    active: Option<bool>,
}

/// Prices in US dollars per million tokens, as the providers publish them, for all tokens of a call
/// whose prompt has more tokens than `above`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct TierEntry {
    above: i64,
    input: f64,
    cached: f64,
    cache_write: f64,
    output: f64,
}

/// An entry and where it stands.
struct Placed<'a> {
    entry: Entry,
    source: Source<'a>,
    at: usize,
}

/// Reads these files, each over the ones before it.
pub(super) fn read(sources: &[Source<'_>]) -> Result<Catalog, CatalogError> {
    Ok(Catalog { models: models(sources)? })
}

fn models(sources: &[Source<'_>]) -> Result<Vec<Model>, Misread> {
    let (mut placed, mut fallback) = (Vec::new(), None);
    for source in sources {
        let file: File = source.parse()?;
        fallback = file.fallback.map(|id| (id, *source)).or(fallback);
        lay_over(&mut placed, file.model, *source)?;
    }
    let mut models = Vec::new();
    for Placed { entry, source, at } in &placed {
        let model = model(entry.clone())
            .map_err(|what| source.fault(*at, format!("the model {:?} {what}", entry.id)))?;
        models.push(model);
    }
    check_names(&models, &placed)?;
    if let Some((id, source)) = fallback {
        let (at, id) = (id.span().start, id.into_inner());
        if !id.is_empty() && !is_usable(&models, &id) {
            return Err(
                source.fault(at, format!("`fallback` is not the id of an active model: {id:?}"))
            );
        }
        for model in &mut models {
            fall_back(model, &id);
        }
    }
    check_fallbacks(&mut models, &placed)?;
    Ok(models)
}

/// Puts a file's models over those that are known.
fn lay_over<'a>(
    placed: &mut Vec<Placed<'a>>,
    entries: Vec<Spanned<Entry>>,
    source: Source<'a>,
) -> Result<(), Misread> {
    let mut seen = BTreeSet::new();
    for entry in entries {
        let (at, entry) = (entry.span().start, entry.into_inner());
        if !seen.insert(entry.id.clone()) {
            return Err(source.fault(at, format!("the model {:?} is there twice", entry.id)));
        }
        // A name that is given anew is taken from whoever had it before.
        for other in placed.iter_mut().filter(|other| other.source.name != source.name) {
            let taken = entry.aliases.iter().flatten().collect::<Vec<_>>();
            other.entry.aliases.iter_mut().for_each(|had| had.retain(|a| !taken.contains(&a)));
        }
        match placed.iter_mut().find(|known| known.entry.id == entry.id) {
            Some(known) => {
                *known = Placed { entry: entry.over(known.entry.clone()), source, at };
            }
            None => placed.push(Placed { entry, source, at }),
        }
    }
    Ok(())
}

impl Entry {
    /// Every field that it has, and the other's where it has none.
    fn over(self, other: Self) -> Self {
        Self {
            id: self.id,
            provider: self.provider.or(other.provider),
            api: self.api.or(other.api),
            name: self.name.or(other.name),
            aliases: self.aliases.or(other.aliases),
            input: self.input.or(other.input),
            cached: self.cached.or(other.cached),
            cache_write: self.cache_write.or(other.cache_write),
            output: self.output.or(other.output),
            tier: self.tier.or(other.tier),
            context: self.context.or(other.context),
            max_output: self.max_output.or(other.max_output),
            capabilities: self.capabilities.or(other.capabilities),
            fallback: self.fallback.or(other.fallback),
            active: self.active.or(other.active),
        }
    }
}

/// The model, or what is wrong with it.
fn model(entry: Entry) -> Result<Model, String> {
    let id = name_for_machines(entry.id)?;
    let provider = needed(entry.provider, "provider")?;
    if entry.api.is_some() && provider != Provider::OpenAi {
        return Err("has `api`, which only openai models take".to_owned());
    }
    let base = prices([
        needed(entry.input, "input")?,
        needed(entry.cached, "cached")?,
        needed(entry.cache_write, "cache_write")?,
        needed(entry.output, "output")?,
    ])?;
    let context = needed(entry.context, "context")?;
    let max_output = needed(entry.max_output, "max_output")?;
    if max_output < LEAST_OUTPUT || context < 2 * LEAST_OUTPUT {
        return Err(format!(
            "is too small: `max_output` must be at least {LEAST_OUTPUT} and `context` {}",
            2 * LEAST_OUTPUT
        ));
    }
    let capabilities = entry.capabilities.unwrap_or_else(|| [Capability::Tools].into());
    let active = entry.active.unwrap_or(true);
    if active && !capabilities.contains(&Capability::Tools) {
        return Err(
            "lacks the capability `tools`, so it can only be there with active = false".to_owned()
        );
    }
    let aliases = entry.aliases.unwrap_or_default();
    Ok(Model {
        provider,
        api: entry.api.unwrap_or(Api::Responses),
        display_name: name_for_people(entry.name.unwrap_or_else(|| id.clone()))?,
        aliases: aliases.into_iter().map(name_for_machines).collect::<Result<_, _>>()?,
        prices: Tariff::new(base, tiers(entry.tier.unwrap_or_default())?),
        id,
        context,
        max_output,
        capabilities,
        fallback: entry.fallback,
        active,
    })
}

fn needed<T>(field: Option<T>, name: &str) -> Result<T, String> {
    field.ok_or_else(|| format!("is new and lacks `{name}`"))
}

fn tiers(entries: Vec<TierEntry>) -> Result<Vec<Tier>, String> {
    let mut sizes = BTreeSet::new();
    let tier = |tier: TierEntry| {
        if tier.above <= 0 || !sizes.insert(tier.above) {
            return Err("has a tier whose `above` is not a size of its own above zero".to_owned());
        }
        let prices = prices([tier.input, tier.cached, tier.cache_write, tier.output])?;
        Ok(Tier { above: tier.above, prices })
    };
    entries.into_iter().map(tier).collect()
}

fn prices(usd_per_million: [f64; 4]) -> Result<Prices, String> {
    let [input, cached, cache_write, output] = usd_per_million;
    Ok(Prices {
        input: nano_usd(input)?,
        cached: nano_usd(cached)?,
        cache_write: nano_usd(cache_write)?,
        output: nano_usd(output)?,
    })
}

fn nano_usd(usd_per_million: f64) -> Result<i64, String> {
    let nano = (usd_per_million * 1000.0).round();
    if !(0.0..1e9).contains(&nano) {
        return Err(format!("has {usd_per_million}, which is not a price"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked above")]
    Ok(nano as i64)
}

/// People type it, and it stands in addresses.
fn name_for_machines(name: String) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
        return Err(format!("has the name {name:?}; names are of letters, digits and -_.:/@"));
    }
    Ok(name)
}

/// It stands in comments and tables.
fn name_for_people(name: String) -> Result<String, String> {
    let is_odd = |c: char| c.is_control() || "`|<>[]*".contains(c);
    if name.trim().is_empty() || name.len() > LONGEST_NAME || name.chars().any(is_odd) {
        return Err(format!("has the display name {name:?}, which cannot stand in a comment"));
    }
    Ok(name)
}

/// No name may mean two models that can be asked for.
fn check_names(models: &[Model], placed: &[Placed<'_>]) -> Result<(), Misread> {
    let mut known = BTreeSet::new();
    for (model, place) in models.iter().zip(placed).filter(|(model, _)| model.active) {
        for name in super::names(model) {
            if !known.insert(name.to_ascii_lowercase()) {
                let fault = format!("the name {name:?} is taken by another model");
                return Err(place.source.fault(place.at, fault));
            }
        }
    }
    Ok(())
}

fn is_usable(models: &[Model], id: &str) -> bool {
    models.iter().any(|m| m.active && m.id == id)
}

/// The default for a model that names no other, and is not the default itself.
fn fall_back(model: &mut Model, id: &str) {
    if model.fallback.is_none() && model.id != id {
        model.fallback = Some(id.to_owned());
    }
}

fn check_fallbacks(models: &mut [Model], placed: &[Placed<'_>]) -> Result<(), Misread> {
    // An empty text says that there is none, whatever the default is.
    for model in &mut *models {
        model.fallback = model.fallback.take().filter(|id| !id.is_empty());
    }
    for (model, place) in models.iter().zip(placed) {
        let Some(id) = &model.fallback else { continue };
        if *id == model.id || !is_usable(models, id) {
            let fault = format!(
                "the `fallback` of {:?} is not the id of another active model: {id:?}",
                model.id
            );
            return Err(place.source.fault(place.at, fault));
        }
    }
    Ok(())
}
