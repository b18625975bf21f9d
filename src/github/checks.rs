//! Check runs.

use super::error::GitHubError;
use super::{GitHub, Place, Purpose};
use crate::domain::act::Annotation;
use crate::domain::command::button::Button;
use crate::domain::task::Conclusion;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// What a check run shows.
#[derive(Clone, Debug)]
pub(crate) struct CheckRun<'a> {
    /// Our own id of what it shows, by which it is found again.
    pub(crate) shows: Uuid,
    pub(crate) name: &'a str,
    pub(crate) head_sha: &'a str,
    /// Where more can be seen; without it, people see what GitHub shows.
    pub(crate) details_url: Option<&'a str>,
    pub(crate) title: &'a str,
    pub(crate) summary: &'a str,
    pub(crate) annotations: &'a [Annotation],
    pub(crate) buttons: &'a [Button],
    pub(crate) state: CheckState,
}

/// GitHub takes so many annotations at once, and adds them to those that are there.
/// <https://docs.github.com/rest/checks/runs#update-a-check-run>
const BATCH: usize = 50;

/// How far a check run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckState {
    Queued,
    InProgress,
    Completed(Conclusion),
}

impl CheckRun<'_> {
    /// Whether it has more annotations than fit into the request that creates it.
    pub(crate) fn is_long(&self) -> bool {
        self.annotations.len() > BATCH
    }

    /// What it shows, with these annotations more.
    fn body_with(&self, batch: &[Annotation]) -> Value {
        let mut body = self.body();
        let output = body.get_mut("output").filter(|_| !batch.is_empty());
        if let Some(Value::Object(output)) = output {
            let batch: Vec<Value> = batch.iter().map(annotation).collect();
            output.insert("annotations".to_owned(), batch.into());
        }
        body
    }

    fn body(&self) -> Value {
        let mut body = json!({
            "name": self.name,
            "external_id": self.shows,
            "output": { "title": self.title, "summary": self.summary },
            "actions": self.buttons.iter().map(|button| action(*button)).collect::<Vec<_>>(),
        });
        let state = match self.state {
            CheckState::Queued => json!({ "status": "queued" }),
            CheckState::InProgress => json!({ "status": "in_progress" }),
            CheckState::Completed(conclusion) => {
                json!({ "status": "completed", "conclusion": conclusion })
            }
        };
        merge(&mut body, state);
        if let Some(url) = self.details_url {
            merge(&mut body, json!({ "details_url": url }));
        }
        body
    }
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

fn action(button: Button) -> Value {
    let (label, description) = button.words();
    json!({ "identifier": button, "label": label, "description": description })
}

fn annotation(annotation: &Annotation) -> Value {
    json!({
        "path": annotation.path,
        "start_line": annotation.first,
        "end_line": annotation.last,
        "annotation_level": annotation.level,
        "title": annotation.title,
        "message": annotation.message,
    })
}

#[derive(Deserialize)]
struct Shown {
    output: Output,
}

#[derive(Deserialize)]
struct Output {
    annotations_count: usize,
}

#[derive(Deserialize)]
struct Created {
    id: i64,
    #[serde(default)]
    external_id: Option<String>,
}

#[derive(Deserialize)]
struct List {
    check_runs: Vec<Created>,
}

impl GitHub {
    /// Creates a check run with its first annotations and returns its id. What [is long](CheckRun::is_long)
    /// has to be updated then.
    pub(crate) async fn create_check(
        &self,
        place: &Place,
        check: &CheckRun<'_>,
    ) -> Result<i64, GitHubError> {
        let client = self.acting_in(place, Purpose::Check).await?;
        let first = check.annotations.chunks(BATCH).next().unwrap_or_default();
        let mut body = check.body_with(first);
        merge(&mut body, json!({ "head_sha": check.head_sha }));
        let created: Created = self.post(&client, &place.route("/check-runs"), &body).await?;
        Ok(created.id)
    }

    /// Replaces what a check run shows, and adds the annotations that it does not have yet. They are
    /// always in the same order, so their number says where to go on.
    pub(crate) async fn update_check(
        &self,
        place: &Place,
        id: i64,
        check: &CheckRun<'_>,
    ) -> Result<(), GitHubError> {
        let client = self.acting_in(place, Purpose::Check).await?;
        let route = place.route(&format!("/check-runs/{id}"));
        let mut there = 0;
        if !check.annotations.is_empty() {
            let shown: Shown = self.get(&client, &route, &[]).await?;
            there = shown.output.annotations_count;
        }
        let mut missing = check.annotations.get(there..).unwrap_or_default();
        loop {
            let (batch, rest) = missing.split_at(missing.len().min(BATCH));
            let _: Value = self.patch(&client, &route, &check.body_with(batch)).await?;
            if rest.is_empty() {
                return Ok(());
            }
            missing = rest;
        }
    }

    /// Our check runs that show this on this commit, oldest first.
    pub(crate) async fn checks_of(
        &self,
        place: &Place,
        check: &CheckRun<'_>,
    ) -> Result<Vec<i64>, GitHubError> {
        let client = self.acting_in(place, Purpose::Check).await?;
        let route = place.route(&format!("/commits/{}/check-runs", check.head_sha));
        let app = self.app_id().to_string();
        let parameters =
            [("filter", "all"), ("check_name", check.name), ("app_id", &app), ("per_page", "100")];
        let list: List = self.get(&client, &route, &parameters).await?;
        let shows = check.shows.to_string();
        let ours = list
            .check_runs
            .into_iter()
            .filter(|run| run.external_id.as_deref() == Some(shows.as_str()));
        let mut ids: Vec<i64> = ours.map(|run| run.id).collect();
        ids.sort_unstable();
        Ok(ids)
    }
}
