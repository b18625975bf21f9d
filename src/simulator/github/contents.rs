//! Files and folders of a repository, raw or as JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    call::Call,
    reply::{Answer, Reply},
};
use crate::simulator::world::Repository;

pub(crate) fn get(call: &Call<'_>, id: u64, path: &str) -> Answer {
    call.may(id, "contents=read")?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let wanted = call.asked.parameter("ref").unwrap_or(&repository.default_branch);
    let Some(commit) = call.hub.git.commit_of(id, wanted) else {
        return Err(if call.hub.git.branches(id).is_ok_and(|all| all.is_empty()) {
            Reply::refuse(404, "This repository is empty.")
        } else {
            Reply::refuse(404, &format!("No commit found for the ref {wanted}"))
        });
    };
    let path = path.trim_matches('/');
    let here = Place { call, repository, wanted, commit: &commit };
    if path.is_empty() {
        return here.folder("");
    }
    let entry = here.entries(&[&commit, "--", path])?.into_iter().next();
    let entry = entry.filter(|entry| entry.path == path).ok_or_else(Reply::absent)?;
    if entry.kind == "tree" { here.folder(path) } else { here.file(&entry) }
}

struct Place<'a> {
    call: &'a Call<'a>,
    repository: &'a Repository,
    wanted: &'a str,
    commit: &'a str,
}

struct Entry {
    kind: String,
    sha: String,
    path: String,
}

impl Place<'_> {
    fn file(&self, entry: &Entry) -> Answer {
        let bytes = self.call.hub.git.run(self.repository.id, &["cat-file", "blob", &entry.sha]);
        let bytes = bytes.map_err(|error| Reply::failed(&error))?;
        if self.call.asked.header("accept").contains("raw") {
            return Reply::bytes("application/vnd.github.raw+json; charset=utf-8", bytes);
        }
        let mut lines = String::new();
        for line in bytes.chunks(45) {
            lines.push_str(&STANDARD.encode(line));
            lines.push('\n');
        }
        let mut value = self.describe(entry, bytes.len());
        if let Value::Object(fields) = &mut value {
            fields.insert("content".to_owned(), lines.into());
            fields.insert("encoding".to_owned(), "base64".into());
        }
        Reply::ok(&value)
    }

    fn folder(&self, path: &str) -> Answer {
        let tree = format!("{}:{path}", self.commit);
        let mut entries = self.entries(&[&tree])?;
        for entry in entries.iter_mut().filter(|_| !path.is_empty()) {
            entry.path = format!("{path}/{}", entry.path);
        }
        Reply::ok(&entries.iter().map(|entry| self.describe(entry, 0)).collect())
    }

    fn entries(&self, what: &[&str]) -> Result<Vec<Entry>, Reply> {
        let mut arguments = vec!["ls-tree", "-z"];
        arguments.extend(what);
        let list = self.call.hub.git.text(self.repository.id, &arguments);
        let list = list.map_err(|_| Reply::absent())?;
        let entries = list.split('\0').filter_map(|line| {
            let (facts, path) = line.split_once('\t')?;
            let mut facts = facts.split(' ').skip(1).map(str::to_owned);
            Some(Entry { kind: facts.next()?, sha: facts.next()?, path: path.to_owned() })
        });
        Ok(entries.collect())
    }

    fn describe(&self, entry: &Entry, size: usize) -> Value {
        let (path, render) = (&entry.path, self.call.render());
        let (api, html) =
            (render.repository_url(self.repository), render.html_url(self.repository));
        let (kind, word) = match entry.kind.as_str() {
            "tree" => ("dir", "tree"),
            "commit" => ("submodule", "tree"),
            _ => ("file", "blob"),
        };
        let url = format!("{api}/contents/{path}?ref={}", self.wanted);
        let page = format!("{html}/{word}/{}/{path}", self.wanted);
        let object = format!("{api}/git/{word}s/{}", entry.sha);
        json!({
            "name": path.rsplit('/').next(), "path": path, "sha": entry.sha, "size": size,
            "url": url, "html_url": page, "git_url": object, "type": kind,
            "download_url": (kind == "file").then(|| format!("{html}/raw/{}/{path}", self.wanted)),
            "_links": {"self": url, "git": object, "html": page},
        })
    }
}
