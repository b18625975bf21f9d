//! Documents: what on GitHub always shows our latest state. Others only say that something new is
//! wanted; what it says is rendered from rows at the moment it is sent.

use super::text_enum;

text_enum!(
    /// The sorts of documents.
    DocumentKind {
        /// The one comment of a task, edited in place.
        StatusComment = "status_comment",
        /// The check run of a task on one commit.
        CheckRun = "check_run",
    }
);
