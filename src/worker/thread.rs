//! What people had said in the thread before the task was asked for, as far as the model may be told:
//! only by people who may push, and only what has stayed as it was before anybody asked. What a stranger
//! writes, and what is slipped in afterwards, instructs nobody.

use super::Worker;
use super::broken::Broken;
use crate::agent::ThreadEntry;
use crate::domain::command::scan::scan;
use crate::domain::policy::Permission;
use crate::github::Place;
use crate::github::thread::{Said, Speaker};
use crate::store::claims::ClaimedTask;
use crate::store::steps::Holder;
use std::collections::HashMap;

/// The newest comments that are looked at.
const MOST_COMMENTS: usize = 100;
/// People whose permission is asked for; what the others said is left out.
const MOST_PEOPLE: usize = 20;

impl Worker {
    /// The comments that the model is told, oldest first: asked for once, and kept.
    pub(super) async fn thread(
        &self,
        task: &ClaimedTask,
        place: &Place,
    ) -> Result<Vec<ThreadEntry>, Broken> {
        if let Some(said) = self.store.said_before(task.id).await? {
            return Ok(serde_json::from_value(said).unwrap_or_default());
        }
        let said = self.github.said_in(place, task.brief.thread.number).await?;
        let entries = self.trusted(task, place, &said).await?;
        let holder = Holder { task: task.id, lease: task.lease };
        self.store.keep_said(holder, serde_json::to_value(&entries).unwrap_or_default()).await?;
        Ok(entries)
    }

    async fn trusted(
        &self,
        task: &ClaimedTask,
        place: &Place,
        said: &[Said],
    ) -> Result<Vec<ThreadEntry>, Broken> {
        let asked_at = task.brief.asked_at.unwrap_or(task.created_at);
        let in_time = |one: &&Said| {
            one.created_at < asked_at
                && one.updated_at < asked_at
                && one.id != task.brief.comment_id
                && one.is_by_a_person()
        };
        let mut known: HashMap<i64, Permission> = HashMap::new();
        let mut entries = Vec::new();
        for one in said.iter().rev().filter(in_time).take(MOST_COMMENTS) {
            let (Some(speaker), Some(body)) = (&one.user, &one.body) else { continue };
            // A command was for an earlier task.
            if body.trim().is_empty() || !scan(body).is_empty() {
                continue;
            }
            let Some(permission) = self.permission_of(&mut known, place, speaker).await? else {
                continue;
            };
            if permission >= Permission::Write {
                let (author, text) = (speaker.login.clone(), body.clone());
                entries.push(ThreadEntry { author, permission: permission.to_string(), text });
            }
        }
        entries.reverse();
        Ok(entries)
    }

    async fn permission_of(
        &self,
        known: &mut HashMap<i64, Permission>,
        place: &Place,
        speaker: &Speaker,
    ) -> Result<Option<Permission>, Broken> {
        if let Some(permission) = known.get(&speaker.id) {
            return Ok(Some(*permission));
        }
        if known.len() >= MOST_PEOPLE {
            return Ok(None);
        }
        let permission = self.github.permission(place, &speaker.login, speaker.id).await?;
        known.insert(speaker.id, permission);
        Ok(Some(permission))
    }
}
