//! How Trino's SQL is tokenized and parsed, where it differs from the parser's defaults.

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// Trino's dialect as Athena takes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trino;

impl Dialect for Trino {
    // Some of the parser's rules ask for the dialect by its type; UNNEST is read by the generic one's.
    fn dialect(&self) -> std::any::TypeId {
        std::any::TypeId::of::<GenericDialect>()
    }

    fn is_delimited_identifier_start(&self, c: char) -> bool {
        c == '"'
    }

    fn identifier_quote_style(&self, _identifier: &str) -> Option<char> {
        Some('"')
    }

    fn is_identifier_start(&self, c: char) -> bool {
        c.is_alphabetic() || c == '_'
    }

    fn is_identifier_part(&self, c: char) -> bool {
        c.is_alphanumeric() || matches!(c, '_' | '@' | '$')
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_lambda_functions(&self) -> bool {
        true
    }

    fn supports_unicode_string_literal(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_values_as_table_factor(&self) -> bool {
        true
    }

    fn require_interval_qualifier(&self) -> bool {
        true
    }

    fn supports_subquery_as_function_arg(&self) -> bool {
        true
    }

    fn supports_select_expr_star(&self) -> bool {
        true
    }

    /// Trino reserves few words: where nothing follows that makes more of it, a word is a name.
    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let first = parser.peek_token_ref();
        let Token::Word(word) = &first.token else { return None };
        if word.keyword == Keyword::NoKeyword || RESERVED.contains(&word.keyword) {
            return None;
        }
        let is_more = match (word.keyword, &parser.peek_nth_token_ref(1).token) {
            (_, Token::LParen | Token::Arrow | Token::SingleQuotedString(_)) => true,
            (Keyword::ARRAY, Token::LBracket) => true,
            (Keyword::DOUBLE, Token::Word(next)) => next.keyword == Keyword::PRECISION,
            (Keyword::INTERVAL, Token::Plus | Token::Minus) => {
                matches!(parser.peek_nth_token_ref(2).token, Token::SingleQuotedString(_))
            }
            _ => false,
        };
        if is_more {
            return None;
        }
        let name = word.clone().into_ident(first.span);
        parser.advance_token();
        Some(Ok(Expr::Identifier(name)))
    }
}

/// The words that Trino reserves, as far as the parser knows them.
const RESERVED: &[Keyword] = &[
    Keyword::ALTER,
    Keyword::AND,
    Keyword::AS,
    Keyword::BETWEEN,
    Keyword::BY,
    Keyword::CASE,
    Keyword::CAST,
    Keyword::CONSTRAINT,
    Keyword::CREATE,
    Keyword::CROSS,
    Keyword::CUBE,
    Keyword::CURRENT_CATALOG,
    Keyword::CURRENT_DATE,
    Keyword::CURRENT_PATH,
    Keyword::CURRENT_ROLE,
    Keyword::CURRENT_SCHEMA,
    Keyword::CURRENT_TIME,
    Keyword::CURRENT_TIMESTAMP,
    Keyword::CURRENT_USER,
    Keyword::DEALLOCATE,
    Keyword::DELETE,
    Keyword::DESCRIBE,
    Keyword::DISTINCT,
    Keyword::DROP,
    Keyword::ELSE,
    Keyword::END,
    Keyword::ESCAPE,
    Keyword::EXCEPT,
    Keyword::EXECUTE,
    Keyword::EXISTS,
    Keyword::EXTRACT,
    Keyword::FALSE,
    Keyword::FOR,
    Keyword::FROM,
    Keyword::FULL,
    Keyword::GROUP,
    Keyword::GROUPING,
    Keyword::HAVING,
    Keyword::IN,
    Keyword::INNER,
    Keyword::INSERT,
    Keyword::INTERSECT,
    Keyword::INTO,
    Keyword::IS,
    Keyword::JOIN,
    Keyword::JSON_TABLE,
    Keyword::LEFT,
    Keyword::LIKE,
    Keyword::LOCALTIME,
    Keyword::LOCALTIMESTAMP,
    Keyword::NATURAL,
    Keyword::NORMALIZE,
    Keyword::NOT,
    Keyword::NULL,
    Keyword::ON,
    Keyword::OR,
    Keyword::ORDER,
    Keyword::OUTER,
    Keyword::PREPARE,
    Keyword::RECURSIVE,
    Keyword::RIGHT,
    Keyword::ROLLUP,
    Keyword::SELECT,
    Keyword::SKIP,
    Keyword::TABLE,
    Keyword::THEN,
    Keyword::TRIM,
    Keyword::TRUE,
    Keyword::UESCAPE,
    Keyword::UNION,
    Keyword::UNNEST,
    Keyword::USING,
    Keyword::VALUES,
    Keyword::WHEN,
    Keyword::WHERE,
    Keyword::WITH,
];

/// Words that begin or end a clause for the parser and are names alone for Trino.
const FOREIGN: &[Keyword] = &[
    Keyword::ANTI,
    Keyword::ASOF,
    Keyword::CLUSTER,
    Keyword::CONNECT,
    Keyword::DISTRIBUTE,
    Keyword::DIV,
    Keyword::EXCLUDE,
    Keyword::FORMAT,
    Keyword::GLOBAL,
    Keyword::MATCH_CONDITION,
    Keyword::MINUS,
    Keyword::OPEN,
    Keyword::OUTPUT,
    Keyword::PIVOT,
    Keyword::PREWHERE,
    Keyword::QUALIFY,
    Keyword::RETURNING,
    Keyword::SAMPLE,
    Keyword::SEMI,
    Keyword::SET,
    Keyword::SETTINGS,
    Keyword::SORT,
    Keyword::START,
    Keyword::TOP,
    Keyword::UNPIVOT,
    Keyword::VIEW,
    Keyword::XOR,
];

/// Makes plain names of the words that mean something to the parser and nothing to Trino.
pub(crate) fn plain_names(tokens: &mut [TokenWithSpan]) {
    for token in tokens {
        if let Token::Word(word) = &mut token.token
            && FOREIGN.contains(&word.keyword)
        {
            word.keyword = Keyword::NoKeyword;
        }
    }
}

/// Hive's DDL as Athena takes it: names may also be quoted with backquotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hive;

impl Dialect for Hive {
    fn is_delimited_identifier_start(&self, c: char) -> bool {
        matches!(c, '"' | '`')
    }

    fn is_identifier_start(&self, c: char) -> bool {
        Trino.is_identifier_start(c)
    }

    fn is_identifier_part(&self, c: char) -> bool {
        Trino.is_identifier_part(c)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use datafusion::sql::sqlparser::ast::{Statement, visit_expressions};
    use datafusion::sql::sqlparser::keywords::{ALL_KEYWORDS, ALL_KEYWORDS_INDEX};
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;

    /// Words of Trino's grammar that it does not reserve, where this parser cannot tell the name from the clause.
    const NOT_YET: &[&str] = &["ALL", "ANY", "SOME"];

    fn parse(sql: &str) -> Result<Statement, String> {
        let mut tokens = Tokenizer::new(&Trino, sql).tokenize_with_location().map_err(|e| e.to_string())?;
        plain_names(&mut tokens);
        let mut parser = Parser::new(&Trino).with_tokens_with_locations(tokens);
        let mut statements = parser.parse_statements().map_err(|e| format!("{sql}: {e}"))?;
        assert_eq!(statements.len(), 1, "{sql}");
        Ok(statements.remove(0))
    }

    /// Every column that the statement names, without its table.
    fn columns(statement: &Statement) -> Vec<String> {
        let mut found = Vec::new();
        let _goes_on: ControlFlow<()> = visit_expressions(statement, |expr| {
            match expr {
                Expr::Identifier(name) => found.push(name.value.clone()),
                Expr::CompoundIdentifier(parts) => found.push(parts[parts.len() - 1].value.clone()),
                _ => {}
            }
            ControlFlow::Continue(())
        });
        found
    }

    #[test]
    fn words_that_trino_does_not_reserve_are_names() {
        let mut wrong = Vec::new();
        for (word, keyword) in ALL_KEYWORDS.iter().zip(ALL_KEYWORDS_INDEX) {
            if RESERVED.contains(keyword) || NOT_YET.contains(word) || word.contains('-') {
                continue;
            }
            let word = word.to_lowercase();
            let sql = format!(
                "SELECT {word}, t.{word}, {word} AS {word} FROM t WHERE {word} = 1 AND ({word} + {word}) > 1 AND t.{word}
                 IN ({word}, 2) GROUP BY {word}, t.{word} HAVING max({word}) = 1 ORDER BY {word}, t.{word} DESC"
            );
            match parse(&sql).map(|statement| columns(&statement)) {
                Ok(found) if found.len() == 13 && found.iter().all(|name| *name == word) => {}
                other => wrong.push(format!("{word}: {other:?}")),
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn words_that_begin_more_still_do() {
        for sql in [
            "SELECT DATE '2020-01-01', TIMESTAMP '2020-01-01 00:00:00', DECIMAL '1.5', DOUBLE PRECISION '1', time '01:02:03'",
            "SELECT INTERVAL '1' DAY, INTERVAL - '1' DAY, ARRAY[1], map(ARRAY[1], ARRAY[2]), position('a' IN 'b')",
            "SELECT current_date, current_timestamp, localtime, if(1 = 1, 2), try(1), transform(a, x -> x + 1)",
            "SELECT a FROM t CROSS JOIN UNNEST(b) WITH ORDINALITY AS u (x, n) ORDER BY a NULLS FIRST LIMIT 1",
            "SELECT sum(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t",
            "SELECT a FROM t OFFSET 1 ROW FETCH FIRST 1 ROW ONLY",
            "SELECT at_timezone(a, 'UTC'), a AT TIME ZONE 'UTC', CAST(a AS timestamp with time zone) FROM t",
        ] {
            parse(sql).unwrap();
        }
    }
}
