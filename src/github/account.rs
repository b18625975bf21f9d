//! The App itself: its name, its permissions, and the bot user under which it writes.

use super::error::GitHubError;
use super::{GitHub, Place, Purpose, segment};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The App as GitHub knows it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct App {
    /// Its name in addresses; its bot is called `<slug>[bot]`.
    pub(crate) slug: String,
    pub(crate) permissions: BTreeMap<String, String>,
    pub(crate) events: Vec<String>,
}

/// The user that commits in the App's name.
#[derive(Clone, Debug)]
pub(crate) struct Bot {
    pub(crate) login: String,
    pub(crate) id: i64,
}

impl Bot {
    /// The address by which GitHub links a commit to the bot.
    pub(crate) fn email(&self) -> String {
        format!("{}+{}@users.noreply.github.com", self.id, self.login)
    }
}

#[derive(Deserialize)]
struct User {
    id: i64,
    login: String,
}

/// What the App must be allowed; `app-manifest.json` asks for exactly this.
pub(crate) const PERMISSIONS: &[(&str, &str)] = &[
    ("checks", "write"),
    ("contents", "write"),
    ("issues", "write"),
    ("metadata", "read"),
    ("pull_requests", "write"),
];

impl GitHub {
    /// The App.
    pub(crate) async fn app(&self) -> Result<App, GitHubError> {
        self.get(&self.as_app()?, "/app", &[]).await
    }

    /// The bot user, asked for once.
    pub(crate) async fn bot(&self, place: &Place) -> Result<Bot, GitHubError> {
        let ask = async {
            let slug = self.app().await?.slug;
            let client = self.acting_in(place, Purpose::Admission).await?;
            let route = format!("/users/{}", segment(&format!("{slug}[bot]")));
            let user: User = self.get(&client, &route, &[]).await?;
            Ok::<_, GitHubError>(Bot { login: user.login, id: user.id })
        };
        self.bot.get_or_try_init(|| ask).await.cloned()
    }
}
