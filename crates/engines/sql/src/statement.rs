//! What a text asks for: a query, the explanation of one, or a change of the catalog or a question about it.

use datafusion::sql::sqlparser::ast::{DescribeAlias, Query, Statement as Ast};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, TokenizerError};

use crate::chains;
use crate::ddl::{self, Ddl};
use crate::dialect::{self, Hive, Trino};
use crate::error::{Place, QueryError};

/// Athena's own limit on a statement.
const MAX_BYTES: usize = 262_144;

/// How deep parentheses, brackets and CASEs may nest.
const MAX_NESTING: usize = 100;

/// How many JOIN, UNION, INTERSECT and EXCEPT a statement may have: each makes its plan one level deeper.
const MAX_RELATIONS: usize = 1_000;

/// Enough for the deepest tree that [`MAX_BYTES`] can make: each operator of a chain makes it one level deeper before
/// [`chains`] balances it. A thread's stack costs what is used of it.
const STACK: usize = 256 << 20;

/// Athena's kinds of statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    Dml,
    Ddl,
    Utility,
}

/// A statement that parsed.
#[derive(Debug, Clone)]
pub struct Statement {
    pub(crate) parsed: Parsed,
}

#[derive(Debug, Clone)]
pub(crate) enum Parsed {
    Query(Box<Query>),
    Explain { query: Box<Query>, analyze: bool },
    Ddl(Box<Ddl>),
}

impl Statement {
    /// Errors: SYNTAX_ERROR with the place; NOT_SUPPORTED, naming the statement.
    pub fn parse(sql: &str) -> Result<Self, QueryError> {
        if sql.len() > MAX_BYTES {
            return Err(QueryError::user(
                "QUERY_TEXT_TOO_LARGE",
                format!("Query text length ({}) exceeds the maximum length ({MAX_BYTES})", sql.len()),
            ));
        }
        // Hive's statements quote names with `, and their words are told before anything is parsed.
        let tokens = Tokenizer::new(&Hive, sql).tokenize_with_location().map_err(|error| torn(&error))?;
        let tokens = without_end(tokens)?;
        check_depth(&tokens)?;
        let word =
            |i: usize| tokens.iter().filter(|token| is_solid(token)).nth(i).map(word_of).unwrap_or_default();
        let parsed = match word(0).as_str() {
            "" if tokens.iter().all(|token| !is_solid(token)) => {
                return Err(QueryError::syntax(Place::START, "mismatched input '<EOF>'"));
            }
            "CREATE" | "DROP" | "ALTER" | "MSCK" | "SHOW" | "DESCRIBE" | "DESC" => {
                Parsed::Ddl(Box::new(ddl::parse(tokens)?))
            }
            what @ ("INSERT" | "UNLOAD" | "DELETE" | "UPDATE" | "MERGE" | "VACUUM" | "OPTIMIZE"
            | "PREPARE" | "EXECUTE" | "DEALLOCATE") => return Err(QueryError::not_supported(what)),
            _ => parse_query(sql)?,
        };
        Ok(Self { parsed })
    }

    pub fn kind(&self) -> StatementKind {
        match &self.parsed {
            Parsed::Query(_) => StatementKind::Dml,
            Parsed::Explain { .. } => StatementKind::Utility,
            Parsed::Ddl(ddl) => ddl.kind(),
        }
    }

    /// Athena's `SubstatementType`.
    pub fn substatement(&self) -> &'static str {
        match &self.parsed {
            Parsed::Query(_) => "SELECT",
            Parsed::Explain { analyze: true, .. } => "EXPLAIN_ANALYZE",
            Parsed::Explain { .. } => "EXPLAIN",
            Parsed::Ddl(ddl) => ddl.substatement(),
        }
    }
}

fn is_solid(token: &TokenWithSpan) -> bool {
    !matches!(token.token, Token::Whitespace(_) | Token::EOF)
}

fn word_of(token: &TokenWithSpan) -> String {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_uppercase(),
        _ => String::new(),
    }
}

/// Takes the closing semicolon off; a second statement is an error.
fn without_end(mut tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, QueryError> {
    if let Some(end) = tokens.iter().position(|token| token.token == Token::SemiColon) {
        if let Some(second) = tokens[end + 1..].iter().find(|token| is_solid(token)) {
            let place = place_of(second);
            return Err(QueryError::syntax(
                place,
                format!("Only one sql statement is allowed, got '{}'", second.token),
            ));
        }
        tokens.truncate(end);
    }
    Ok(tokens)
}

pub(crate) fn place_of(token: &TokenWithSpan) -> Place {
    if token.span.start.line == 0 {
        return Place::START;
    }
    Place { line: token.span.start.line, column: token.span.start.column }
}

fn torn(error: &TokenizerError) -> QueryError {
    let place = Place { line: error.location.line.max(1), column: error.location.column.max(1) };
    QueryError::syntax(place, &error.message)
}

/// Errors: SYNTAX_ERROR where the statement nests deeper, or joins more, than parsers and planners can follow.
fn check_depth(tokens: &[TokenWithSpan]) -> Result<(), QueryError> {
    let (mut depth, mut relations) = (0_usize, 0_usize);
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Word(word) if word.quote_style.is_none() => match word.keyword {
                Keyword::CASE => depth += 1,
                Keyword::END => depth = depth.saturating_sub(1),
                Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT | Keyword::JOIN => relations += 1,
                _ => {}
            },
            _ => {}
        }
        if depth > MAX_NESTING || relations > MAX_RELATIONS {
            return Err(QueryError::syntax(
                place_of(token),
                format!(
                    "statement is too large: more than {MAX_NESTING} levels of nesting, or {MAX_RELATIONS} joins and unions"
                ),
            ));
        }
    }
    Ok(())
}

fn parse_query(sql: &str) -> Result<Parsed, QueryError> {
    std::thread::scope(|scope| {
        let parsing = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || parse_here(sql));
        let failed = |what: &str| QueryError::system("GENERIC_INTERNAL_ERROR", what.to_owned());
        let parsing = parsing.map_err(|error| failed(&format!("no thread to parse on: {error}")))?;
        parsing.join().map_err(|_| failed("the parser ended; the log tells why"))?
    })
}

/// Parses, and balances what it found before anything else sees it.
fn parse_here(sql: &str) -> Result<Parsed, QueryError> {
    let mut parsed = parse_as_written(sql)?;
    match &mut parsed {
        Parsed::Query(query) | Parsed::Explain { query, .. } => chains::balance(query)?,
        Parsed::Ddl(_) => {}
    }
    Ok(parsed)
}

fn parse_as_written(sql: &str) -> Result<Parsed, QueryError> {
    let mut tokens =
        Tokenizer::new(&Trino, sql).tokenize_with_location().map_err(|error| syntax(sql, &error.into()))?;
    dialect::plain_names(&mut tokens);
    let mut parser =
        Parser::new(&Trino).with_recursion_limit(MAX_NESTING * 2).with_tokens_with_locations(tokens);
    let mut statements = parser.parse_statements().map_err(|error| syntax(sql, &error))?;
    let statement = match statements.len() {
        1 => statements.remove(0),
        _ => return Err(QueryError::syntax(Place::START, "Only one sql statement is allowed")),
    };
    match statement {
        Ast::Query(query) => Ok(Parsed::Query(query)),
        Ast::Explain {
            statement,
            analyze,
            describe_alias: DescribeAlias::Explain,
            format,
            options,
            verbose,
            ..
        } => {
            if format.is_some() || options.is_some() || verbose {
                return Err(QueryError::not_supported("EXPLAIN with options"));
            }
            match *statement {
                Ast::Query(query) => Ok(Parsed::Explain { query, analyze }),
                _ => Err(QueryError::not_supported("EXPLAIN of anything but a query")),
            }
        }
        other => {
            let text = other.to_string();
            let word = text.split_whitespace().next().unwrap_or_default();
            Err(QueryError::not_supported(format!("The statement {word}")))
        }
    }
}

/// The parser's message in Trino's form, `line 1:10: mismatched input 'FORM'. Expecting: …`.
fn syntax(sql: &str, error: &ParserError) -> QueryError {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message.as_str(),
        ParserError::RecursionLimitExceeded => "statement is too large (nested too deep)",
    };
    let (message, place) = match message.rsplit_once(" at Line: ") {
        Some((before, at)) => {
            let mut numbers = at.split(", Column: ").map(|number| number.trim().parse::<u64>().unwrap_or(1));
            let line = numbers.next().unwrap_or(1).max(1);
            (before, Place { line, column: numbers.next().unwrap_or(1).max(1) })
        }
        None => (message, end_of(sql)),
    };
    let said = match message.strip_prefix("Expected: ").and_then(|rest| rest.rsplit_once(", found: ")) {
        Some((expected, found)) => {
            let found = if found == "EOF" { "<EOF>" } else { found };
            format!("mismatched input '{found}'. Expecting: {expected}")
        }
        None => message.to_owned(),
    };
    QueryError::syntax(place, said)
}

fn end_of(sql: &str) -> Place {
    let line = sql.lines().count().max(1) as u64;
    let column = sql.lines().last().map_or(1, |last| last.chars().count() as u64 + 1);
    Place { line, column }
}

/// An execution parameter: one literal, as `'abc'`, `42` or `DATE '2013-01-01'`.
pub(crate) fn parse_parameter(text: &str) -> Result<datafusion::sql::sqlparser::ast::Expr, QueryError> {
    let invalid = |problem: &str| {
        QueryError::user(
            "INVALID_PARAMETER_USAGE",
            format!("The execution parameter {text} is not a literal: {problem}"),
        )
    };
    if text.len() > 1_024 {
        return Err(invalid("it is longer than 1024 characters"));
    }
    let mut parser = Parser::new(&Trino).try_with_sql(text).map_err(|error| invalid(&error.to_string()))?;
    let expr = parser.parse_expr().map_err(|error| invalid(&error.to_string()))?;
    if parser.peek_token().token != Token::EOF {
        return Err(invalid("something follows it"));
    }
    Ok(expr)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(sql: &str) -> String {
        Statement::parse(sql).unwrap_err().to_string()
    }

    #[test]
    fn what_does_not_parse_is_named_with_its_place() {
        for (sql, expected) in [
            (
                "SELECT * FORM t",
                "SYNTAX_ERROR: line 1:10: mismatched input 'FORM'. Expecting: end of statement",
            ),
            ("", "SYNTAX_ERROR: line 1:1: mismatched input '<EOF>'"),
            (
                "SELECT 1; SELECT 2",
                "SYNTAX_ERROR: line 1:11: Only one sql statement is allowed, got 'SELECT'",
            ),
            ("INSERT INTO t VALUES (1)", "NOT_SUPPORTED: INSERT is not supported by Millpond yet"),
        ] {
            assert_eq!(error(sql), expected, "{sql}");
        }
        assert!(error("SELECT\n  'abc").starts_with("SYNTAX_ERROR: line 2:3"), "{}", error("SELECT\n  'abc"));
        assert!(error("SELECT (1").starts_with("SYNTAX_ERROR: line 1:10: mismatched input '<EOF>'"));
    }

    #[test]
    fn depth_and_size_have_limits() {
        for sql in [
            format!("SELECT {}1{}", "(".repeat(50_000), ")".repeat(50_000)),
            format!("SELECT 1{}", " = 1".repeat(50_000)),
            format!("SELECT {}", "NOT ".repeat(40_000)),
            format!("SELECT {}", "CASE WHEN 1=1 THEN ".repeat(10_000)),
            "x".repeat(300_000),
        ] {
            assert!(Statement::parse(&sql).is_err());
        }
        let many = |head: &str, term: &str| {
            let terms = (MAX_BYTES - head.len()) / term.len();
            format!("{head}{}", term.repeat(terms))
        };
        for sql in [
            many("SELECT a FROM t WHERE a = 1", " OR a = 1"),
            many("SELECT a FROM t WHERE a = 1", " AND a LIKE b"),
            many("SELECT 'a'", "||b"),
            many("SELECT 1", ", 1 + 1"),
            many("SELECT 1", " + 1 - b"),
            many("SELECT 1", " * 1"),
            format!("SELECT 1{}", " = 1".repeat(190)),
        ] {
            Statement::parse(&sql).unwrap_or_else(|error| panic!("{}: {error}", &sql[..40]));
        }
        for sql in [
            many("SELECT 1", "+1"),
            many("SELECT 1", "=1"),
            many("SELECT a", "[1]"),
            many("SELECT a", ".a"),
            many("SELECT a", " IS NULL"),
            many("SELECT a", " IN (1)"),
            many("SELECT a", " AT TIME ZONE 'UTC'"),
            many("SELECT a", "||b+"),
            many("SELECT a FROM t WHERE a = 1", " OR a = 1") + " OR",
            many("SELECT 1", " + f(1, 2)"),
            many("SELECT ", "x -> "),
            many("SELECT ", "- "),
            many("SELECT a FROM t", ", t"),
            many("SELECT a FROM t", " JOIN t ON a"),
            many("SELECT 1", " UNION SELECT 1"),
        ] {
            // Whatever it says: it says it.
            let _said = Statement::parse(&sql);
        }
    }

    #[test]
    fn kinds_are_those_of_athena() {
        for (sql, kind, substatement) in [
            ("SELECT 1;", StatementKind::Dml, "SELECT"),
            ("-- note\nWITH a AS (SELECT 1) SELECT * FROM a", StatementKind::Dml, "SELECT"),
            ("(SELECT 1)", StatementKind::Dml, "SELECT"),
            ("VALUES (1)", StatementKind::Dml, "SELECT"),
            ("EXPLAIN SELECT 1", StatementKind::Utility, "EXPLAIN"),
            ("CREATE DATABASE a", StatementKind::Ddl, "CREATE_DATABASE"),
            ("SHOW TABLES", StatementKind::Utility, "SHOW_TABLES"),
        ] {
            let statement = Statement::parse(sql).unwrap();
            assert_eq!((statement.kind(), statement.substatement()), (kind, substatement), "{sql}");
        }
    }
}
