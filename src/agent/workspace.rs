//! The files that the model may see and change.

use std::collections::BTreeSet;
use std::path::Path;

/// A checked-out tree. Cloning it gives another handle to the same one.
#[derive(Clone, Debug)]
pub struct Workspace {
    _todo: (),
}

/// Why a path or a file cannot be used, as a sentence for the model, or because the disk fails.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The model asked for something that it may not have or that is not there.
    #[error("{0}")]
    Refused(String),
    /// The workspace itself is broken.
    #[error("the workspace cannot be used: {0}")]
    Broken(#[from] std::io::Error),
}

impl Workspace {
    /// Takes the tree below `root`.
    pub fn open(root: &Path) -> std::io::Result<Self> {
        let _ = root;
        Ok(Self { _todo: () })
    }

    /// Every path that was written or deleted through this workspace, with `/` between folders.
    pub fn changed(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }
}
