//! Keeps what can be fetched again within the operator's quota: mirrors, and what setups fetched. What
//! was used longest ago goes first, and never what is in use.

use super::Worker;
use super::setup::{Cache, KeptSetup};
use crate::git::{Git, KeptMirror};
use std::io;
use std::time::SystemTime;

/// Something that may be dropped.
enum Kept {
    Mirror(KeptMirror),
    Setup(KeptSetup),
}

impl Kept {
    const fn used(&self) -> SystemTime {
        match self {
            Self::Mirror(mirror) => mirror.used,
            Self::Setup(setup) => setup.used,
        }
    }

    const fn size(&self) -> u64 {
        match self {
            Self::Mirror(mirror) => mirror.size,
            Self::Setup(setup) => setup.size,
        }
    }

    fn remove(&self) -> io::Result<bool> {
        match self {
            Self::Mirror(mirror) => mirror.remove(),
            Self::Setup(setup) => setup.remove(),
        }
    }
}

impl Worker {
    /// Only an attempt makes them grow, so its end is when their size is looked at.
    pub(super) async fn keep_quota(&self) {
        let (git, cache, quota) = (self.git.clone(), self.cache.clone(), self.disk_quota);
        let bounded = tokio::task::spawn_blocking(move || bound(&git, &cache, quota)).await;
        match bounded.map_err(io::Error::other).flatten() {
            Ok(0) => {}
            Ok(removed) => {
                tracing::info!(removed, "mirrors and setups were dropped to keep DISK_QUOTA");
            }
            Err(error) => tracing::warn!(%error, "the disk quota could not be kept"),
        }
    }
}

fn bound(git: &Git, cache: &Cache, quota_bytes: u64) -> io::Result<u64> {
    let mirrors = git.kept_mirrors()?.into_iter().map(Kept::Mirror);
    let mut kept: Vec<Kept> = mirrors.chain(cache.kept()?.into_iter().map(Kept::Setup)).collect();
    kept.sort_by_key(Kept::used);
    let mut total: u64 = kept.iter().map(Kept::size).sum();
    let mut removed = 0;
    for one in kept {
        if total <= quota_bytes {
            break;
        }
        if one.remove()? {
            total = total.saturating_sub(one.size());
            removed += 1;
        }
    }
    Ok(removed)
}
