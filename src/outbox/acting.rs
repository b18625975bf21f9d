//! Carrying out an act: once, or looked up first when nobody knows whether it happened.

use super::Outbox;
use super::verdict::Verdict;
use crate::domain::act::Act;
use crate::domain::event::Source;
use crate::domain::ids::TaskId;
use crate::domain::report::detail;
use crate::domain::task::LONGEST_WAIT;
use crate::github::Place;
use crate::github::error::GitHubError;
use crate::github::issues::Spot;
use crate::store;
use crate::store::acts::DueAct;
use crate::store::writers::Writer;
use chrono::Utc;
use serde_json::Value;
use std::time::Duration;

impl Outbox {
    /// Does it and notes what came of it. Returns for how long the installation is blocked.
    pub(super) async fn carry_out_act(
        &self,
        writer: &Writer,
        act: &DueAct,
    ) -> store::Result<Option<Duration>> {
        let verdict = match self.place(writer, act.repository).await? {
            Some(place) => self.act(writer, &place, act).await?,
            None => Verdict::Impossible(detail::app_is_gone()),
        };
        match verdict {
            Verdict::Done(result) => self.store.act_done(act, result).await?,
            Verdict::Later { wait, unsure, error } => {
                self.again_later(act, wait, unsure, error).await?;
            }
            Verdict::Blocked { wait, unsure, error } => {
                self.store.act_later(act, wait, unsure, &error).await?;
                return Ok(Some(wait));
            }
            Verdict::Parked { lacks } => self.park(act, lacks).await?,
            Verdict::Moved { unsure } => {
                self.store.act_later(act, Duration::ZERO, unsure, "it has moved").await?;
            }
            Verdict::Changed => {
                tracing::info!(act = %act.id.0, "a branch has moved; the push is another one now");
            }
            Verdict::Suspended => self.suspended(writer).await?,
            Verdict::Impossible(error) => self.give_up(act, error).await?,
            Verdict::Lost => {}
        }
        Ok(None)
    }

    async fn again_later(
        &self,
        act: &DueAct,
        wait: Duration,
        unsure: bool,
        error: String,
    ) -> store::Result<()> {
        if Utc::now() - act.created_at > LONGEST_WAIT {
            return self.give_up(act, detail::gave_up(&error)).await;
        }
        tracing::warn!(act = %act.id.0, kind = %act.act.kind(), unsure, error, "an act is tried again later");
        self.store.act_later(act, wait, unsure, &error).await
    }

    /// What only adorns is not worth waiting for a person.
    async fn park(&self, act: &DueAct, lacks: String) -> store::Result<()> {
        if !act.required || Utc::now() - act.created_at > LONGEST_WAIT {
            return self.give_up(act, detail::lacks(&lacks)).await;
        }
        tracing::warn!(act = %act.id.0, kind = %act.act.kind(), lacks, "an act waits for a permission");
        self.store.act_parked(act, self.timing.parked, &lacks).await
    }

    async fn give_up(&self, act: &DueAct, error: String) -> store::Result<()> {
        tracing::warn!(act = %act.id.0, kind = %act.act.kind(), error, "an act is impossible");
        self.store.act_impossible(act, &error).await
    }

    async fn act(&self, writer: &Writer, place: &Place, act: &DueAct) -> store::Result<Verdict> {
        if act.unsure {
            match self.look_up(place, act).await {
                Ok(Some(found)) => return Ok(Verdict::Done(found)),
                Ok(None) if act.lookups < self.timing.lookups && !is_repeatable(&act.act) => {
                    let error = "the reply was lost; looking whether it is there".to_owned();
                    return Ok(Verdict::Later {
                        wait: self.timing.lookup_spacing,
                        unsure: true,
                        error,
                    });
                }
                Ok(None) => {}
                Err(error) => return Ok(self.judge(place, &error, act.attempts, true).await),
            }
        }
        self.pace.wait(writer.account).await;
        if !self.store.act_begins(act.id, writer, self.timing.writes_an_hour).await? {
            return Ok(Verdict::Lost);
        }
        self.begun(writer, place, act).await
    }

    /// What has to be done, now that it is noted that it is tried.
    async fn begun(&self, writer: &Writer, place: &Place, act: &DueAct) -> store::Result<Verdict> {
        match &act.act {
            Act::Reaction { number, source, comment_id, emoji } => {
                let done = match source {
                    Source::Comment => self.github.react(place, *comment_id, *emoji).await,
                    Source::ReviewComment => {
                        self.github.react_at_line(place, *comment_id, *emoji).await
                    }
                    // These have no place for an emoji.
                    Source::CheckRun | Source::Review | Source::Offer | Source::Push => Ok(()),
                    Source::IssueBody | Source::PullRequestBody | Source::Label => {
                        self.github.react_to_thread(place, *number, *emoji).await
                    }
                };
                Ok(self
                    .judged(place, done.map(|()| Value::Object(serde_json::Map::default())), act)
                    .await)
            }
            Act::Answer { number, below, body } => {
                self.answer(place, act, Spot { number: *number, below: *below }, body).await
            }
            Act::Push(push) => Ok(self.push(place, writer, act, push).await),
            Act::PullRequest(wanted) => {
                let opened = self.open(place, wanted, task_of(act), act.attempts).await;
                Ok(self.judged(place, opened, act).await)
            }
            Act::Review(review) => {
                let written = self.review(place, review).await;
                Ok(self.judged(place, written, act).await)
            }
            Act::Resolve { number, first } => {
                let done = self.github.resolve_thread(place, *number, *first).await;
                Ok(self
                    .judged(place, done.map(|()| Value::Object(serde_json::Map::default())), act)
                    .await)
            }
            Act::DeleteBranch(wanted) => Ok(self.delete_branch(place, writer, act, wanted).await),
            Act::Check(check) => self.check(place, act, check).await,
        }
    }

    /// Given once more because nobody found the first one, it may be there twice, if GitHub's lists lag
    /// for long: then it is looked for once more, and the newer one is removed.
    async fn answer(
        &self,
        place: &Place,
        act: &DueAct,
        spot: Spot,
        body: &str,
    ) -> store::Result<Verdict> {
        let done = self.say(place, spot, body).await;
        if done.is_ok() && act.unsure && act.attempts < 2 {
            return Ok(self.maybe_twice());
        }
        Ok(self.judged(place, done.map(|id| serde_json::json!({ "id": id })), act).await)
    }

    pub(super) fn maybe_twice(&self) -> Verdict {
        let error = "it may be there twice; looking later".to_owned();
        Verdict::Later { wait: self.second_look(), unsure: true, error }
    }

    /// When what may be there twice is looked for: long after the look-ups that did not find it.
    pub(super) fn second_look(&self) -> Duration {
        let lookups = u32::try_from(self.timing.lookups).unwrap_or(1);
        self.timing.lookup_spacing * lookups * 10
    }

    /// Whether an act with an unknown outcome is there.
    async fn look_up(&self, place: &Place, act: &DueAct) -> Result<Option<Value>, GitHubError> {
        match &act.act {
            Act::Answer { number, below, .. } => {
                let spot = Spot { number: *number, below: *below };
                self.find_answer(place, spot, act.command).await
            }
            Act::PullRequest(wanted) => self.find_pull_request(place, wanted, task_of(act)).await,
            Act::Review(review) => self.find_review(place, review, task_of(act)).await,
            Act::Check(check) => self.find_check_of(place, act, check).await,
            Act::Reaction { .. } | Act::Push(_) | Act::Resolve { .. } | Act::DeleteBranch(_) => {
                Ok(None)
            }
        }
    }
}

/// The task of a pull request; without one its marker fits nothing.
fn task_of(act: &DueAct) -> TaskId {
    act.task.unwrap_or(TaskId(act.command.0))
}

/// Whether doing it twice is the same as doing it once, so that no look-up is needed.
fn is_repeatable(act: &Act) -> bool {
    matches!(act, Act::Reaction { .. } | Act::Push(_) | Act::Resolve { .. } | Act::DeleteBranch(_))
}
