//! The tasks of one issue or pull request: what people ask about, stop, and run again.

use super::engine::{all, args, one, opt, row};
use super::{Result, Store, from_json};
use crate::domain::credit::Credits;
use crate::domain::ids::{CommandId, RepositoryId, TaskId};
use crate::domain::report::Outcome;
use crate::domain::report::answer::Listed;
use crate::domain::review::Finding;
use crate::domain::task::{Brief, End, Kind, Phase};

/// Tasks that are listed.
const MOST_LISTED: i64 = 50;

row! {
    /// A task of a thread.
    #[derive(Clone, Debug)]
    pub struct ThreadTask {
        /// The task.
        pub id: TaskId,
        /// What sort of work.
        pub kind: Kind,
        /// On which model.
        pub model: String,
        /// Where it is.
        pub phase: Phase,
        /// How it ended, or will.
        pub ended_as: Option<End>,
        /// Who asked for it.
        pub requester_id: i64,
        /// The branch it is for.
        pub base_branch: String,
        /// What was paid.
        pub charged: Option<Credits>,
        /// Whether somebody asked to stop it.
        pub is_stopping: bool,
        /// Whether it waits for something that only a person can give.
        pub is_parked: bool,
        brief: sqlx::types::Json<serde_json::Value>,
    }
}

impl ThreadTask {
    /// Who asked what.
    pub fn brief(&self) -> Result<Brief> {
        from_json(self.brief.clone())
    }
}

row! {
    struct Reviewed {
        id: TaskId,
        base_sha: String,
        brief: sqlx::types::Json<serde_json::Value>,
        outcome: sqlx::types::Json<serde_json::Value>,
    }
}

row! {
    struct Ended {
        model: String,
        base_sha: String,
        outcome: sqlx::types::Json<serde_json::Value>,
    }
}

/// What a task that has ended left behind.
#[derive(Clone, Debug)]
pub struct Left {
    /// On which model it ran.
    pub model: String,
    /// The commit that it started from.
    pub base_sha: String,
    /// What its agent said.
    pub outcome: Outcome,
}

impl Store {
    /// What a task left behind, once it has ended.
    pub async fn left_by(&self, task: TaskId) -> Result<Option<Left>> {
        let row: Option<Ended> = opt(
            self.db.reader(),
            "select model, base_sha, outcome from tasks where id = $1 and phase = 'ended'",
            args![task],
        )
        .await?;
        let Some(Ended { model, base_sha, outcome }) = row else { return Ok(None) };
        Ok(Some(Left { model, base_sha, outcome: from_json(outcome)? }))
    }

    /// The last review of a pull request that looked at all there was to see, and the commit that it
    /// looked at. One that was asked to look for something, or that could not read everything, is none.
    pub async fn last_review(
        &self,
        repository: RepositoryId,
        number: i64,
    ) -> Result<Option<(TaskId, String)>> {
        let reviews: Vec<Reviewed> = all(
            self.db.reader(),
            "select t.id, t.base_sha, t.brief, t.outcome from tasks t join acts a on a.task_id = t.id
             where t.repository_id = $1 and t.number = $2 and t.kind = 'pr_review' and t.ended_as = 'done'
               and a.kind = 'review' and a.state = 'done'
             order by t.id desc limit $3",
            args![repository, number, MOST_LISTED],
        )
        .await?;
        for Reviewed { id, base_sha, brief, outcome } in reviews {
            let (brief, outcome): (Brief, Outcome) = (from_json(brief)?, from_json(outcome)?);
            let is_whole = outcome.review.is_some_and(|review| review.not_read == 0);
            let usual = Kind::PrReview.instruction(&brief.thread, "");
            if is_whole && brief.instruction == usual {
                return Ok(Some((id, base_sha)));
            }
        }
        Ok(None)
    }

    /// What the reviews of a pull request have told, the newest first.
    pub async fn told_findings(
        &self,
        repository: RepositoryId,
        number: i64,
    ) -> Result<Vec<Finding>> {
        let outcomes: Vec<(sqlx::types::Json<serde_json::Value>,)> = all(
            self.db.reader(),
            "select t.outcome from tasks t join acts a on a.task_id = t.id
             where t.repository_id = $1 and t.number = $2 and a.kind = 'review' and a.state = 'done'
             order by t.id desc limit $3",
            args![repository, number, MOST_LISTED],
        )
        .await?;
        let mut told = Vec::new();
        for (outcome,) in outcomes {
            let outcome: Outcome = from_json(outcome)?;
            told.extend(outcome.review.iter().flat_map(|review| review.findings().cloned()));
        }
        Ok(told)
    }

    /// The task that a command became, if it became one.
    pub async fn task_of(&self, command: CommandId) -> Result<Option<TaskId>> {
        let task: Option<(TaskId,)> =
            opt(self.db.reader(), "select id from tasks where command_id = $1", args![command])
                .await?;
        Ok(task.map(|(id,)| id))
    }

    /// The newest tasks of a thread, newest first.
    pub async fn thread_tasks(
        &self,
        repository: RepositoryId,
        number: i64,
    ) -> Result<Vec<ThreadTask>> {
        let tasks = all(
            self.db.reader(),
            "select id, kind, model, phase, ended_as, requester_id, base_branch, charged,
                    cancel_requested_at is not null as is_stopping, parked is not null as is_parked, brief
             from tasks
             where repository_id = $1 and number = $2 order by id desc limit $3",
            args![repository, number, MOST_LISTED],
        );
        Ok(tasks.await?)
    }

    /// The same, as they are shown: with how many of the account's tasks go first.
    pub async fn listed_tasks(&self, repository: RepositoryId, number: i64) -> Result<Vec<Listed>> {
        let mut listed = Vec::new();
        for task in self.thread_tasks(repository, number).await? {
            let before = if task.phase == Phase::Waiting && !task.is_parked {
                Some(self.waiting_before(task.id).await?)
            } else {
                None
            };
            let ThreadTask { id, kind, phase, ended_as, charged, is_stopping, is_parked, .. } =
                task;
            listed.push(Listed {
                id,
                kind,
                phase,
                end: ended_as,
                before,
                charged,
                is_stopping,
                is_parked,
            });
        }
        Ok(listed)
    }

    async fn waiting_before(&self, task: TaskId) -> Result<i64> {
        let (count,): (i64,) = one(
            self.db.reader(),
            "select count(*) from tasks t join tasks o on o.account_id = t.account_id
             where t.id = $1 and o.id <> t.id and o.phase = 'waiting' and o.ranked_at <= t.ranked_at",
            args![task],
        )
        .await?;
        Ok(count)
    }
}
