//! Tells what everybody can see, one line each.
//!
//! What the bot does between two things that people do is told in one fixed order, so that a story
//! reads the same whichever of its writes had to be repeated: pushes, pull requests, check
//! runs, comments in their last state.

use super::{BOT, repo};
use asynccoder::simulator::{Effect, Entry, Simulator};
use std::collections::{BTreeMap, BTreeSet};

/// The rank of the bot's comments.
const COMMENTS: u8 = 6;

/// What happened after this line of the journal.
pub(super) fn story(simulator: &Simulator, after: u64) -> String {
    let journal = simulator.journal();
    let new: Vec<&Entry> = journal.iter().filter(|entry| entry.sequence > after).collect();
    let mut told: Vec<(Option<u64>, String)> = Vec::new();
    let mut ours: BTreeMap<(u8, String, u64), String> = BTreeMap::new();
    for entry in new {
        let Some(effect) = entry.effect() else { continue };
        if changes_again(&journal, entry) {
            continue;
        }
        if let Some((comment, line)) = by_people(effect) {
            told.extend(std::mem::take(&mut ours).into_values().map(|line| (None, line)));
            told.push((comment, line));
        } else if let Some((place, line)) = below_its_comment(&told, effect) {
            told.insert(place, line);
        } else if let Some((rank, line)) = by_the_bot(simulator, effect) {
            // Several commands of one comment are decided at once, and answered in any order.
            let text = if rank == COMMENTS { line.clone() } else { String::new() };
            ours.insert((rank, text, entry.sequence), line);
        }
    }
    told.extend(ours.into_values().map(|line| (None, line)));
    stable(&journal, &told.into_iter().map(|(_, line)| line).collect::<String>())
}

/// An emoji stands below the comment that it is on, whenever it came.
fn below_its_comment(
    told: &[(Option<u64>, String)],
    effect: &Effect,
) -> Option<(usize, (Option<u64>, String))> {
    let Effect::ReactionAdded { comment: Some(id), number, author, content, .. } = effect else {
        return None;
    };
    let place = told.iter().rposition(|(comment, _)| *comment == Some(*id))?;
    Some((place + 1, (Some(*id), line(author, &format!("#{number} :{content}:")))))
}

/// Whether a later line of the journal shows the same comment or check run in another state.
fn changes_again(journal: &[Entry], entry: &Entry) -> bool {
    let Some(id) = entry.effect().and_then(shown_by_the_bot) else { return false };
    let later = journal.iter().rev().take_while(|other| other.sequence > entry.sequence);
    later.filter_map(|other| shown_by_the_bot(other.effect()?)).any(|other| other == id)
}

fn shown_by_the_bot(effect: &Effect) -> Option<u64> {
    match effect {
        Effect::CheckCreated { id, .. } | Effect::CheckUpdated { id, .. } => Some(*id),
        Effect::CommentCreated { id, author, .. } if author == BOT => Some(*id),
        Effect::CommentEdited { id, editor, .. } if editor == BOT => Some(*id),
        _ => None,
    }
}

fn line(who: &str, what: &str) -> String {
    let who = if who == BOT { "asynccoder" } else { who };
    format!("{who:<12} {what}\n")
}

/// The line, with the comment that it tells of.
fn by_people(effect: &Effect) -> Option<(Option<u64>, String)> {
    let said = |body: &str| body.trim_end().replace('\n', " ⏎ ");
    let line = match effect {
        Effect::IssueOpened { number, author, title, .. }
        | Effect::PullOpened { number, author, title, .. }
            if author != BOT =>
        {
            line(author, &format!("opens #{number} \"{title}\""))
        }
        Effect::IssueEdited { number, editor, what, .. }
        | Effect::PullEdited { number, editor, what, .. }
            if editor != BOT =>
        {
            line(editor, &format!("#{number} {what}"))
        }
        Effect::CommentCreated { number, author, body, at, .. } if author != BOT => {
            line(author, &format!("#{number} {}{}", place(at.as_ref()), said(body)))
        }
        Effect::CommentEdited { number, editor, body, at, .. } if editor != BOT => {
            line(editor, &format!("#{number} {}edits: {}", place(at.as_ref()), said(body)))
        }
        Effect::Reviewed { number, author, body, .. } if author != BOT => {
            line(author, &format!("#{number} reviews: {}", said(body)))
        }
        Effect::Pushed { reference, by, .. } if by != BOT => {
            line(by, &format!("pushes {}", reference.trim_start_matches("refs/heads/")))
        }
        _ => return None,
    };
    let comment = match effect {
        Effect::CommentCreated { id, .. } | Effect::CommentEdited { id, .. } => Some(*id),
        _ => None,
    };
    Some((comment, line))
}

/// The line with its rank; a thing that changes is told once, as it is in the end.
fn by_the_bot(simulator: &Simulator, effect: &Effect) -> Option<(u8, String)> {
    let told = |rank, what: String| Some((rank, line(BOT, &what)));
    match effect {
        Effect::ReactionAdded { number, content, .. } => told(0, format!("#{number} :{content}:")),
        Effect::Pushed { repository, reference, old, new, .. } => {
            let branch = reference.trim_start_matches("refs/heads/");
            told(
                1,
                format!(
                    "pushes {branch}{}",
                    change(simulator, repository, old.as_ref(), new.as_ref())
                ),
            )
        }
        Effect::PullOpened { number, title, base, draft, author, .. } if author == BOT => {
            let draft = if *draft { " as a draft" } else { "" };
            told(2, format!("opens #{number} \"{title}\" for {base}{draft}"))
        }
        Effect::PullEdited { number, what, .. } => told(3, format!("#{number} {what}")),
        Effect::Reviewed { number, author, body, comments, .. } if author == BOT => {
            told(4, format!("#{number} reviews: {}", review(body, comments)))
        }
        Effect::CheckCreated { name, head_sha, status, conclusion, .. }
        | Effect::CheckUpdated { name, head_sha, status, conclusion, .. } => {
            let state = conclusion.as_ref().unwrap_or(status);
            told(5, format!("check \"{name}\" {state} on {head_sha}"))
        }
        Effect::CommentCreated { number, author, body, at, .. }
        | Effect::CommentEdited { number, editor: author, body, at, .. }
            if author == BOT =>
        {
            told(COMMENTS, format!("#{number} {}{}", place(at.as_ref()), summary(body)))
        }
        Effect::CommentDeleted { number, id, .. } => {
            told(7, format!("#{number} deletes a comment ({id})"))
        }
        Effect::IssueEdited { number, what, .. } => told(8, format!("#{number} {what}")),
        _ => None,
    }
}

fn change(
    simulator: &Simulator,
    repository: &str,
    old: Option<&String>,
    new: Option<&String>,
) -> String {
    let Some(new) = new else { return " (deleted)".to_owned() };
    let commit = simulator.commit(repository, new).unwrap();
    let on_top_of = commit.parent.clone();
    let from = old.cloned().or(commit.parent).unwrap_or_default();
    let files = repo::changed_files(&simulator.diff(repository, &from, new).unwrap());
    let over = match old {
        None => "",
        Some(old) if on_top_of.as_deref() == Some(old) => " on top",
        Some(_) => " over another commit",
    };
    format!(" ({files}){over}")
}

/// The line of a change that a comment stands at, in front of what it says.
fn place(at: Option<&String>) -> String {
    at.map(|at| format!("({at}) ")).unwrap_or_default()
}

/// What it says first, and the places of its comments at lines.
fn review(body: &str, comments: &[serde_json::Value]) -> String {
    let first = body.split("\n\n").next().unwrap_or_default();
    let place = |comment: &serde_json::Value| {
        let line = comment["line"].as_u64().unwrap_or_default();
        let from = comment["start_line"].as_u64().map(|n| format!("{n}-")).unwrap_or_default();
        format!("{}:{from}{line}", comment["path"].as_str().unwrap_or_default())
    };
    let places: Vec<_> = comments.iter().map(place).collect();
    let first = first.strip_prefix("### Async Coder · ").unwrap_or(first);
    format!("{first} [{}]", places.join(", "))
}

/// The state and what it says first; a task's comment with its receipt.
fn summary(body: &str) -> String {
    let parts: Vec<&str> = body.split("\n\n").collect();
    let first = parts.first().copied().unwrap_or_default();
    let heading = first.strip_prefix("### Async Coder · ");
    if !body.contains("<!-- asynccoder:task=") {
        let said: Vec<&str> = parts.iter().copied().filter(|p| !p.starts_with("<!--")).collect();
        let more = if heading.is_some() { "…" } else { "" };
        let said = if heading.is_some() { first.to_owned() } else { said.join(" ⏎ ") };
        return format!("{}{more}", said.replace('\n', " ⏎ "));
    }
    let says = parts.get(1).copied().unwrap_or_default();
    let receipt = parts.iter().find(|part| part.starts_with("Receipt: ")).copied();
    let paid =
        receipt.map(|r| r.split(" · ").filter(|p| p.contains("step") || p.contains("credit")));
    let paid = paid.map(|p| format!(" [{}]", p.collect::<Vec<_>>().join(", "))).unwrap_or_default();
    format!("{}: {}{paid}", heading.unwrap_or(first), says.replace('\n', " ⏎ "))
}

/// Replaces what differs from run to run, and shows what cannot be seen.
pub(crate) fn stable(journal: &[Entry], text: &str) -> String {
    let mut text = replace_ids(text).replace('\u{200b}', "<zero width>");
    for short in short_ids(journal) {
        text = text.replace(&short, "<short>");
    }
    text
}

/// The last eight digits of every task's id that the bot has shown.
fn short_ids(journal: &[Entry]) -> BTreeSet<String> {
    let bodies = journal.iter().filter_map(|entry| match entry.effect()? {
        Effect::CommentCreated { body, .. } => Some(body),
        _ => None,
    });
    let ids = bodies.flat_map(|body| body.split("<!-- asynccoder:task=").skip(1));
    ids.filter_map(|rest| rest.get(28..36).map(str::to_owned)).collect()
}

/// Commits become `<sha>`, uuids `<uuid>`, addresses on this machine `<host>`.
fn replace_ids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let word: usize =
            rest.find(|c: char| !c.is_ascii_hexdigit() && c != '-').unwrap_or(rest.len());
        let token = &rest[..word];
        let is_uuid = |t: &str| {
            t.len() >= 36
                && t.get(..36).is_some_and(|t| t.split('-').map(str::len).eq([8, 4, 4, 4, 12]))
        };
        if is_uuid(token) {
            out.push_str("<uuid>");
            rest = &rest[36..];
        } else if word == 40 && !token.contains('-') {
            out.push_str("<sha>");
            rest = &rest[40..];
        } else if let Some(after) = rest.strip_prefix("http://127.0.0.1:") {
            out.push_str("http://<host>");
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        } else {
            let step = word.max(c.len_utf8());
            out.push_str(&rest[..step]);
            rest = &rest[step..];
        }
    }
    out
}
