//! Showing a document: rendered from rows at the moment of sending, created once and then edited.

use super::Outbox;
use super::verdict::Verdict;
use crate::domain::document::DocumentKind;
use crate::domain::task::LONGEST_WAIT;
use crate::github::Place;
use crate::github::error::GitHubError;
use crate::store;
use crate::store::documents::DueDocument;
use crate::store::views::Addresses;
use crate::store::writers::Writer;
use chrono::{TimeDelta, Utc};
use std::time::Duration;

/// So long progress is shown often.
const WATCHED_CLOSELY: TimeDelta = TimeDelta::minutes(2);

impl Outbox {
    /// Shows its latest state. Returns for how long the installation is blocked.
    pub(super) async fn show(
        &self,
        writer: &Writer,
        document: &DueDocument,
    ) -> store::Result<Option<Duration>> {
        let Some(place) = self.place(writer, document.repository_id).await? else {
            self.store.document_dead(document, "the App is no longer installed").await?;
            return Ok(None);
        };
        self.pace.wait(writer.account).await;
        let addresses = Addresses { here: &self.public_url, github: &self.github_url };
        let view = self.store.task_view(document.task_id, &self.catalog, addresses).await?;
        let hourly = self.timing.writes_an_hour;
        if !self.store.document_begins(document, writer, hourly).await? {
            return Ok(None);
        }
        let shown = match document.kind {
            DocumentKind::StatusComment => self.show_comment(&place, document, &view).await,
            DocumentKind::CheckRun => Box::pin(self.show_check(&place, document, &view)).await,
        };
        match shown {
            Ok(Some(id)) if is_doubtful(document, self.timing.lookups) => {
                self.store.document_doubtful(document, id, self.second_look()).await?;
            }
            Ok(Some(id)) => {
                self.store.document_shown(document, id, self.edit_spacing(document)).await?;
            }
            Ok(None) => {
                let wait = self.timing.lookup_spacing;
                self.store
                    .document_later(
                        document,
                        wait,
                        "the reply was lost; looking whether it is there",
                    )
                    .await?;
            }
            // Somebody removed it. The end of a task has to be visible all the same, so it is written anew.
            Err(GitHubError::NotFound(_)) if document.github_id.is_some() => {
                self.store.document_gone(document).await?;
            }
            Err(error) => return self.not_shown(writer, &place, document, &error).await,
        }
        Ok(None)
    }

    /// People watch at the beginning; later a look now and then is enough.
    fn edit_spacing(&self, document: &DueDocument) -> Duration {
        let is_new = Utc::now() - document.admitted_at < WATCHED_CLOSELY;
        if is_new { self.timing.edit_spacing } else { self.timing.edit_spacing * 4 }
    }

    async fn not_shown(
        &self,
        writer: &Writer,
        place: &Place,
        document: &DueDocument,
        error: &GitHubError,
    ) -> store::Result<Option<Duration>> {
        let verdict = self.judge(place, error, document.attempts, false).await;
        match verdict {
            Verdict::Done(_) | Verdict::Changed | Verdict::Lost => {}
            Verdict::Moved { .. } => {
                self.store.document_later(document, Duration::ZERO, "it has moved").await?;
            }
            Verdict::Suspended => self.suspended(writer).await?,
            Verdict::Parked { lacks } => self.wait_for_permission(document, &lacks).await?,
            Verdict::Later { wait, error, .. } => {
                tracing::warn!(document = %document.id.0, error, "a document is shown later");
                self.store.document_later(document, wait, &error).await?;
            }
            Verdict::Blocked { wait, error, .. } => {
                self.store.document_later(document, wait, &error).await?;
                return Ok(Some(wait));
            }
            Verdict::Impossible(error) => self.give_document_up(document, &error).await?,
        }
        Ok(None)
    }

    async fn wait_for_permission(&self, document: &DueDocument, lacks: &str) -> store::Result<()> {
        if Utc::now() - document.admitted_at > LONGEST_WAIT {
            return self.give_document_up(document, lacks).await;
        }
        tracing::warn!(document = %document.id.0, lacks, "a document waits for a permission");
        self.store.document_later(document, self.timing.parked, lacks).await
    }

    async fn give_document_up(&self, document: &DueDocument, error: &str) -> store::Result<()> {
        tracing::warn!(document = %document.id.0, error, "a document cannot be shown");
        self.store.document_dead(document, error).await
    }
}

/// Whether it was created once more because nobody found the first one. If GitHub's lists lag for
/// long, it is there twice.
fn is_doubtful(document: &DueDocument, lookups: i64) -> bool {
    document.github_id.is_none() && document.unsure && document.lookups >= lookups
}
