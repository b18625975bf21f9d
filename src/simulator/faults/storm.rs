//! Storms: trouble by dice, for every request at every wall.
//!
//! Whether a request is struck depends on the seed, on what is asked, and on how often the same has
//! been asked before, and on nothing else: two runs that ask the same are struck the same, in
//! whichever order their requests arrive.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use chrono::Utc;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{Crossing, Kind, Refusal, Spoiled};
use crate::simulator::{journal::Wall, models, script::Failure};

/// Out of a thousand requests, how many meet which trouble.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// 5xx, and nothing happened.
    pub unwell_before: u32,
    /// 5xx, though it happened.
    pub unwell_after: u32,
    /// The connection breaks, though it happened.
    pub lost: u32,
    /// The answer is cut, broken or another one, though it happened.
    pub spoiled: u32,
    /// A short delay.
    pub delayed: u32,
    /// A limit of a second.
    pub limited: u32,
    /// The token is dead. Models have no tokens that die.
    pub dead_tokens: u32,
    /// A push of which half arrives.
    pub torn: u32,
}

impl Rates {
    /// Every trouble, each so many times out of a thousand requests.
    pub fn all(each: u32) -> Self {
        Self {
            unwell_before: each,
            unwell_after: each,
            lost: each,
            spoiled: each,
            delayed: each,
            limited: each,
            dead_tokens: each,
            torn: each * 10,
        }
    }
}

/// Trouble by dice.
#[derive(Debug)]
pub struct Storm {
    seed: u64,
    rates: Rates,
    asked: HashMap<(u8, String, String), u32>,
}

impl Storm {
    /// A storm with these dice.
    pub fn new(seed: u64, rates: Rates) -> Self {
        Self { seed, rates, asked: HashMap::new() }
    }

    pub(super) fn strikes(&mut self, crossing: &Crossing<'_>) -> Option<Kind> {
        let Crossing { wall, method, path, .. } = *crossing;
        let wall_number = match wall {
            Wall::Api => 0,
            Wall::Git => 1,
            Wall::Models => 2,
        };
        let asked = (wall_number, method.to_owned(), path.to_owned());
        let times = self.asked.entry(asked.clone()).or_default();
        *times += 1;
        let mut hasher = DefaultHasher::new();
        (self.seed, asked, *times).hash(&mut hasher);
        let mut dice = StdRng::seed_from_u64(hasher.finish());
        let is_push = wall == Wall::Git && method == "POST" && path.ends_with("git-receive-pack");
        let model = (wall == Wall::Models).then_some(path);
        let Rates {
            unwell_before,
            unwell_after,
            lost,
            spoiled,
            delayed,
            limited,
            dead_tokens,
            torn,
        } = self.rates;
        let mut roll = dice.random_range(0..1000_u32);
        let mut falls = |rate: u32| {
            let falls = roll < rate;
            roll = if falls { u32::MAX } else { roll - rate };
            falls
        };
        if is_push && falls(torn) {
            return Some(Kind::Tear);
        }
        if falls(unwell_before) {
            return Some(Kind::Refuse(unwell(&mut dice, model)));
        }
        if falls(unwell_after) {
            return Some(Kind::Late(unwell(&mut dice, model)));
        }
        if falls(lost) {
            return Some(Kind::Lose);
        }
        if falls(spoiled) {
            let ways = [Spoiled::Cut, Spoiled::Broken, Spoiled::Page, Spoiled::Stalled];
            // Only for a model is waited long enough that it matters.
            let ways = if model.is_some() { &ways[..] } else { &ways[..3] };
            return ways.get(dice.random_range(0..ways.len())).cloned().map(Kind::Spoil);
        }
        if falls(delayed) {
            return Some(Kind::Delay(Duration::from_millis(dice.random_range(5..200))));
        }
        if wall != Wall::Git && falls(limited) {
            return Some(Kind::Refuse(limit(&mut dice, model)));
        }
        if model.is_none() && falls(dead_tokens) {
            return Some(Kind::Refuse(Refusal::bad_credentials()));
        }
        None
    }
}

/// A service that is unwell; a model's, if it has an address.
fn unwell(dice: &mut StdRng, model: Option<&str>) -> Refusal {
    let Some(path) = model else {
        let status = [500, 502, 503, 504].get(dice.random_range(0..4)).copied();
        return Refusal::unwell(status.unwrap_or(500));
    };
    let failure = if dice.random() { Failure::overloaded() } else { Failure::unwell() };
    models::refusal(path, &failure)
}

fn limit(dice: &mut StdRng, model: Option<&str>) -> Refusal {
    if let Some(path) = model {
        let retry_after = dice.random::<bool>().then_some(1);
        return models::refusal(path, &Failure { retry_after, ..Failure::rate_limited(1) });
    }
    if dice.random() {
        return Refusal::secondary_limit(Some(1));
    }
    Refusal::primary_limit(Utc::now().timestamp() + 1)
}
