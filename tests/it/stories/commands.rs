//! What a comment means.
