//! One request while it is handled: what was asked, by whom, and the checks every route needs.

use axum::http::HeaderMap;
use serde_json::{Map, Value};

use super::{
    Identity,
    fields::known_keys,
    render::Render,
    reply::{Answer, Reply},
};
use crate::simulator::{
    acts::Stage,
    hub::Hub,
    wire::Arrived,
    world::{Grant, World, covers},
};

const VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];
const NO_AGENT: &str = "Request forbidden by administrative rules. Please make sure your request \
     has a User-Agent header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api\
     #user-agent-required). Check https://developer.github.com for other possible causes.";

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    pub(crate) parts: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Option<Value>,
    has_body: bool,
}

impl Asked {
    pub(crate) fn new(arrived: Arrived) -> Self {
        let (path, uri) = (arrived.path(), &arrived.uri);
        let parts = uri.path().split('/').filter(|part| !part.is_empty());
        let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Self {
            method: arrived.method.to_string(),
            path,
            parts: parts.flat_map(decoded_parts).collect(),
            query: query.into_owned().collect(),
            json: serde_json::from_slice(&arrived.body).ok(),
            has_body: !arrived.body.is_empty(),
            headers: arrived.headers,
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// What is checked before anything else.
    pub(crate) fn acceptable(&self) -> Result<(), Reply> {
        if self.header("user-agent").trim().is_empty() {
            return Err(Reply::refuse_plainly(403, NO_AGENT));
        }
        let version = self.header("x-github-api-version");
        if !version.is_empty() && !VERSIONS.contains(&version) {
            let message = format!("API version '{version}' is not supported");
            return Err(Reply::refuse(400, &message));
        }
        if self.has_body && self.method != "GET" {
            let kind = self.header("content-type");
            if !kind.is_empty() && !kind.contains("json") {
                return Err(Reply::refuse(415, "Unsupported Media Type"));
            }
            if self.json.is_none() {
                return Err(Reply::refuse(400, "Problems parsing JSON"));
            }
        }
        Ok(())
    }
}

/// Escaped slashes are slashes too.
fn decoded_parts(part: &str) -> Vec<String> {
    let decoded = percent_encoding::percent_decode_str(part).decode_utf8_lossy();
    decoded.split('/').map(str::to_owned).collect()
}

pub(crate) struct Call<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) world: &'a mut World,
    pub(crate) asked: &'a Asked,
    pub(crate) identity: Identity,
}

impl Call<'_> {
    pub(crate) fn render(&self) -> Render<'_> {
        Render::new(self.hub, self.world)
    }

    /// Acts as the App's bot.
    pub(crate) fn stage(&mut self, repository: u64) -> Stage<'_> {
        let actor = &self.hub.app.bot_login;
        Stage { hub: self.hub, world: self.world, repository, actor }
    }

    /// Requires the App's own token.
    pub(crate) fn app(&self) -> Result<(), Reply> {
        match self.identity {
            Identity::App => Ok(()),
            Identity::Nobody | Identity::Token(_) => {
                Err(Reply::refuse(401, "A JSON web token could not be decoded"))
            }
        }
    }

    /// Requires an installation token.
    pub(crate) fn token(&self) -> Result<&Grant, Reply> {
        match &self.identity {
            Identity::Token(grant) => Ok(grant),
            Identity::App => Err(Reply::refuse(
                403,
                "Resource not accessible by integration: an installation token is needed",
            )),
            Identity::Nobody => Err(Reply::refuse(401, "Requires authentication")),
        }
    }

    /// Requires that the token reaches a repository.
    pub(crate) fn sees(&self, repository: u64) -> Result<(), Reply> {
        let grant = self.token()?;
        let found = self.world.repositories.get(&repository).ok_or_else(Reply::absent)?;
        let installation = self.world.installations.get(&grant.installation);
        let theirs = installation.is_some_and(|one| one.reaches(found));
        let listed = grant.repositories.as_ref().is_none_or(|ids| ids.contains(&repository));
        if theirs && listed { Ok(()) } else { Err(Reply::hidden("outside the token")) }
    }

    /// Requires one of some permissions, written as GitHub's header does: `a=read; b=write`.
    pub(crate) fn may(&self, repository: u64, accepted: &str) -> Result<(), Reply> {
        let grant = self.token()?;
        let permitted = accepted.split("; ").any(|set| {
            set.split(',').all(|one| {
                let (name, level) = one.split_once('=').unwrap_or((one, "read"));
                name == "metadata" || covers(grant.permissions.get(name), level)
            })
        });
        if !permitted {
            let reply = Reply::refuse(403, "Resource not accessible by integration");
            return Err(reply.with_header("x-accepted-github-permissions", accepted));
        }
        let archived = self.world.repositories.get(&repository).is_some_and(|one| one.archived);
        if archived && self.asked.method != "GET" {
            return Err(Reply::refuse(403, "Repository was archived so is read-only."));
        }
        Ok(())
    }

    /// The JSON body, with no key but these.
    pub(crate) fn fields(&self, allowed: &[&str]) -> Result<Map<String, Value>, Reply> {
        let fields = match &self.asked.json {
            Some(Value::Object(fields)) => fields.clone(),
            None => Map::new(),
            Some(_) => return Err(Reply::refuse(400, "Body should be a JSON object")),
        };
        known_keys(&fields, allowed)?;
        Ok(fields)
    }

    /// One page of a list, with links to the others.
    pub(crate) fn page(&self, all: Vec<Value>) -> (Vec<Value>, Option<String>) {
        let number = |name| self.asked.parameter(name).and_then(|text| text.parse::<usize>().ok());
        let size = number("per_page").unwrap_or(30).clamp(1, 100);
        let page = number("page").unwrap_or(1).max(1);
        let last = all.len().div_ceil(size).max(1);
        let link = |page: usize, name: &str| {
            let base = self.asked.path.split('?').next().unwrap_or_default();
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            let others = self.asked.query.iter().filter(|(key, _)| key != "page");
            query.extend_pairs(others).append_pair("page", &page.to_string());
            format!("<{}{base}?{}>; rel=\"{name}\"", self.hub.urls.api, query.finish())
        };
        let mut links = Vec::new();
        if page > 1 {
            links.extend([link(page - 1, "prev"), link(1, "first")]);
        }
        if page < last {
            links.extend([link(page + 1, "next"), link(last, "last")]);
        }
        let items = all.into_iter().skip((page - 1) * size).take(size).collect();
        (items, Some(links.join(", ")).filter(|links| !links.is_empty()))
    }

    /// A list as an answer.
    #[expect(clippy::unnecessary_wraps, reason = "a route ends with it")]
    pub(crate) fn list(&self, all: Vec<Value>) -> Answer {
        let (items, link) = self.page(all);
        let reply = Reply::json(200, &Value::Array(items));
        Ok(match link {
            Some(link) => reply.with_header("link", link),
            None => reply,
        })
    }

    /// A list under a name, with its total.
    #[expect(clippy::unnecessary_wraps, reason = "a route ends with it")]
    pub(crate) fn counted_list(&self, name: &str, all: Vec<Value>) -> Answer {
        let mut body = Map::new();
        body.insert("total_count".to_owned(), all.len().into());
        let (items, link) = self.page(all);
        body.insert(name.to_owned(), Value::Array(items));
        let reply = Reply::json(200, &Value::Object(body));
        Ok(match link {
            Some(link) => reply.with_header("link", link),
            None => reply,
        })
    }

    /// Room for what is the same in every refusal.
    pub(crate) fn explain(&self, mut refusal: Reply) -> Reply {
        if refusal.note == "unknown route" {
            refusal.note = format!("unknown route {} {}", self.asked.method, self.asked.path);
        }
        refusal
    }
}
