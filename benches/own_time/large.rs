//! A repository of 50,000 files: what we add to checking it out and looking through it.

use super::by_hand::git;
use super::spread::Spread;
use super::stage::{self, RIGHT, WRONG};
use asynccoder::app::App;
use asynccoder::simulator::{RepositoryOptions, Simulator};
use std::path::Path;
use std::time::{Duration, Instant};

const REPOSITORY: &str = "acme/large";
const FILES: usize = 50_000;
const FILES_IN_A_FOLDER: usize = 200;
const ROUNDS: usize = 5;

pub(crate) async fn measure(
    simulator: &Simulator,
    app: &App,
    token: &str,
    folder: &Path,
) -> anyhow::Result<()> {
    let options = RepositoryOptions { files: files(), ..RepositoryOptions::default() };
    simulator.add_repository(REPOSITORY, options)?;
    simulator.set_permission(REPOSITORY, "dana", "write")?;
    let mirror = folder.join("large.git");
    let host = simulator.server_url().trim_start_matches("http://");
    let url = format!("http://x-access-token:{token}@{host}/{REPOSITORY}.git");
    git(folder, &["clone", "--quiet", "--bare", &url, &mirror.display().to_string()]).await?;
    // The first one has to fetch everything. It is shown, and not counted.
    let first = stage::round(simulator, app, REPOSITORY).await?;
    let (mut rounds, mut plain) = (Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        plain.push(checkout_and_add(&mirror, &folder.join(format!("large-{number}"))).await?);
        rounds.push(stage::round(simulator, app, REPOSITORY).await?.finished);
    }
    let (rounds, plain) = (Spread::of(rounds), Spread::of(plain));
    println!("\n{ROUNDS} comments, {FILES} files               p50 ms    p95 ms    first ms");
    println!(
        "{:36} {rounds} {:11.1}",
        "comment to pull request and check",
        super::spread::milliseconds(first.finished)
    );
    println!("{:36} {plain}", "plain checkout and add");
    println!("{:36} {:9.2}", "ratio", rounds.p50() / plain.p50());
    Ok(())
}

/// From a mirror that is there, as ours is.
async fn checkout_and_add(mirror: &Path, tree: &Path) -> anyhow::Result<Duration> {
    let path = tree.display().to_string();
    let began = Instant::now();
    git(mirror, &["worktree", "add", "--quiet", "--detach", &path, "main"]).await?;
    tokio::fs::write(tree.join("src/lib.rs"), RIGHT).await?;
    git(tree, &["add", "--all"]).await?;
    let took = began.elapsed();
    tokio::fs::remove_dir_all(tree).await?;
    Ok(took)
}

fn files() -> Vec<(String, Vec<u8>)> {
    let filler = |number: usize| {
        let path = format!("modules/{:03}/{number:05}.rs", number / FILES_IN_A_FOLDER);
        (
            path,
            format!("//! Module {number}.\npub fn id() -> usize {{\n    {number}\n}}\n")
                .into_bytes(),
        )
    };
    let wrong = ("src/lib.rs".to_owned(), WRONG.as_bytes().to_vec());
    std::iter::once(wrong).chain((1..FILES).map(filler)).collect()
}
