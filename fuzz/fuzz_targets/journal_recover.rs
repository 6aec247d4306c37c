//! Any bytes as a segment on the disk: `fuzz/run journal_recover`. Works in a folder of its own under the temporary ones.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

static FOLDER: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("millpond-fuzz-{}", std::process::id())));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millpond_journal::fuzz::recover(&FOLDER, bytes));
