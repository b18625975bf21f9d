//! From deliveries to rows: what does this tell, and what does somebody ask?
//!
//! No call to anybody, no permission, no decision. Digesting the same delivery again, or the same
//! comment under another delivery id, changes nothing.

mod unasked;

use crate::delivery::payload;
use crate::domain::command::parse::understand;
use crate::domain::command::{Asked, Request};
use crate::domain::event::{Choice, Commented, Event, Labelled, Rerequested, Source};
use crate::domain::plan::Plans;
use crate::store::Store;
use crate::store::commands::NewCommand;
use crate::store::deliveries::{Delivery, Digest, Fact};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Deliveries in one transaction.
const BATCH: i64 = 100;

/// Digests deliveries until told to stop. Woken by its bell and by a look every poll.
pub(crate) async fn run(
    store: Store,
    (plans, app): (Plans, u64),
    poll: Duration,
    stop: CancellationToken,
) {
    let digest = |delivery: &Delivery| follows(&plans, Some(app), &delivery.event, &delivery.body);
    while !stop.is_cancelled() {
        match store.digest(BATCH, digest).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::error!(%error, "deliveries could not be digested"),
        }
        tokio::select! {
            () = store.bells().deliveries.notified() => {}
            () = tokio::time::sleep(poll) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// What follows from a body that was sent under this name to this App; without one, to whichever.
pub(crate) fn follows(plans: &Plans, app: Option<u64>, event: &str, body: &[u8]) -> Digest {
    let told = what_is_told(plans, app, event, body);
    match (told, payload::offered(event, body)) {
        (Digest::Facts(facts), Some(offer)) => {
            Digest::Facts(facts.into_iter().chain(unasked::offered(&offer)).collect())
        }
        (Digest::Ignored(_), Some(offer)) => Digest::Facts(unasked::offered(&offer)),
        (told, _) => told,
    }
}

fn what_is_told(plans: &Plans, app: Option<u64>, event: &str, body: &[u8]) -> Digest {
    match payload::parse(event, body) {
        Ok(Event::Ping) => Digest::Ignored("a ping".to_owned()),
        Ok(Event::Ignored(reason)) => Digest::Ignored(reason),
        Ok(Event::Installed(installation, repositories)) => {
            let choice = Choice {
                installation: installation.clone(),
                added: repositories,
                removed: Vec::new(),
            };
            let chosen = (!choice.added.is_empty()).then(|| Fact::Chosen(Box::new(choice)));
            Digest::Facts(std::iter::once(Fact::Installed(installation)).chain(chosen).collect())
        }
        Ok(Event::Uninstalled(installation)) => {
            Digest::Facts(vec![Fact::Uninstalled(installation)])
        }
        Ok(Event::Suspended(installation)) => Digest::Facts(vec![Fact::Suspended(installation)]),
        Ok(Event::Allowed(installation)) => Digest::Facts(vec![Fact::Allowed(installation)]),
        Ok(Event::Commented(comment)) => commented(&comment),
        Ok(Event::Labelled(labelled)) => self::labelled(*labelled),
        Ok(Event::Pressed(pressed)) => {
            let repository =
                Fact::Repository(Box::new(pressed.repository.clone()), pressed.installation);
            Digest::Facts(vec![repository, Fact::Pressed(pressed)])
        }
        Ok(Event::Rerequested(suite)) => rerequested(app, suite),
        Ok(Event::Changed(repository, installation)) => {
            Digest::Facts(vec![Fact::Repository(repository, installation)])
        }
        Ok(Event::Deleted(repository, installation)) => {
            let id = repository.id;
            Digest::Facts(vec![Fact::Repository(repository, installation), Fact::Deleted(id)])
        }
        Ok(Event::Chosen(choice)) => Digest::Facts(vec![Fact::Chosen(choice)]),
        Ok(Event::Renamed(account)) => Digest::Facts(vec![Fact::Account(account)]),
        Ok(Event::Proposed(proposal)) => {
            let repository =
                Fact::Repository(Box::new(proposal.repository.clone()), proposal.installation);
            Digest::Facts(vec![repository, Fact::Proposed(proposal)])
        }
        Ok(Event::Subscribed(purchase)) => {
            let given = plans.given(&purchase.subscription, purchase.as_of.time());
            Digest::Facts(vec![Fact::Bought(purchase, Box::new(given))])
        }
        Err(error) => Digest::Failed(error.to_string()),
    }
}

/// Each App has checks of its own.
fn rerequested(app: Option<u64>, suite: Box<Rerequested>) -> Digest {
    if app.is_some_and(|app| app != suite.app) {
        return Digest::Ignored("the checks are another App's".to_owned());
    }
    let repository = Fact::Repository(Box::new(suite.repository.clone()), suite.installation);
    Digest::Facts(vec![repository, Fact::Rerequested(suite)])
}

fn commented(comment: &Commented) -> Digest {
    let requests = requests(comment);
    if requests.is_empty() {
        return Digest::Ignored("the comment has no command".to_owned());
    }
    let command = |(key, request): (String, Request)| {
        let asked = Asked {
            request,
            thread: comment.thread.clone(),
            source: comment.source,
            comment_id: comment.comment_id,
            at: Some(comment.at),
            url: comment.url.clone(),
            line: comment.line.clone(),
            head: None,
        };
        let (account, repository) = (comment.repository.owner.id, comment.repository.id);
        Fact::Command(Box::new(NewCommand {
            key,
            account,
            repository,
            sender: comment.sender.clone(),
            asked,
        }))
    };
    let commands: Vec<_> = requests.into_iter().map(command).collect();
    let repository = Fact::Repository(Box::new(comment.repository.clone()), comment.installation);
    Digest::Facts(std::iter::once(repository).chain(commands).collect())
}

/// A label that is set again later is another command; the same delivery again is not, because the time
/// of the change is in its key.
fn labelled(labelled: Labelled) -> Digest {
    let thread_id = labelled.thread_id;
    let label = labelled.label.to_lowercase();
    // The time stands behind a character that parts it from longer names of the same beginning.
    let since_ever = format!("{}:{thread_id}:{label}@", Source::Label);
    let key = format!("{since_ever}{}", labelled.at.timestamp());
    let (account, repository) = (labelled.repository.owner.id, labelled.repository.id);
    let seen = Fact::Repository(Box::new(labelled.repository.clone()), labelled.installation);
    if labelled.is_removed {
        let (key, at) = (since_ever, labelled.at);
        return Digest::Facts(vec![seen, Fact::Unlabelled { repository, key, at }]);
    }
    let asked = Asked {
        request: Request::Command(labelled.command),
        thread: labelled.thread,
        source: Source::Label,
        comment_id: thread_id,
        at: Some(labelled.at),
        url: labelled.url,
        line: None,
        head: None,
    };
    let command = NewCommand { key, account, repository, sender: labelled.sender, asked };
    Digest::Facts(vec![seen, Fact::Command(Box::new(command))])
}

/// Everything a comment asks, each with its key for ever.
fn requests(comment: &Commented) -> Vec<(String, Request)> {
    let understood = match &comment.before {
        Some(before) => understand(&comment.body).added_to(&understand(before)),
        None => understand(&comment.body),
    };
    let key = |text: &str, occurrence: usize| {
        let hash = hex::encode(Sha256::digest(text.as_bytes()));
        format!("{}:{}:{hash}:{occurrence}", comment.source, comment.comment_id)
    };
    let mut requests: Vec<_> = understood
        .commands
        .into_iter()
        .map(|c| (key(&c.normalised, c.occurrence), Request::Command(c.command)))
        .collect();
    if !understood.mistakes.is_empty() {
        let words: Vec<_> = understood.mistakes.iter().map(|m| m.word.as_str()).collect();
        requests.push((
            key(&format!("mistakes {}", words.join(" ")), 0),
            Request::Mistakes(understood.mistakes),
        ));
    }
    requests
}
