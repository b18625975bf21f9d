//! The fields of a check run: which are known, how long they may be, what follows from what.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::super::{
    fields::{known_keys, optional, required},
    render::time,
    reply::Reply,
};
use crate::simulator::world::CheckRun;

pub(crate) const CREATE: [&str; 10] = [
    "name",
    "head_sha",
    "details_url",
    "external_id",
    "status",
    "started_at",
    "conclusion",
    "completed_at",
    "output",
    "actions",
];
pub(crate) const UPDATE: [&str; 9] = [
    "name",
    "details_url",
    "external_id",
    "status",
    "started_at",
    "conclusion",
    "completed_at",
    "output",
    "actions",
];

const STATUSES: [&str; 6] =
    ["queued", "in_progress", "completed", "waiting", "requested", "pending"];
const CONCLUSIONS: [&str; 7] =
    ["action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"];
const LEVELS: [&str; 3] = ["notice", "warning", "failure"];
const BYTES: usize = 65_535;

type Fields = Map<String, Value>;
type Checked<T = ()> = Result<T, Reply>;

pub(crate) fn new_run(body: &Fields) -> Checked<CheckRun> {
    Ok(CheckRun {
        id: 0,
        name: required(body, "name")?.to_owned(),
        head_sha: required(body, "head_sha")?.to_owned(),
        status: "queued".to_owned(),
        conclusion: None,
        external_id: String::new(),
        details_url: None,
        started_at: None,
        completed_at: None,
        title: None,
        summary: None,
        text: None,
        annotations: Vec::new(),
        actions: Vec::new(),
    })
}

pub(crate) fn apply(run: &mut CheckRun, body: &Fields, now: DateTime<Utc>, new: bool) -> Checked {
    if let Some(name) = optional(body, "name")? {
        name.clone_into(&mut run.name);
    }
    if let Some(id) = optional(body, "external_id")? {
        id.clone_into(&mut run.external_id);
    }
    if let Some(url) = optional(body, "details_url")? {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(wrong("details_url", "details_url must be an http or https address"));
        }
        run.details_url = Some(url.to_owned());
    }
    progress(run, body, now)?;
    if let Some(output) = object(body, "output")? {
        show(run, output, new)?;
    }
    if let Some(actions) = list(body, "actions")? {
        run.actions = buttons(actions)?;
    }
    Ok(())
}

/// Status, conclusion and times, which depend on each other.
fn progress(run: &mut CheckRun, body: &Fields, now: DateTime<Utc>) -> Checked {
    let status = optional(body, "status")?;
    let conclusion = optional(body, "conclusion")?;
    let completed_at = optional(body, "completed_at")?;
    if status.is_some_and(|status| !STATUSES.contains(&status)) {
        return Err(wrong("status", "status is not included in the list"));
    }
    if conclusion.is_some_and(|conclusion| !CONCLUSIONS.contains(&conclusion)) {
        return Err(wrong("conclusion", "conclusion is not included in the list"));
    }
    let completes = status == Some("completed") || completed_at.is_some();
    if completes && conclusion.is_none() {
        return Err(wrong("conclusion", "conclusion is required when the run is completed"));
    }
    if let Some(conclusion) = conclusion {
        run.conclusion = Some(conclusion.to_owned());
        "completed".clone_into(&mut run.status);
        run.completed_at = Some(completed_at.map_or_else(|| time(now), str::to_owned));
    } else if let Some(status) = status {
        status.clone_into(&mut run.status);
        run.conclusion = None;
        run.completed_at = None;
    }
    let started = optional(body, "started_at")?.map(str::to_owned);
    run.started_at = started.or(run.started_at.take()).or_else(|| Some(time(now)));
    for at in [&run.started_at, &run.completed_at].into_iter().flatten() {
        at.parse::<DateTime<Utc>>().map_err(|_| wrong("started_at", "is not a time"))?;
    }
    Ok(())
}

/// Title, summary and text are replaced, annotations are added.
fn show(run: &mut CheckRun, output: &Fields, new: bool) -> Checked {
    known_keys(output, &["title", "summary", "text", "annotations", "images"])?;
    let title = if new { Some(required(output, "title")?) } else { optional(output, "title")? };
    let summary = required(output, "summary")?;
    let text = optional(output, "text")?;
    for (field, value) in [("summary", Some(summary)), ("text", text)] {
        if value.is_some_and(|value| value.len() > BYTES) {
            return Err(wrong(field, &format!("{field} exceeds a maximum bytesize of {BYTES}")));
        }
    }
    let annotations = list(output, "annotations")?.unwrap_or_default();
    if annotations.len() > 50 {
        let why =
            format!("No more than 50 items are allowed; {} were supplied.", annotations.len());
        return Err(Reply::invalid_request(&why));
    }
    for annotation in annotations {
        run.annotations.push(checked_annotation(annotation)?);
    }
    run.title = title.map(str::to_owned).or(run.title.take());
    run.summary = Some(summary.to_owned());
    run.text = text.map(str::to_owned).or(run.text.take());
    Ok(())
}

fn checked_annotation(annotation: &Value) -> Checked<Value> {
    let Value::Object(fields) = annotation else {
        return Err(Reply::invalid_request("An annotation is not an object."));
    };
    let keys = [
        "path",
        "start_line",
        "end_line",
        "start_column",
        "end_column",
        "annotation_level",
        "message",
        "title",
        "raw_details",
    ];
    known_keys(fields, &keys)?;
    let line = |key: &str| {
        let number = fields.get(key).and_then(Value::as_u64);
        number.ok_or_else(|| Reply::invalid_request(&format!("\"{key}\" wasn't supplied.")))
    };
    let (start, end) = (line("start_line")?, line("end_line")?);
    if end < start {
        return Err(wrong("end_line", "end_line must not be before start_line"));
    }
    let columns = fields.contains_key("start_column") || fields.contains_key("end_column");
    if columns && start != end {
        return Err(wrong("start_column", "columns are allowed on a single line only"));
    }
    if !LEVELS.contains(&required(fields, "annotation_level")?) {
        return Err(wrong("annotation_level", "annotation_level is not included in the list"));
    }
    let (path, message) = (required(fields, "path")?, required(fields, "message")?);
    let raw = optional(fields, "raw_details")?.unwrap_or_default();
    let title = optional(fields, "title")?;
    if message.len() > 65_536
        || raw.len() > 65_536
        || title.unwrap_or_default().chars().count() > 255
    {
        return Err(wrong("annotations", "an annotation is too long"));
    }
    Ok(json!({
        "path": path, "start_line": start, "end_line": end,
        "start_column": fields.get("start_column"), "end_column": fields.get("end_column"),
        "annotation_level": fields.get("annotation_level"), "title": title, "message": message,
        "raw_details": fields.get("raw_details"), "blob_href": "",
    }))
}

fn buttons(actions: &[Value]) -> Checked<Vec<Value>> {
    if actions.len() > 3 {
        let why = format!("No more than 3 items are allowed; {} were supplied.", actions.len());
        return Err(Reply::invalid_request(&why));
    }
    for action in actions {
        let Value::Object(fields) = action else {
            return Err(Reply::invalid_request("An action is not an object."));
        };
        known_keys(fields, &["label", "description", "identifier"])?;
        for (key, longest) in [("label", 20), ("description", 40), ("identifier", 20)] {
            let length = required(fields, key)?.chars().count();
            if length > longest {
                let why = format!("Only {longest} characters are allowed; {length} were supplied.");
                return Err(Reply::invalid_request(&why));
            }
        }
    }
    Ok(actions.to_vec())
}

fn object<'a>(fields: &'a Fields, key: &str) -> Checked<Option<&'a Fields>> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(value)) => Ok(Some(value)),
        Some(_) => Err(Reply::invalid_request(&format!("\"{key}\" is not an object."))),
    }
}

fn list<'a>(fields: &'a Fields, key: &str) -> Checked<Option<&'a [Value]>> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(value)) => Ok(Some(value)),
        Some(_) => Err(Reply::invalid_request(&format!("\"{key}\" is not an array."))),
    }
}

fn wrong(field: &str, message: &str) -> Reply {
    let error =
        json!({"resource": "CheckRun", "code": "custom", "field": field, "message": message});
    Reply::invalid(&Value::Array(vec![error]))
}
