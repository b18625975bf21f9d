//! A crate without dependencies that takes a compiler some seconds.

use anyhow::{Context, ensure};
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Builds all of it anew: what was built before is removed.
pub(crate) const BUILD: &str = "cargo build --quiet --offline";

const FUNCTIONS: usize = 600;
const MANIFEST: &str = "[package]\nname = \"some\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

/// Where the Rust tools of this machine are.
pub(crate) async fn tools() -> anyhow::Result<PathBuf> {
    let said = Command::new("rustc").args(["--print", "sysroot"]).output().await;
    let said = said.context("rustc is needed")?;
    ensure!(said.status.success(), "rustc does not say where it is");
    Ok(PathBuf::from(String::from_utf8(said.stdout)?.trim()))
}

pub(crate) fn write_crate(tree: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(tree.join("src"))?;
    std::fs::write(tree.join("Cargo.toml"), MANIFEST)?;
    let mut text = String::new();
    for number in 0..FUNCTIONS {
        writeln!(
            text,
            "pub fn f{number}(words: &[String]) -> std::collections::BTreeMap<String, usize> {{\n    \
             let mut counts = std::collections::BTreeMap::new();\n    \
             for word in words.iter().filter(|word| word.len() > {number} % 7) {{\n        \
             *counts.entry(format!(\"{{word}}-{number}\")).or_insert(0) += word.len();\n    }}\n    \
             counts\n}}"
        )?;
    }
    let calls: String =
        (0..FUNCTIONS).map(|n| format!("    sum += f{n}(&words).len();\n")).collect();
    text.push_str(&format!(
        "fn main() {{\n    let words: Vec<String> = std::env::args().collect();\n    \
         let mut sum = 0;\n{calls}    println!(\"{{sum}}\");\n}}\n"
    ));
    std::fs::write(tree.join("src/main.rs"), text)?;
    Ok(())
}

/// As if nothing had been built.
pub(crate) fn clean(tree: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(tree.join("target")) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
