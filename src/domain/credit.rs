//! Credits: what the model's tokens cost, what is held for a task and what is settled.
//!
//! One credit is one US cent of model cost at catalog prices, rounded up once per task. Money is
//! counted in whole nano-dollars until that one rounding, so that no sum depends on its order.

use serde::{Deserialize, Serialize};

/// Whole credits. Never negative in an account; differences may be.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Credits(pub i64);

impl std::fmt::Display for Credits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = if self.0 == 1 { "credit" } else { "credits" };
        write!(f, "{} {unit}", self.0)
    }
}

/// Given once to every GitHub account, for ever, however often it installs the App.
pub const BONUS: Credits = Credits(100);

/// A billionth of a US dollar. One credit is ten million of them.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct NanoUsd(pub i64);

const NANO_USD_PER_CREDIT: i64 = 10_000_000;

impl NanoUsd {
    /// Rounded up to whole credits.
    pub const fn to_credits(self) -> Credits {
        Credits((self.0.saturating_add(NANO_USD_PER_CREDIT - 1)) / NANO_USD_PER_CREDIT)
    }

    /// The sum; at the far end of the scale it stays there.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Credits {
    /// As model cost.
    pub const fn to_nano_usd(self) -> NanoUsd {
        NanoUsd(self.0.saturating_mul(NANO_USD_PER_CREDIT))
    }
}

/// Tokens of one model call or of a whole task. The four inputs do not overlap, whatever a provider's
/// own counting is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Read at the full price.
    pub input: i64,
    /// Read from the provider's cache.
    pub cached: i64,
    /// Written to the provider's cache.
    pub cache_write: i64,
    /// Written by the model, reasoning included.
    pub output: i64,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            cached: self.cached.saturating_add(other.cached),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            output: self.output.saturating_add(other.output),
        }
    }

    /// All tokens that the model read.
    pub const fn prompt(self) -> i64 {
        self.input.saturating_add(self.cached).saturating_add(self.cache_write)
    }
}

/// Prices in nano-dollars a token (numerically: US dollars per million tokens times a thousand).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Prices {
    /// For [`Usage::input`].
    pub input: i64,
    /// For [`Usage::cached`].
    pub cached: i64,
    /// For [`Usage::cache_write`].
    pub cache_write: i64,
    /// For [`Usage::output`].
    pub output: i64,
}

impl Prices {
    /// Each price at its dearest.
    fn max(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
            cached: self.cached.max(other.cached),
            cache_write: self.cache_write.max(other.cache_write),
            output: self.output.max(other.output),
        }
    }

    /// What these tokens cost. Absurd or negative counts never make it cheaper.
    pub const fn cost(&self, usage: Usage) -> NanoUsd {
        const fn part(tokens: i64, price: i64) -> i64 {
            if tokens < 0 { 0 } else { tokens.saturating_mul(price) }
        }
        NanoUsd(
            part(usage.input, self.input)
                .saturating_add(part(usage.cached, self.cached))
                .saturating_add(part(usage.cache_write, self.cache_write))
                .saturating_add(part(usage.output, self.output)),
        )
    }

    /// The most that a call can cost: every prompt token at its dearest, and all of the output.
    pub const fn worst_case(&self, prompt_tokens: i64, max_output: i64) -> NanoUsd {
        let new = if self.cache_write > self.input { self.cache_write } else { self.input };
        let dearest = if self.cached > new { self.cached } else { new };
        NanoUsd(
            prompt_tokens
                .saturating_mul(dearest)
                .saturating_add(max_output.saturating_mul(self.output)),
        )
    }
}

/// What a model's tokens cost, by the size of the prompt they belong to. Beyond some size all tokens
/// of a call have other prices, those of its answer too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tariff {
    base: Prices,
    tiers: Vec<Tier>,
}

/// Other prices for larger prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tier {
    /// A prompt with more tokens than this has these prices.
    pub above: i64,
    /// The prices.
    pub prices: Prices,
}

impl Tariff {
    /// These prices, and others above some sizes of the prompt, in any order.
    pub fn new(base: Prices, mut tiers: Vec<Tier>) -> Self {
        tiers.sort_by_key(|tier| tier.above);
        Self { base, tiers }
    }

    /// The prices for a small prompt.
    pub const fn base(&self) -> &Prices {
        &self.base
    }

    /// The prices for larger prompts, the smallest size first.
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// What one call cost, at the prices for its whole prompt.
    pub fn cost(&self, usage: Usage) -> NanoUsd {
        let prompt = [usage.input, usage.cached, usage.cache_write]
            .into_iter()
            .fold(0_i64, |sum, tokens| sum.saturating_add(tokens.max(0)));
        let reached = self.tiers.iter().rev().find(|tier| prompt > tier.above);
        reached.map_or(&self.base, |tier| &tier.prices).cost(usage)
    }

    /// The dearest prices that a prompt of up to so many tokens can come to. A size is only estimated
    /// before the call, so a smaller one counts as possible.
    pub fn dearest(&self, prompt_tokens: i64) -> Prices {
        let reached = self.tiers.iter().filter(|tier| prompt_tokens > tier.above);
        reached.fold(self.base, |dearest, tier| dearest.max(tier.prices))
    }

    /// The most that a call can cost.
    pub fn worst_case(&self, prompt_tokens: i64, max_output: i64) -> NanoUsd {
        self.dearest(prompt_tokens).worst_case(prompt_tokens, max_output)
    }
}

/// What a task will probably cost, and what it can cost at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Half of the tasks like it cost no more.
    pub low: Credits,
    /// Nine of ten cost no more.
    pub high: Credits,
    /// The most that can be charged.
    pub cap: Credits,
}

/// Fewer tasks than this make no history.
const LEAST_HISTORY: usize = 10;

impl Quote {
    /// A quote without history: a tenth to a third of the cap.
    pub const fn from_cap(cap: Credits) -> Self {
        let (low, high) = (cap.0 / 10, cap.0 / 3);
        Self {
            low: Credits(if low < 1 { 1 } else { low }),
            high: Credits(if high < 1 { 1 } else { high }),
            cap,
        }
    }

    /// A quote from what tasks like it cost lately; too few of them say nothing.
    pub fn from_history(mut costs: Vec<Credits>, cap: Credits) -> Self {
        costs.sort_unstable();
        let last = costs.len().saturating_sub(1);
        let at = |percent: usize| costs.get((costs.len() * percent / 100).min(last)).copied();
        match (at(50), at(90)) {
            (Some(low), Some(high)) if costs.len() >= LEAST_HISTORY => {
                Self { low: low.max(Credits(1)), high: high.max(Credits(1)), cap }
            }
            _ => Self::from_cap(cap),
        }
    }

    /// How much to hold: what the person allows, or else the quote's upper end and no less than the
    /// kind needs to start; never over the cap or over what is there. `None` if that is too little.
    pub fn hold(
        &self,
        budget: Option<Credits>,
        available: Credits,
        least: Credits,
    ) -> Option<Credits> {
        let hold = budget.unwrap_or(self.high.max(least)).min(self.cap).min(available);
        (hold >= least).then_some(hold)
    }
}

/// The most that can be held and spent on one day (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Daily {
    /// By an account.
    pub account: Credits,
    /// By one person in it.
    pub person: Credits,
}

impl Daily {
    /// What is left of it.
    #[must_use]
    pub const fn minus(self, used: Self) -> Self {
        Self {
            account: Credits(self.account.0.saturating_sub(used.account.0)),
            person: Credits(self.person.0.saturating_sub(used.person.0)),
        }
    }
}
