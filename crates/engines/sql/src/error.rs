//! Why a query did not run or did not finish: Athena's error name, a message that names the place, and whose fault it is.

use std::fmt;

use datafusion::error::DataFusionError;

/// Whose fault a failed query is; Athena reports it as the error's category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Athena's category 1: the service or the machine.
    System,
    /// Athena's category 2: the statement, the data or a permission.
    User,
}

/// A failed statement. Prints as Athena's state change reason: `COLUMN_NOT_FOUND: line 1:8: Column 'a' cannot be resolved`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// The engine's name of the error, as `COLUMN_NOT_FOUND`; `SYNTAX_ERROR` for what does not parse.
    pub name: &'static str,
    pub message: String,
    pub fault: Fault,
}

impl QueryError {
    pub fn user(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), fault: Fault::User }
    }

    pub fn system(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), fault: Fault::System }
    }

    /// A statement or an option that Millpond knows and does not act on.
    pub fn not_supported(what: impl fmt::Display) -> Self {
        Self::user("NOT_SUPPORTED", format!("{what} is not supported by Millpond yet"))
    }

    pub fn syntax(place: Place, message: impl fmt::Display) -> Self {
        Self::user("SYNTAX_ERROR", format!("{place}: {message}"))
    }

    pub fn is_syntax(&self) -> bool {
        self.name == "SYNTAX_ERROR"
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

impl std::error::Error for QueryError {}

/// Carried through DataFusion and unwrapped at the boundary.
impl From<QueryError> for DataFusionError {
    fn from(error: QueryError) -> Self {
        Self::External(Box::new(error))
    }
}

/// A place in the statement, counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub line: u64,
    pub column: u64,
}

impl Place {
    pub const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}:{}", self.line, self.column)
    }
}

/// An error while the engine ran, in Athena's words. Errors of ours come through as they are; the engine's own are
/// told apart by their kind.
pub(crate) fn from_engine(error: &DataFusionError) -> QueryError {
    if let Some(ours) = ours_within(error) {
        return ours.clone();
    }
    let root = error.find_root();
    match root {
        DataFusionError::ResourcesExhausted(message) => QueryError::system(
            "EXCEEDED_LOCAL_MEMORY_LIMIT",
            format!("Query exhausted resources at this scale factor: {message}"),
        ),
        DataFusionError::ArrowError(arrow, _) => from_arrow(arrow),
        DataFusionError::ParquetError(parquet) => QueryError::user("HIVE_CURSOR_ERROR", parquet.to_string()),
        DataFusionError::IoError(io) => from_io(io),
        DataFusionError::NotImplemented(message) => QueryError::user("NOT_SUPPORTED", message.clone()),
        DataFusionError::Execution(message) => from_text(message),
        DataFusionError::Plan(message) => QueryError::user("SYNTAX_ERROR_IN_MEANING", message.clone()),
        DataFusionError::Internal(message) => {
            QueryError::system("GENERIC_INTERNAL_ERROR", first_line(message))
        }
        other => QueryError::user("GENERIC_USER_ERROR", first_line(&other.strip_backtrace())),
    }
}

fn from_arrow(error: &arrow::error::ArrowError) -> QueryError {
    use arrow::error::ArrowError;
    match error {
        ArrowError::DivideByZero => QueryError::user("DIVISION_BY_ZERO", "Division by zero"),
        ArrowError::CastError(message) | ArrowError::ParseError(message) => {
            QueryError::user("INVALID_CAST_ARGUMENT", message.clone())
        }
        ArrowError::ArithmeticOverflow(message) => {
            QueryError::user("NUMERIC_VALUE_OUT_OF_RANGE", message.clone())
        }
        ArrowError::IoError(_, io) => from_io(io),
        other => from_text(&other.to_string()),
    }
}

/// The engine's own reading and writing is that of spills: objects are read by errors of ours.
fn from_io(error: &std::io::Error) -> QueryError {
    // Its own limit is an error without a kind.
    let over_the_limit = error.to_string().contains("max_temp_directory_size");
    if over_the_limit || error.kind() == std::io::ErrorKind::StorageFull {
        QueryError::system(
            "OUT_OF_SPILL_SPACE",
            "The query needs more space on disk for its spills than there is",
        )
    } else {
        QueryError::system("GENERIC_SPILL_FAILURE", error.to_string())
    }
}

fn from_text(message: &str) -> QueryError {
    if message.contains("Divide by zero") {
        QueryError::user("DIVISION_BY_ZERO", "Division by zero")
    } else {
        QueryError::user("INVALID_FUNCTION_ARGUMENT", first_line(message))
    }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

/// Our own error inside of the engine's wrappings, if it is one.
pub(crate) fn ours_within<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a QueryError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<QueryError>() {
            return Some(ours);
        }
        if let Some(DataFusionError::External(inner)) = error.downcast_ref::<DataFusionError>()
            && let Some(ours) = ours_within(inner.as_ref())
        {
            return Some(ours);
        }
        next = error.source();
    }
    None
}
