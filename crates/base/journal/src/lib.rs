//! Append-only, framed, checksummed segments with group commit.
