//! The version of what is on disk: a newer one is refused, an older one is migrated step by step.

use redb::{ReadableTable as _, TableDefinition, WriteTransaction};

use crate::StoreError;

/// Every record of every table.
pub(crate) const DATA: TableDefinition<'static, &'static [u8], &'static [u8]> = TableDefinition::new("data");

const META: TableDefinition<'static, &'static str, u64> = TableDefinition::new("meta");
const FORMAT_KEY: &str = "format";

/// Step `n` turns format `n + 1` into format `n + 2`; what this program writes is what the last step leads to.
pub(crate) type Migration = fn(&WriteTransaction) -> Result<(), StoreError>;

pub(crate) const MIGRATIONS: &[Migration] = &[];

/// What to do with a store of the format that was found (`None`: it is new).
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Create,
    Current,
    /// Run the migrations from this index on.
    MigrateFrom(usize),
    Refuse(u64),
}

fn plan(found: Option<u64>, newest: u64) -> Plan {
    match found {
        None => Plan::Create,
        Some(format) if format == newest => Plan::Current,
        Some(format) if format > newest || format == 0 => Plan::Refuse(format),
        Some(format) => Plan::MigrateFrom(usize::try_from(format - 1).unwrap_or(usize::MAX)),
    }
}

/// Brings the store to the newest format in the given transaction; whether anything was written.
pub(crate) fn settle(txn: &WriteTransaction, migrations: &[Migration]) -> Result<bool, StoreError> {
    let newest = migrations.len() as u64 + 1;
    let mut meta = txn.open_table(META)?;
    let found = meta.get(FORMAT_KEY)?.map(|found| found.value());
    match plan(found, newest) {
        Plan::Current => return Ok(false),
        Plan::Refuse(found) => return Err(StoreError::NewerFormat { found, known: newest }),
        Plan::Create => drop(txn.open_table(DATA)?),
        Plan::MigrateFrom(step) => {
            for migrate in migrations.iter().skip(step) {
                migrate(txn)?;
            }
        }
    }
    meta.insert(FORMAT_KEY, newest)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_found_format_decides() {
        for (found, newest, expected) in [
            (None, 1, Plan::Create),
            (Some(1), 1, Plan::Current),
            (Some(2), 1, Plan::Refuse(2)),
            (Some(1), 3, Plan::MigrateFrom(0)),
            (Some(2), 3, Plan::MigrateFrom(1)),
            (Some(0), 1, Plan::Refuse(0)),
        ] {
            assert_eq!(plan(found, newest), expected, "{found:?} of {newest}");
        }
    }

    #[test]
    fn migrations_run_once_and_newer_stores_are_refused() {
        fn add_record(txn: &WriteTransaction) -> Result<(), StoreError> {
            txn.open_table(DATA)?.insert(b"migrated".as_slice(), b"yes".as_slice())?;
            Ok(())
        }
        let backend = redb::backends::InMemoryBackend::new();
        let db = redb::Builder::new().create_with_backend(backend).unwrap();
        let settled = |migrations: &[Migration]| {
            let txn = db.begin_write().unwrap();
            let outcome = settle(&txn, migrations);
            match outcome {
                Ok(_) => txn.commit().unwrap(),
                Err(_) => txn.abort().unwrap(),
            }
            outcome
        };
        assert!(matches!(settled(&[]), Ok(true)));
        assert!(matches!(settled(&[add_record]), Ok(true)));
        assert!(matches!(settled(&[add_record]), Ok(false)));
        assert!(matches!(settled(&[]), Err(StoreError::NewerFormat { found: 2, known: 1 })));
    }
}
