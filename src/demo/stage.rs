//! Sets the stage: people, a repository with a real fault, an issue that reports it, and what the
//! scripted model will do about it.

use crate::config::ProviderAccess;

use crate::simulator::{Options, RepositoryOptions, Script, Simulator};
use secrecy::ExposeSecret;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(super) const REPOSITORY: &str = "acme/till";
pub(super) const COMMAND: &str = "/asynccoder debug";

const SAMPLE: &str = include_str!("../../fixtures/repos/till.txt");
const ISSUE_TITLE: &str = "No discount at exactly 100.00";
const ISSUE_BODY: &str = "The price list says *from 100.00 on* there are ten percent off, but a bill of exactly 100.00 is charged in full.";

/// Everything that is there before the curtain rises.
pub(super) struct Stage {
    pub(super) simulator: Simulator,
    pub(super) issue: u64,
    folder: PathBuf,
    model: Option<ProviderAccess>,
}

impl Stage {
    pub(super) async fn set(folder: &Path, model: Option<ProviderAccess>) -> anyhow::Result<Self> {
        let options = Options { folder: Some(folder.join("github")), ..Options::default() };
        let simulator = Simulator::start(options).await?;
        simulator.add_organization("acme");
        simulator.add_user("dana");
        simulator.add_repository(
            REPOSITORY,
            RepositoryOptions { files: sample_files(), ..RepositoryOptions::default() },
        )?;
        simulator.set_permission(REPOSITORY, "dana", "write")?;
        simulator.quietly().install("acme")?;
        let issue = simulator.quietly().open_issue(REPOSITORY, "dana", ISSUE_TITLE, ISSUE_BODY)?;
        simulator.models().script(script());
        Ok(Self { simulator, issue, folder: folder.to_owned(), model })
    }

    /// What an operator would put into the environment.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        let app = self.simulator.credentials();
        let (model_url, model_key) = match &self.model {
            Some(access) => (access.base_url.clone(), access.key.expose_secret().to_owned()),
            None => (
                self.simulator.models_url().to_owned(),
                self.simulator.models().api_key().to_owned(),
            ),
        };
        let variables = [
            ("PORT", "0".to_owned()),
            ("DATA_DIR", self.folder.join("data").display().to_string()),
            // What is told must not depend on the machine it is told on.
            ("SANDBOX", "off".to_owned()),
            ("APP_ID", app.app_id.to_string()),
            ("PRIVATE_KEY", app.private_key_pem),
            ("WEBHOOK_SECRET", app.webhook_secret),
            ("GITHUB_API_URL", self.simulator.api_url().to_owned()),
            ("GITHUB_SERVER_URL", self.simulator.server_url().to_owned()),
            ("ANTHROPIC_BASE_URL", model_url),
            ("ANTHROPIC_API_KEY", model_key),
        ];
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The files of the sample project: `//- path` begins each.
fn sample_files() -> Vec<(String, Vec<u8>)> {
    let files = SAMPLE.split("//- ").filter(|part| !part.is_empty());
    let file = |part: &str| {
        let (path, content) = part.split_once('\n')?;
        Some((path.trim().to_owned(), format!("{}\n", content.trim_end()).into_bytes()))
    };
    files.filter_map(file).collect()
}

fn plan(read: &str, fix: &str) -> serde_json::Value {
    json!({ "items": [
        { "text": "Find where the discount is decided", "status": read },
        { "text": "Fix the comparison and add a test at the threshold", "status": fix },
    ] })
}

/// What the model does, turn by turn.
fn script() -> Script {
    Script::new("the till")
        .calls(vec![("plan", plan("in_progress", "pending")), ("search", json!({ "pattern": "THRESHOLD" }))])
        .with_text("I look for the place where the discount is decided.")
        .calls(vec![("read_file", json!({ "path": "src/discount.rs" })), ("read_file", json!({ "path": "tests/total.rs" }))])
        .calls(vec![
            ("plan", plan("done", "in_progress")),
            (
                "edit_file",
                json!({ "path": "src/discount.rs", "old": "    if cents > THRESHOLD {", "new": "    if cents >= THRESHOLD {" }),
            ),
            (
                "edit_file",
                json!({
                    "path": "tests/total.rs",
                    "old": "#[test]\nfn large_bills_get_ten_percent_off() {",
                    "new": "#[test]\nfn the_discount_begins_at_the_threshold() {\n    assert_eq!(total(&[Item { name: \"table\", cents: 100_00, count: 1 }]), 90_00);\n}\n\n#[test]\nfn large_bills_get_ten_percent_off() {",
                }),
            ),
        ])
        .calls(vec![("plan", plan("done", "done"))])
        .calls(vec![(
            "finish",
            json!({
                "title": "Give the discount at exactly 100.00",
                "summary": "`discount::apply` compared with `>`, so a bill of exactly 100.00 got no discount. It now compares with `>=`, and a test holds the threshold.",
                "not_verified": ["The tests were not run."],
            }),
        )])
}
