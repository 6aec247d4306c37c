//! Statements on the catalog: databases, tables, partitions, and what SHOW and DESCRIBE tell of them.

mod parse;
mod repair;
mod run;
mod show;

pub(crate) use parse::parse;
pub(crate) use run::{Context, run};

use crate::catalog::{DatabaseDef, StorageDef, TableDef};
use crate::statement::StatementKind;
use crate::types::ColumnInfo;

/// `[database.]table`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableName {
    pub(crate) database: Option<String>,
    pub(crate) table: String,
}

/// Values of partition keys as a statement names them: `year='2013', month=1`.
pub(crate) type PartitionSpec = Vec<(String, String)>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ddl {
    CreateDatabase { database: DatabaseDef, if_not_exists: bool },
    DropDatabase { name: String, if_exists: bool, cascade: bool },
    CreateTable { name: TableName, table: Box<TableDef>, if_not_exists: bool },
    DropTable { name: TableName, if_exists: bool },
    AddPartitions { table: TableName, partitions: Vec<(PartitionSpec, Option<String>)>, if_not_exists: bool },
    DropPartitions { table: TableName, partitions: Vec<PartitionSpec>, if_exists: bool },
    RepairTable(TableName),
    ShowDatabases { pattern: Option<String> },
    ShowTables { database: Option<String>, pattern: Option<String> },
    ShowColumns(TableName),
    ShowPartitions(TableName),
    ShowCreateTable(TableName),
    ShowTableProperties { table: TableName, property: Option<String> },
    Describe { table: TableName, column: Option<String> },
}

impl Ddl {
    pub(crate) fn kind(&self) -> StatementKind {
        match self {
            Self::CreateDatabase { .. }
            | Self::DropDatabase { .. }
            | Self::CreateTable { .. }
            | Self::DropTable { .. }
            | Self::AddPartitions { .. }
            | Self::DropPartitions { .. }
            | Self::RepairTable(_) => StatementKind::Ddl,
            Self::ShowDatabases { .. }
            | Self::ShowTables { .. }
            | Self::ShowColumns(_)
            | Self::ShowPartitions(_)
            | Self::ShowCreateTable(_)
            | Self::ShowTableProperties { .. }
            | Self::Describe { .. } => StatementKind::Utility,
        }
    }

    pub(crate) fn substatement(&self) -> &'static str {
        match self {
            Self::CreateDatabase { .. } => "CREATE_DATABASE",
            Self::DropDatabase { .. } => "DROP_DATABASE",
            Self::CreateTable { .. } => "CREATE_TABLE",
            Self::DropTable { .. } => "DROP_TABLE",
            Self::AddPartitions { .. } => "ALTER_TABLE_ADD_PARTITION",
            Self::DropPartitions { .. } => "ALTER_TABLE_DROP_PARTITION",
            Self::RepairTable(_) => "MSCK_REPAIR_TABLE",
            Self::ShowDatabases { .. } => "SHOW_DATABASES",
            Self::ShowTables { .. } => "SHOW_TABLES",
            Self::ShowColumns(_) => "SHOW_COLUMNS",
            Self::ShowPartitions(_) => "SHOW_PARTITIONS",
            Self::ShowCreateTable(_) => "SHOW_CREATE_TABLE",
            Self::ShowTableProperties { .. } => "SHOW_TBLPROPERTIES",
            Self::Describe { .. } => "DESCRIBE_TABLE",
        }
    }
}

/// A table of texts: what a statement on the catalog answers.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<ColumnInfo>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Answer {
    fn of(columns: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self { columns: columns.iter().map(|name| ColumnInfo::text(name)).collect(), rows }
    }
}

/// The formats that `STORED AS` names.
pub(crate) fn stored_as(format: &str) -> Option<StorageDef> {
    let text = "org.apache.hadoop.mapred.TextInputFormat";
    let text_out = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat";
    let (input, output, serde) = match format.to_ascii_uppercase().as_str() {
        "PARQUET" => (
            "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            crate::table::format::PARQUET,
        ),
        "TEXTFILE" => (text, text_out, crate::table::format::LAZY_SIMPLE),
        "JSON" | "JSONFILE" => (text, text_out, crate::table::format::HIVE_JSON),
        _ => return None,
    };
    Some(StorageDef {
        input_format: input.to_owned(),
        output_format: output.to_owned(),
        serde: serde.to_owned(),
        ..StorageDef::default()
    })
}
