//! The trace of what a delivery tells without asking for anything.

use super::Page;
use crate::domain::command::Configuring;
use crate::domain::event::{
    Account, Choice, Named, Proposal, ProposalState, Purchase, Rerequested,
};
use crate::domain::plan::Given;
use crate::domain::repo_config::PATH;
use crate::domain::report::proposed_config;

impl Page<'_> {
    pub(super) fn account(&mut self, account: &Account) {
        self.whose(account);
        self.line("decided", "the account is called so from now on");
    }

    pub(super) fn choice(&mut self, choice: &Choice) {
        self.whose(&choice.installation.account);
        let names = |list: &[Named]| {
            list.iter().map(|named| named.name.to_string()).collect::<Vec<_>>().join(", ")
        };
        if !choice.added.is_empty() {
            self.line("added", &names(&choice.added));
            self.line("decided", "noted, unless a later choice is known");
        }
        if !choice.removed.is_empty() {
            self.line("removed", &names(&choice.removed));
            self.line("decided", "what is open there ends, unpaid, unless a later choice is known");
        }
    }

    pub(super) fn proposal(&mut self, proposal: &Proposal) {
        let Proposal { number, title, state, draft, head, head_sha, .. } = proposal;
        let draft = if *draft { ", a draft" } else { "" };
        self.line("proposal", &format!("pull request #{number} from {head}: {title}"));
        self.line("state", &format!("{state}{draft}, at {head_sha}"));
        let decided = match state {
            ProposalState::Open => "noted, unless a later state is known",
            ProposalState::Closed | ProposalState::Merged => {
                "if a task of mine opened it, its status comment says so, and its branch goes if that was asked for; unless a later state is known"
            }
        };
        self.line("decided", decided);
    }

    pub(super) fn configuring(&mut self, proposed: &Configuring) {
        let (name, Configuring { head, base, .. }) = (proposed_config::NAME, proposed);
        self.line("commits", &format!("{base}...{head}"));
        self.line(
            "decided",
            &format!("the check run {name} on the second, if {PATH} differs between them; without a model and without credits"),
        );
    }

    pub(super) fn rerequested(&mut self, suite: &Rerequested) {
        self.line("sender", &format!("{} (id {})", suite.sender.login, suite.sender.id));
        self.line("commit", suite.head.as_str());
        self.line("key", &suite.key());
        self.line(
            "decided",
            &format!("if these are the checks of my App (id {}), each of mine on that commit that is completed runs again, as with its own button", suite.app),
        );
    }

    pub(super) fn bought(&mut self, purchase: &Purchase, given: &Given) {
        self.whose(&purchase.account);
        self.line("plan", &format!("{}, the tier {}", given.name, given.tier));
        if purchase.is_over {
            self.line("decided", "the plan is over, unless a later change is known");
            return;
        }
        let Given { credits, until, .. } = given;
        self.line(
            "decided",
            &format!(
                "{credits} for the period that ends on {until}, less what was given for it before"
            ),
        );
    }

    fn whose(&mut self, account: &Account) {
        self.line("account", &format!("{} (id {})", account.login, account.id));
    }
}
