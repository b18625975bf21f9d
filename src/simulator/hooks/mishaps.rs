//! What can happen to a webhook on its way, by dice that depend on the seed and the delivery alone.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::Parcel;

/// Out of a thousand deliveries, how many meet which mishap. One that is asked for again meets none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mishaps {
    /// The dice.
    pub seed: u64,
    /// Delivered twice.
    pub doubled: u32,
    /// Delivered twice, once under another number.
    pub replayed: u32,
    /// Delivered after the next one.
    pub overtaken: u32,
    /// Not delivered, and listed as failed.
    pub missed: u32,
}

/// What happens to one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Delivered,
    Doubled,
    Replayed,
    Overtaken,
    Missed,
}

impl Mishaps {
    pub(super) fn of(&self, parcel: &Parcel) -> Fate {
        if parcel.redelivery {
            return Fate::Delivered;
        }
        let mut hasher = DefaultHasher::new();
        (self.seed, &parcel.guid).hash(&mut hasher);
        let mut roll = StdRng::seed_from_u64(hasher.finish()).random_range(0..1000_u32);
        for (rate, fate) in [
            (self.doubled, Fate::Doubled),
            (self.replayed, Fate::Replayed),
            (self.overtaken, Fate::Overtaken),
            (self.missed, Fate::Missed),
        ] {
            if roll < rate {
                return fate;
            }
            roll -= rate;
        }
        Fate::Delivered
    }
}
