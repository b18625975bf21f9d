//! Answers to the free verbs, from rows and the catalog, without a model and without credits.

use super::Admission;
use crate::domain::command::{Command, Verb};
use crate::domain::report::answer;
use crate::store::commands::ClaimedCommand;
use crate::store::{Result, StoreError};

impl Admission {
    /// The text that answers a free verb.
    pub(super) async fn answer_to(
        &self,
        asked: &Command,
        command: &ClaimedCommand,
    ) -> Result<String> {
        match asked.verb {
            Verb::Help => Ok(answer::help()),
            Verb::Ping => Ok(answer::ping()),
            Verb::Models => {
                Ok(answer::models(&self.catalog, &self.providers, self.default_model.as_deref()))
            }
            Verb::Credits => {
                let balance = self.store.balance(command.account).await?;
                let today =
                    self.store.spent_today(command.account, command.sender.id).await?.account;
                let receipts = self.store.last_receipts(command.account).await?;
                Ok(answer::credits(&command.account_login, balance, today, &receipts))
            }
            Verb::Status => {
                let tasks = self
                    .store
                    .listed_tasks(command.repository, command.asked.thread.number)
                    .await?;
                Ok(answer::status(&tasks))
            }
            verb @ (Verb::Debug
            | Verb::Ask
            | Verb::Documentation
            | Verb::Architect
            | Verb::PrReview
            | Verb::Async
            | Verb::Cancel
            | Verb::Retry
            | Verb::Config) => {
                Err(StoreError::Unreadable(format!("`{verb}` is answered elsewhere")))
            }
        }
    }
}
