//! A task as it is shown, gathered from its rows at the moment of showing.

use super::engine::{Tx, args, exec, one, opt, row};
use super::{Result, Store, StoreError, from_json, json};
use crate::domain::act::ActKind;
use crate::domain::catalog::Catalog;
use crate::domain::credit::{Credits, Quote, Usage};
use crate::domain::event::ProposalState;
use crate::domain::ids::TaskId;
use crate::domain::report::{Opened, Outcome, PlanItem, Pushed, TaskView, receipt};
use crate::domain::task::{Brief, End, Kind, Phase};
use serde::Deserialize;
use serde_json::Value;

row! {
    struct Shown {
        kind: Kind,
        model: String,
        phase: Phase,
        ended_as: Option<End>,
        quote_low: Credits,
        quote_high: Credits,
        hold: Credits,
        charged: Option<Credits>,
        steps: i64,
        input_tokens: i64,
        cached_tokens: i64,
        cache_write_tokens: i64,
        output_tokens: i64,
        outcome: sqlx::types::Json<Value>,
        parked: Option<String>,
        fell_back_to: Option<String>,
        waits_for: Option<String>,
        owner: String,
        name: String,
        base_sha: String,
        private: bool,
        brief: sqlx::types::Json<Value>,
        balance: Credits,
        held: Credits,
    }
}

row! {
    struct PullRequestRow {
        number: i64,
        url: String,
        draft: bool,
        state: ProposalState,
    }
}

/// Where people go for more, without slashes at the end.
#[derive(Clone, Copy, Debug)]
pub struct Addresses<'a> {
    /// This server.
    pub here: &'a str,
    /// GitHub's pages.
    pub github: &'a str,
}

#[derive(Deserialize)]
struct Plan {
    items: Vec<PlanItem>,
}

impl Store {
    /// How a task looks now.
    pub async fn task_view(
        &self,
        id: TaskId,
        catalog: &Catalog,
        addresses: Addresses<'_>,
    ) -> Result<TaskView> {
        let row: Shown = one(
            self.db.reader(),
            "select t.kind, t.model, t.phase, t.ended_as, t.quote_low, t.quote_high, t.hold, t.charged,
                    t.steps, t.input_tokens, t.cached_tokens, t.cache_write_tokens, t.output_tokens, t.outcome, t.parked, t.fell_back_to, t.waits_for,
                    r.owner, r.name, t.base_sha, r.private, t.brief, a.balance, a.held
             from tasks t join accounts a on a.id = t.account_id join repositories r on r.id = t.repository_id
             where t.id = $1",
            args![id],
        )
        .await?;
        let named =
            |id: &String| catalog.by_id(id).map_or_else(|| id.clone(), |m| m.display_name.clone());
        let model =
            receipt::models(&named(&row.model), row.fell_back_to.as_ref().map(named).as_deref());
        let plan = self.latest_plan(id).await?;
        let pull_request = self.opened_by(id).await?;
        let pushed = self.pushed_by(id).await?;
        let review_url = self.review_of(id).await?;
        Ok(TaskView {
            id,
            kind: row.kind,
            phase: row.phase,
            lacks: row.parked,
            waits_for: row.waits_for.and_then(|name| name.parse().ok()),
            end: row.ended_as,
            model,
            quote: Quote { low: row.quote_low, high: row.quote_high, cap: row.hold },
            hold: row.hold,
            plan,
            steps: row.steps,
            usage: Usage {
                input: row.input_tokens,
                cached: row.cached_tokens,
                cache_write: row.cache_write_tokens,
                output: row.output_tokens,
            },
            charged: row.charged,
            outcome: from_json(row.outcome)?,
            pull_request,
            pushed,
            review_url,
            private: row.private,
            config_has_mistakes: from_json::<Brief>(row.brief)?.rules.has_mistakes,
            available: Credits(row.balance.0.saturating_sub(row.held.0)),
            source: format!(
                "{}/{}/{}/blob/{}",
                addresses.github, row.owner, row.name, row.base_sha
            ),
            url: format!("{}/tasks/{id}", addresses.here),
        })
    }

    async fn latest_plan(&self, id: TaskId) -> Result<Vec<PlanItem>> {
        let latest: Option<(sqlx::types::Json<Value>,)> = opt(
            self.db.reader(),
            "select payload from task_events where task_id = $1 and kind = 'plan' order by seq desc limit 1",
            args![id],
        )
        .await?;
        let Some((payload,)) = latest else { return Ok(Vec::new()) };
        Ok(from_json::<Plan>(payload)?.items)
    }

    async fn opened_by(&self, id: TaskId) -> Result<Option<Opened>> {
        let row: Option<PullRequestRow> = opt(
            self.db.reader(),
            "select number, url, draft, state from pull_requests where task_id = $1 order by created_at limit 1",
            args![id],
        )
        .await?;
        Ok(row.map(|r| Opened { number: r.number, url: r.url, draft: r.draft, state: r.state }))
    }
}

impl Store {
    /// Where the review that a task wrote is read.
    async fn review_of(&self, id: TaskId) -> Result<Option<String>> {
        let written = self.result_of(id, ActKind::Review).await?;
        Ok(written.and_then(|result| Some(result.0.get("url")?.as_str()?.to_owned())))
    }

    /// The commit that a task pushed.
    async fn pushed_by(&self, id: TaskId) -> Result<Option<Pushed>> {
        self.result_of(id, ActKind::Push).await?.map(from_json).transpose()
    }

    /// What GitHub said to an act that is done.
    async fn result_of(
        &self,
        id: TaskId,
        kind: ActKind,
    ) -> Result<Option<sqlx::types::Json<Value>>> {
        let done: Option<(sqlx::types::Json<Value>,)> = opt(
            self.db.reader(),
            "select result from acts where task_id = $1 and kind = $2 and state = 'done'",
            args![id, kind],
        )
        .await?;
        Ok(done.map(|(result,)| result))
    }

    /// Whether everything accepted so far is done and shown: no delivery, command, task, act or
    /// document is left that somebody still has to do something about. What cannot be shown because
    /// the App is suspended waits for a person.
    pub async fn is_settled(&self) -> Result<bool> {
        let (open,): (i64,) = one(
            self.db.reader(),
            "select cast(
                 (select count(*) from deliveries where state = 'pending')
               + (select count(*) from commands where state = 'pending')
               + (select count(*) from tasks where phase <> 'ended')
               + (select count(*) from acts where state in ('open', 'acting', 'unknown'))
               + (select count(*) from documents d join accounts a on a.id = d.account_id
                  where d.wanted > d.shown and not d.dead and a.suspended_at is null) as bigint)",
            args![],
        )
        .await?;
        Ok(open == 0)
    }
}

/// Adds to a task's outcome what went wrong afterwards.
pub(super) async fn set_detail(tx: &mut Tx, id: TaskId, detail: &str) -> Result<()> {
    let (outcome,): (sqlx::types::Json<Value>,) =
        one(&mut *tx, "select outcome from tasks where id = $1", args![id]).await?;
    let mut outcome: Outcome = from_json(outcome)?;
    outcome.detail = Some(detail.to_owned());
    let changed =
        exec(tx, "update tasks set outcome = $2 where id = $1", args![id, json(&outcome)?]).await?;
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::Unreadable(format!("task {id} is not there")))
    }
}
