//! Times, and where they lie.

use std::time::Duration;

/// Times in order.
pub(crate) struct Spread(Vec<Duration>);

impl Spread {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// So many per mille of the times are not longer, in milliseconds.
    pub(crate) fn at(&self, per_mille: usize) -> f64 {
        let rank = (self.0.len() * per_mille).div_ceil(1000).max(1) - 1;
        self.0.get(rank).copied().map_or(0.0, milliseconds)
    }

    /// The middle.
    pub(crate) fn p50(&self) -> f64 {
        self.at(500)
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:9.1} {:9.1}", self.p50(), self.at(950))
    }
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
