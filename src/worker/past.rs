//! What earlier tasks of the thread left behind for this one: the conversation that it goes on with,
//! and the results that its instruction names.

use super::Worker;
use super::attempt::already;
use super::broken::Broken;
use crate::agent::{Before, EarlierTask};
use crate::domain::catalog::Model;
use crate::domain::ids::TaskId;
use crate::domain::review::{Finding, Review};
use crate::store::claims::ClaimedTask;
use crate::store::steps::StoredStep;
use crate::store::threads::Left;

/// Tasks that one instruction may name.
const MOST_NAMED: usize = 3;

/// What a task begins with.
#[derive(Default)]
pub(super) struct Past {
    pub(super) before: Before,
    /// The change that the workspace begins with.
    pub(super) patch: Option<Vec<u8>>,
    pub(super) earlier: Vec<EarlierTask>,
}

impl Worker {
    pub(super) async fn past(&self, task: &ClaimedTask, model: &Model) -> Result<Past, Broken> {
        let mut past = Past { earlier: self.named(task).await?, ..Past::default() };
        let Some(id) = task.brief.continues else { return Ok(past) };
        let Some(left) = self.store.left_by(id).await? else { return Ok(past) };
        let steps = self.store.steps(id).await?;
        // A transcript that is too old is gone.
        if steps.is_empty() {
            past.earlier.push(told(id, &left));
            return Ok(past);
        }
        let is_usable =
            |patch: &Vec<u8>| patch != NOT_KEPT && left.base_sha == task.base_sha.as_str();
        let patch = last_patch(&steps).filter(is_usable);
        let steps = already(steps)?;
        let results = steps.iter().rev().find_map(|step| step.results.as_ref());
        let changed = results.filter(|_| patch.is_some()).map(|r| r.changed.clone());
        // Only its own service understands what a model said verbatim.
        let speaks_alike = |id: &str| {
            let other = self.catalog.by_id(id);
            other.is_some_and(|other| (other.provider, other.api) == (model.provider, model.api))
        };
        let is_foreign =
            steps.iter().any(|step| !speaks_alike(step.model.as_deref().unwrap_or(&left.model)));
        past.before = Before { steps, is_foreign, changed: changed.unwrap_or_default() };
        past.patch = patch;
        Ok(past)
    }

    /// The tasks of this thread that the instruction names.
    async fn named(&self, task: &ClaimedTask) -> Result<Vec<EarlierTask>, Broken> {
        let is_meant = |id: &TaskId| task.brief.instruction.contains(&format!("t_{}", id.short()));
        let thread = self.store.thread_tasks(task.repository, task.brief.thread.number).await?;
        let mut named = Vec::new();
        for id in thread.iter().map(|t| t.id).filter(is_meant).take(MOST_NAMED) {
            if let Some(left) = self.store.left_by(id).await? {
                named.extend(all_told(id, &left));
            }
        }
        Ok(named)
    }
}

fn told(id: TaskId, left: &Left) -> EarlierTask {
    EarlierTask { name: format!("t_{}", id.short()), summary: left.outcome.summary.clone() }
}

/// What it said, and each finding of a review apart, so that none is lost to the length of another.
fn all_told(id: TaskId, left: &Left) -> Vec<EarlierTask> {
    let findings = left.outcome.review.iter().flat_map(Review::findings);
    let finding = |(number, finding): (usize, &Finding)| {
        let Finding { priority, path, first, last, body, suggestion, .. } = finding;
        let mut summary = format!("{priority} {path}:{first}-{last} {body}");
        if let Some(suggestion) = suggestion {
            summary.push_str(&format!("\nsuggested instead of these lines:\n{suggestion}"));
        }
        EarlierTask { name: format!("t_{} finding {number}", id.short()), summary }
    };
    std::iter::once(told(id, left)).chain((1..).zip(findings).map(finding)).collect()
}

/// In place of a patch: there was a change that could not be stored, because it was too large or had
/// something in it that is no plain file. A patch of nothing is not empty, because it is compressed.
pub(super) const NOT_KEPT: &[u8] = &[];

/// The workspace's whole change after these steps.
pub(super) fn last_patch(steps: &[StoredStep]) -> Option<Vec<u8>> {
    steps.iter().rev().find_map(|step| step.patch.clone())
}
