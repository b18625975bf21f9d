//! The demo: the whole story on loopback, with the simulator in GitHub's and the model's place.

use clap::Args;

/// How the demo is played.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// Leave everything running afterwards, and say where to look.
    #[arg(long)]
    keep: bool,
}

pub(crate) async fn play(_options: Options) -> anyhow::Result<()> {
    anyhow::bail!("not yet")
}
