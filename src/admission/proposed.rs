//! What a pull request makes of the configuration, said in a check run before it is merged. Nobody asks
//! for it and it costs nothing, so nobody's limits and permissions matter: only the thread's, or whoever
//! pushes on and on would use up what GitHub lets us write.

use super::{Admission, Undecided, act};
use crate::domain::act::Act;
use crate::domain::command::Configuring;
use crate::domain::repo_config::{self, Fault, Layer, PATH, RepoConfig};
use crate::domain::report::proposed_config::{Proposal, Proposed, check};
use crate::github::Place;
use crate::github::changes::Became;
use crate::github::contents::OF_ACCOUNT;
use crate::store::commands::{ClaimedCommand, Ending};

impl Admission {
    /// Says nothing of a pull request that leaves the file alone.
    pub(super) async fn check_config(
        &self,
        command: &ClaimedCommand,
        place: &Place,
        commits: &Configuring,
    ) -> Result<(), Undecided> {
        if self.store.looks_at_configuration(command).await? >= self.bounds.in_thread {
            self.store.end_command(command, Ending::Refused("limit_thread"), Vec::new()).await?;
            return Ok(());
        }
        let Configuring { head, base, base_branch } = commits;
        let proposed = match self.github.became(place, PATH, (base, head)).await? {
            Became::Same => {
                self.store.end_command(command, Ending::Answered, Vec::new()).await?;
                return Ok(());
            }
            Became::Removed => Proposed::Removed,
            Became::Changed(bytes) => self.read(bytes.as_deref()),
        };
        let here = self.configured(command, place).await?;
        let is_of_account = place.name.name.eq_ignore_ascii_case(OF_ACCOUNT);
        // The same file is the account's own: what one repository says below it does not matter.
        let repository = if is_of_account { Layer::default() } else { here.config.repository };
        let check = check(&Proposal {
            head,
            base_branch,
            default_branch: &here.repository.default_branch,
            is_of_account,
            now: RepoConfig { repository, account: here.config.account },
            proposed,
            default_model: self.default_model.as_deref(),
        });
        let acts = vec![act(command, true, Act::Check(check))];
        self.store.end_command(command, Ending::Answered, acts).await?;
        Ok(())
    }

    fn read(&self, bytes: Option<&[u8]>) -> Proposed {
        let Some(bytes) = bytes else {
            let what = "it is no file that I can read".to_owned();
            return Proposed::Broken(vec![Fault { line: None, what }]);
        };
        match repo_config::understand(bytes, &self.catalog) {
            Ok((_, layer)) => Proposed::Sound(Box::new(layer)),
            Err(faults) => Proposed::Broken(faults),
        }
    }
}
