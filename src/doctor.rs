//! `doctor`: is this set-up sound, and if not, what is to be done?

use crate::config::{Config, Walls};
use crate::delivery::SUBSCRIBED_EVENTS;
use crate::domain::report::setup::not_begun;
use crate::git::Git;
use crate::github::account::{App, PERMISSIONS};
use crate::github::{self, GitHub};
use crate::sandbox::Sandbox;
use crate::store::{Found, Store};
use crate::telemetry::say;
use anyhow::bail;
use std::time::Duration;

/// What was found about one thing.
type Finding = Result<String, String>;

/// Looks at everything and prints a line for each; fails if anything is not sound.
pub(crate) async fn examine() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    say(format_args!("ok    configuration: complete"));
    let walls = Sandbox::prove(&config).await;
    let findings = [
        ("database", database(&config).await),
        ("git", git(&config).await),
        ("the App on GitHub", github(&config).await),
        ("models", models(&config)),
        ("sandbox", sandbox(&config, &walls)),
        ("setup", setup(&config, &walls).await),
    ];
    let mut faults = 0;
    for (what, finding) in findings {
        match finding {
            Ok(said) => say(format_args!("ok    {what}: {said}")),
            Err(said) => {
                faults += 1;
                say(format_args!("WRONG {what}: {said}"));
            }
        }
    }
    if faults > 0 {
        bail!("{faults} of the above must be mended");
    }
    Ok(())
}

async fn database(config: &Config) -> Finding {
    let store = match Store::find(&config.database_url).await.map_err(|e| e.to_string())? {
        Found::Nothing => return Ok("there is none yet; `serve` makes it".to_owned()),
        Found::Behind(steps) => {
            return Ok(format!(
                "reachable, but older than this version (migrations that are missing: {steps}). `serve` and `migrate` bring it up to date: back it up before"
            ));
        }
        Found::Current(store) => store,
    };
    let unbalanced = store.unbalanced_accounts().await.map_err(|e| e.to_string())?;
    store.close().await;
    if unbalanced.is_empty() {
        return Ok("reachable, up to date, and the ledger adds up".to_owned());
    }
    Err(format!(
        "the ledger of {} accounts does not add up; do not change it by hand, restore a backup",
        unbalanced.len()
    ))
}

async fn git(config: &Config) -> Finding {
    let git = Git::new(&config.data_dir, &config.github_server).map_err(|e| e.to_string())?;
    git.version().await.map_err(|e| e.to_string())
}

async fn github(config: &Config) -> Finding {
    let client = github::http_client().map_err(|e| format!("{e:#}"))?;
    let github = GitHub::new(config, client).map_err(|e| format!("{e:#}"))?;
    let asked = tokio::time::timeout(Duration::from_secs(30), github.app()).await;
    let app = match asked {
        Ok(Ok(app)) => app,
        Ok(Err(error)) => {
            return Err(format!(
                "{error}. Check APP_ID, PRIVATE_KEY, GITHUB_API_URL and this machine's clock"
            ));
        }
        Err(_) => return Err("no answer; check GITHUB_API_URL and the network".to_owned()),
    };
    let missing = missing(&app);
    if missing.is_empty() {
        return Ok(format!("{} has the permissions and events it needs", app.slug));
    }
    Err(format!("{} lacks {}: add them in the App's settings", app.slug, missing.join(", ")))
}

fn missing(app: &App) -> Vec<String> {
    let has = |(name, needed): &(&str, &str)| {
        app.permissions
            .get(*name)
            .is_some_and(|level| level == needed || level == "write" || level == "admin")
    };
    let permissions = PERMISSIONS
        .iter()
        .filter(|p| !has(p))
        .map(|(name, level)| format!("the permission {name}: {level}"));
    let events = SUBSCRIBED_EVENTS.iter().filter(|e| !app.events.iter().any(|have| have == *e));
    permissions.chain(events.map(|e| format!("the event {e}"))).collect()
}

fn models(config: &Config) -> Finding {
    let Some(model) = &config.default_model else {
        return Err(
            "no model service has a key: set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY"
                .to_owned(),
        );
    };
    let provider = config.catalog.by_id(model).map(|m| m.provider);
    match provider.filter(|p| !config.provider_names().contains(p)) {
        Some(provider) => {
            Err(format!("the default model {model} needs {}", provider.key_variable()))
        }
        None => Ok(format!("{model} is the default; its key is set, but was not tried")),
    }
}

fn sandbox(config: &Config, walls: &Result<Sandbox, String>) -> Finding {
    match walls {
        Ok(sandbox) => Ok(format!("{} holds here: commands and checks are run", sandbox.name())),
        Err(why) if config.walls == Walls::None => {
            Ok(format!("{why}, so no command and no check is run"))
        }
        Err(why) => Err(format!(
            "no walls hold here, so no command and no check is run: {why}. Install bubblewrap and \
             allow user namespaces, or set SANDBOX=off"
        )),
    }
}

/// Whether repositories can have their dependencies fetched.
async fn setup(config: &Config, walls: &Result<Sandbox, String>) -> Finding {
    let hosts = &config.setup_hosts;
    if hosts.is_empty() {
        return Ok("SETUP_HOSTS names no hosts, so no dependencies are fetched".to_owned());
    }
    let why = match walls {
        Ok(sandbox) => sandbox.no_setup().map(|why| not_begun(&why)),
        Err(_) => Some("no walls hold here".to_owned()),
    };
    match (walls, why) {
        (Ok(sandbox), None) => match sandbox.prove_door().await {
            Ok(()) => Ok(format!("dependencies can be fetched from {hosts}")),
            Err(why) => Err(format!("dependencies cannot be fetched: {why}")),
        },
        (_, why) => Err(format!(
            "SETUP_HOSTS is set, but no dependencies can be fetched: {}. Install bubblewrap and allow \
             user namespaces, or take SETUP_HOSTS away",
            why.unwrap_or_default()
        )),
    }
}
