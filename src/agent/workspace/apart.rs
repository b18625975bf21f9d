//! What the repository's setup brought into the workspace: it is there to be read and used, and it is part
//! of no change.

use super::{FileError, Workspace, WorkspacePath};

impl Workspace {
    /// To be called before the first command, if a setup brings these paths and all that is below them.
    pub fn set_apart(&self, paths: &[String]) {
        // It is the same setup as long as the workspace is there.
        let _ = self.inner.apart.set(paths.to_vec());
    }

    /// Whether a setup brought it.
    pub(super) fn is_apart(&self, path: &str) -> bool {
        let mut apart = self.inner.apart.get().into_iter().flatten();
        apart.any(|root| {
            path.strip_prefix(root.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// What a setup brought is not in the repository, so a change of it could not be either. What was
    /// written before the setup came stays part of the change.
    pub(super) fn check_ours(&self, path: &WorkspacePath) -> Result<(), FileError> {
        let path = path.to_string();
        if self.is_apart(&path) && !self.lock().by_tools.contains(&path) {
            return Err(FileError::Refused(format!(
                "{path} was brought by the repository's setup and is no part of the repository, so a \
                 change of it would be lost"
            )));
        }
        Ok(())
    }
}
