//! Ordered, transactional key-value store: typed tables, one committer, group commit.
