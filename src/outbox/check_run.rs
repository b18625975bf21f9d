//! Check runs: one per task and commit, and those that belong to no task.

use super::Outbox;
use super::verdict::Verdict;
use crate::domain::act::{Annotation, NewCheck};
use crate::domain::report::{TaskView, check, review, verification};
use crate::domain::review::Review;
use crate::domain::task::{Conclusion, End, Phase};
use crate::domain::verification::Verification;
use crate::github::Place;
use crate::github::checks::{CheckRun, CheckState};
use crate::github::error::GitHubError;
use crate::store;
use crate::store::acts::DueAct;
use crate::store::documents::DueDocument;
use serde_json::{Value, json};

impl Outbox {
    /// Creates or updates the check run. `None`: it may be there, and has to be looked for again.
    pub(super) async fn show_check(
        &self,
        place: &Place,
        document: &DueDocument,
        view: &TaskView,
    ) -> Result<Option<i64>, GitHubError> {
        let (name, title, summary) =
            (check::name(view.kind), check::title(view), check::summary(view));
        let annotations = annotations(view);
        let wanted = CheckRun {
            shows: view.id.0,
            name: &name,
            head_sha: &document.head_sha,
            details_url: Some(&view.url),
            title: &title,
            summary: &summary,
            annotations: &annotations,
            buttons: &check::buttons(view),
            state: state(view),
        };
        let known = match document.github_id {
            Some(id) if document.lookups > 0 => {
                Some(self.find_check(place, &wanted).await?.unwrap_or(id))
            }
            Some(id) => Some(id),
            None if document.unsure => match self.find_check(place, &wanted).await {
                Ok(None) if document.lookups < self.timing.lookups => return Ok(None),
                Ok(found) => found,
                Err(error) => return Err(error),
            },
            None => None,
        };
        if let Some(id) = known {
            return self.github.update_check(place, id, &wanted).await.map(|()| Some(id));
        }
        let id = self.github.create_check(place, &wanted).await?;
        if wanted.is_long() {
            self.github.update_check(place, id, &wanted).await?;
        }
        Ok(Some(id))
    }

    /// Writes a check run that belongs to no task. Like an answer it may be there twice if GitHub's lists
    /// lag for long: then it is looked for once more.
    pub(super) async fn check(
        &self,
        place: &Place,
        act: &DueAct,
        check: &NewCheck,
    ) -> store::Result<Verdict> {
        let wanted = of_command(act, check);
        let done = self.github.create_check(place, &wanted).await;
        if let Some(id) = done.as_ref().ok().filter(|_| wanted.is_long())
            && let Err(error) = self.github.update_check(place, *id, &wanted).await
        {
            // Whatever it was: the check run is there, and is looked up before it is created again.
            return Ok(self.judge(place, &error, act.attempts, true).await);
        }
        if done.is_ok() && act.unsure && act.attempts < 2 {
            return Ok(self.maybe_twice());
        }
        Ok(self.judged(place, done.map(as_result), act).await)
    }

    /// That check run, if it is there; what it says at lines may have been cut off in the middle.
    pub(super) async fn find_check_of(
        &self,
        place: &Place,
        act: &DueAct,
        check: &NewCheck,
    ) -> Result<Option<Value>, GitHubError> {
        let wanted = of_command(act, check);
        let Some(id) = self.find_check(place, &wanted).await? else { return Ok(None) };
        if !check.annotations.is_empty() {
            self.github.update_check(place, id, &wanted).await?;
        }
        Ok(Some(as_result(id)))
    }

    /// The check run of this on this commit. If a lost reply has doubled it, the oldest stays and the
    /// others turn neutral, because a check run cannot be removed.
    async fn find_check(
        &self,
        place: &Place,
        wanted: &CheckRun<'_>,
    ) -> Result<Option<i64>, GitHubError> {
        let mut found = self.github.checks_of(place, wanted).await?.into_iter();
        let oldest = found.next();
        for double in found {
            tracing::warn!(
                check_run = double,
                "a check run was there twice; the newer one is neutral now"
            );
            let neutral = CheckRun {
                state: CheckState::Completed(Conclusion::Neutral),
                annotations: &[],
                buttons: &[],
                ..wanted.clone()
            };
            self.github.update_check(place, double, &neutral).await?;
        }
        Ok(oldest)
    }
}

fn of_command<'c>(act: &DueAct, check: &'c NewCheck) -> CheckRun<'c> {
    CheckRun {
        shows: act.command.0,
        name: &check.name,
        head_sha: check.head.as_str(),
        details_url: None,
        title: &check.title,
        summary: &check.summary,
        annotations: &check.annotations,
        buttons: &[],
        state: CheckState::Completed(check.conclusion),
    }
}

fn as_result(id: i64) -> Value {
    json!({ "id": id })
}

/// Lines that people should look at, once the task has ended.
fn annotations(view: &TaskView) -> Vec<Annotation> {
    if view.phase != Phase::Ended {
        return Vec::new();
    }
    let found = view.outcome.review.as_ref().map(review::annotations).unwrap_or_default();
    let failed = view.outcome.verification.as_ref().map(verification::annotations);
    found.into_iter().chain(failed.unwrap_or_default()).collect()
}

/// Work that made a check red, and a review with findings, now or before, or of only a part, is neither good nor bad: what follows is
/// for people.
fn conclusion(view: &TaskView, end: End) -> Conclusion {
    let is_red = view.outcome.verification.as_ref().is_some_and(Verification::is_red);
    if end == End::Done && is_red {
        return Conclusion::Neutral;
    }
    if end == End::Done && !view.outcome.review.as_ref().is_none_or(Review::is_clean) {
        return Conclusion::Neutral;
    }
    end.conclusion()
}

fn state(view: &TaskView) -> CheckState {
    match (view.phase, view.end) {
        (Phase::Waiting, _) => CheckState::Queued,
        (Phase::Ended, Some(end)) => CheckState::Completed(conclusion(view, end)),
        (Phase::Working | Phase::Publishing | Phase::Ended, _) => CheckState::InProgress,
    }
}
