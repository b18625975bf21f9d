//! `simulate`: what would this delivery do? `replay`: send it to a running server.
//!
//! Simulating asks nobody and changes nothing: a payload and the configuration say what they can, and
//! what only GitHub or the database knows stands in the answer as a condition.

mod replay;
mod trace;

use crate::config::Config;
use crate::delivery::{SUBSCRIBED_EVENTS, UNASKED_EVENTS, is_in_event_name};
use crate::intake;
use crate::store::deliveries::Digest;
use crate::telemetry;
use anyhow::{Context as _, bail};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

pub(crate) use replay::{Replay, replay};

/// GitHub does not send larger payloads.
const LARGEST_BODY: usize = 25 * 1024 * 1024;
/// GitHub's try whether somebody is there.
const PING: &str = "ping";
/// Names that are so much alike are meant as one.
const SLIP: usize = 2;

/// What to look into.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// What GitHub names in X-GitHub-Event, such as `issue_comment`.
    #[arg(long, value_name = "NAME", value_parser = event_name)]
    event: String,
    /// The file with the payload, as JSON.
    #[arg(long, value_name = "FILE")]
    payload: PathBuf,
}

/// Prints what would become of a delivery.
pub(crate) fn tell(options: &Options) -> anyhow::Result<()> {
    let models = Config::models_only()?;
    let body = read(&options.payload)?;
    let digest = intake::follows(&models.plans, None, &options.event, &body);
    if let Digest::Failed(reason) = &digest {
        bail!("{}: {reason}. A server answers 400 and stores nothing", options.payload.display());
    }
    telemetry::say(format_args!("{}", trace::trace(&models, &options.event, &digest).trim_end()));
    Ok(())
}

/// The payload in this file.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let mut body = Vec::new();
    let bound = u64::try_from(LARGEST_BODY)? + 1;
    let read = file.take(bound).read_to_end(&mut body);
    read.with_context(|| format!("{} cannot be read", path.display()))?;
    if body.len() > LARGEST_BODY {
        bail!("{} has more than the 25 MiB that GitHub sends at most", path.display());
    }
    Ok(body)
}

/// The name of an event; a slip in one of those that are used is no other event.
fn event_name(text: &str) -> Result<String, String> {
    let known = || SUBSCRIBED_EVENTS.iter().chain(UNASKED_EVENTS).chain([&PING]);
    if known().any(|name| *name == text) {
        return Ok(text.to_owned());
    }
    if !(1..=100).contains(&text.len()) || !text.bytes().all(is_in_event_name) {
        return Err(
            "an event is named in small letters, digits and _, such as issue_comment".to_owned()
        );
    }
    let alike = |name: &&&str| strsim::osa_distance(name, text) <= SLIP;
    match known().find(alike) {
        Some(name) => Err(format!("there is no such event; did you mean {name}?")),
        None => Ok(text.to_owned()),
    }
}
