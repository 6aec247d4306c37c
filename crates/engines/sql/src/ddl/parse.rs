//! Hive's DDL, read by hand over the SQL parser's tokens: that parser knows neither SerDe properties nor Hive's nested
//! types, nor half of SHOW, and gives no place for what it does not take.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Ddl, PartitionSpec, TableName, stored_as};
use crate::catalog::{ColumnDef, DatabaseDef, StorageDef, TableDef};
use crate::error::{Place, QueryError};
use crate::statement::place_of;

/// Errors: SYNTAX_ERROR with the place; NOT_SUPPORTED, naming the clause.
pub(crate) fn parse(tokens: Vec<TokenWithSpan>) -> Result<Ddl, QueryError> {
    let tokens = tokens
        .into_iter()
        .filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF))
        .collect();
    let mut parser = Ddls { tokens, at: 0 };
    let ddl = parser.statement()?;
    match parser.tokens.get(parser.at) {
        None => Ok(ddl),
        Some(_) => Err(parser.unexpected("end of statement")),
    }
}

struct Ddls {
    tokens: Vec<TokenWithSpan>,
    at: usize,
}

type Parsed<T> = Result<T, QueryError>;

impl Ddls {
    fn token(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|token| &token.token)
    }

    fn place(&self) -> Place {
        match self.tokens.get(self.at).or(self.tokens.last()) {
            Some(token) => place_of(token),
            None => Place::START,
        }
    }

    fn unexpected(&self, expected: &str) -> QueryError {
        let found = self.token().map_or_else(|| "<EOF>".to_owned(), ToString::to_string);
        QueryError::syntax(self.place(), format!("mismatched input '{found}'. Expecting: {expected}"))
    }

    /// The unquoted word here, in upper case.
    fn word(&self) -> String {
        match self.token() {
            Some(Token::Word(word)) if word.quote_style.is_none() => word.value.to_uppercase(),
            _ => String::new(),
        }
    }

    /// Takes these words, if all of them stand here.
    fn took(&mut self, words: &str) -> bool {
        let before = self.at;
        for wanted in words.split(' ') {
            if self.word() != wanted {
                self.at = before;
                return false;
            }
            self.at += 1;
        }
        true
    }

    fn expect(&mut self, words: &str) -> Parsed<()> {
        if self.took(words) { Ok(()) } else { Err(self.unexpected(words)) }
    }

    fn took_sign(&mut self, sign: &Token) -> bool {
        let here = self.token() == Some(sign);
        self.at += usize::from(here);
        here
    }

    fn expect_sign(&mut self, sign: &Token) -> Parsed<()> {
        if self.took_sign(sign) { Ok(()) } else { Err(self.unexpected(&format!("'{sign}'"))) }
    }

    fn name(&mut self) -> Parsed<String> {
        match self.token() {
            Some(Token::Word(word)) => {
                let name = word.value.to_lowercase();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected("<identifier>")),
        }
    }

    fn text(&mut self) -> Parsed<String> {
        match self.token() {
            Some(Token::SingleQuotedString(text) | Token::DoubleQuotedString(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(text)
            }
            // Hive takes double quotes around texts as well.
            Some(Token::Word(word)) if word.quote_style == Some('"') => {
                let text = word.value.clone();
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.unexpected("<string>")),
        }
    }

    fn table_name(&mut self) -> Parsed<TableName> {
        let mut parts = vec![self.name()?];
        while self.took_sign(&Token::Period) {
            parts.push(self.name()?);
        }
        // SHOW CREATE TABLE writes `database.table` within one pair of quotes.
        if let [whole] = parts.as_slice()
            && let Some((database, table)) = whole.split_once('.')
        {
            parts = vec![database.to_owned(), table.to_owned()];
        }
        let table = parts.pop().unwrap_or_default();
        Ok(TableName { database: parts.pop(), table })
    }

    fn comma_separated<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect_sign(&Token::LParen)?;
        let mut items = vec![item(self)?];
        while self.took_sign(&Token::Comma) {
            items.push(item(self)?);
        }
        self.expect_sign(&Token::RParen)?;
        Ok(items)
    }

    fn properties(&mut self) -> Parsed<BTreeMap<String, String>> {
        let pairs = self.comma_separated(|parser| {
            let key = parser.text()?;
            parser.expect_sign(&Token::Eq)?;
            Ok((key, parser.text()?))
        })?;
        Ok(pairs.into_iter().collect())
    }

    fn statement(&mut self) -> Parsed<Ddl> {
        if self.took("CREATE EXTERNAL TABLE") {
            return self.create_table();
        }
        if self.took("CREATE DATABASE") || self.took("CREATE SCHEMA") {
            return self.create_database();
        }
        if self.took("CREATE TABLE") {
            return Err(QueryError::not_supported(
                "CREATE TABLE without EXTERNAL (Iceberg and CREATE TABLE AS)",
            ));
        }
        if self.took("DROP DATABASE") || self.took("DROP SCHEMA") {
            let if_exists = self.took("IF EXISTS");
            let name = self.name()?;
            let cascade = self.took("CASCADE");
            self.took("RESTRICT");
            return Ok(Ddl::DropDatabase { name, if_exists, cascade });
        }
        if self.took("DROP TABLE") {
            let if_exists = self.took("IF EXISTS");
            return Ok(Ddl::DropTable { name: self.table_name()?, if_exists });
        }
        if self.took("ALTER TABLE") {
            return self.alter_table();
        }
        if self.took("MSCK REPAIR TABLE") {
            return Ok(Ddl::RepairTable(self.table_name()?));
        }
        if self.took("SHOW") {
            return self.show();
        }
        if self.took("DESCRIBE") || self.took("DESC") {
            if self.took("FORMATTED") || self.took("EXTENDED") {
                return Err(QueryError::not_supported("DESCRIBE FORMATTED and DESCRIBE EXTENDED"));
            }
            self.took("TABLE");
            let table = self.table_name()?;
            let column = if self.token().is_some() { Some(self.name()?) } else { None };
            return Ok(Ddl::Describe { table, column });
        }
        let words: Vec<String> =
            self.tokens.iter().take(2).map(|token| token.token.to_string().to_uppercase()).collect();
        if matches!(words.get(1).map(String::as_str), Some("VIEW" | "OR" | "FUNCTION" | "ROLE" | "PROTECTED"))
        {
            return Err(QueryError::not_supported(words.join(" ")));
        }
        self.at = 1.min(self.tokens.len());
        Err(self.unexpected("DATABASE, SCHEMA, TABLE, EXTERNAL TABLE"))
    }

    fn create_database(&mut self) -> Parsed<Ddl> {
        let if_not_exists = self.took("IF NOT EXISTS");
        let name = self.name()?;
        let comment = if self.took("COMMENT") { Some(self.text()?) } else { None };
        let location = if self.took("LOCATION") { Some(self.text()?) } else { None };
        let parameters = if self.took("WITH DBPROPERTIES") { self.properties()? } else { BTreeMap::new() };
        Ok(Ddl::CreateDatabase {
            database: DatabaseDef { name, comment, location, parameters },
            if_not_exists,
        })
    }

    fn create_table(&mut self) -> Parsed<Ddl> {
        let if_not_exists = self.took("IF NOT EXISTS");
        let name = self.table_name()?;
        let columns = self.comma_separated(Self::column)?;
        let mut table = TableDef {
            database: String::new(),
            name: name.table.clone(),
            columns,
            partition_keys: Vec::new(),
            storage: StorageDef::default(),
            table_type: "EXTERNAL_TABLE".to_owned(),
            parameters: BTreeMap::from([("EXTERNAL".to_owned(), "TRUE".to_owned())]),
            comment: None,
        };
        let mut row_format = RowFormat::default();
        let mut formats: Option<StorageDef> = None;
        loop {
            if self.took("COMMENT") {
                let comment = self.text()?;
                table.parameters.insert("comment".to_owned(), comment.clone());
                table.comment = Some(comment);
            } else if self.took("PARTITIONED BY") {
                table.partition_keys = self.comma_separated(Self::column)?;
            } else if self.took("ROW FORMAT") {
                row_format = self.row_format()?;
            } else if self.took("WITH SERDEPROPERTIES") {
                row_format.properties.extend(self.properties()?);
            } else if self.took("STORED AS") {
                formats = Some(self.stored_as()?);
            } else if self.took("LOCATION") {
                table.storage.location = self.text()?;
            } else if self.took("TBLPROPERTIES") {
                table.parameters.extend(self.properties()?);
            } else if matches!(self.word().as_str(), "CLUSTERED" | "SKEWED" | "STORED" | "AS") {
                return Err(QueryError::not_supported(format!("{} in CREATE EXTERNAL TABLE", self.word())));
            } else {
                break;
            }
        }
        let formats = formats.or_else(|| stored_as("TEXTFILE")).unwrap_or_default();
        table.storage.input_format = formats.input_format;
        table.storage.output_format = formats.output_format;
        table.storage.serde = row_format.serde.unwrap_or(formats.serde);
        table.storage.serde_parameters = row_format.properties;
        table
            .storage
            .serde_parameters
            .entry("serialization.format".to_owned())
            .or_insert_with(|| "1".to_owned());
        Ok(Ddl::CreateTable { name, table: Box::new(table), if_not_exists })
    }

    fn column(&mut self) -> Parsed<ColumnDef> {
        let name = self.name()?;
        let hive_type = self.hive_type()?;
        let comment = if self.took("COMMENT") { Some(self.text()?) } else { None };
        Ok(ColumnDef { name, hive_type, comment })
    }

    /// The text of a type, up to the comma, the parenthesis or the comment behind it.
    fn hive_type(&mut self) -> Parsed<String> {
        let place = self.place();
        let (from, mut depth, mut text) = (self.at, 0_i32, String::new());
        while let Some(token) = self.token() {
            let token = token.clone();
            match &token {
                Token::Lt | Token::LParen => depth += 1,
                Token::Gt => depth -= 1,
                Token::ShiftRight => depth -= 2,
                Token::RParen if depth == 0 => break,
                Token::RParen => depth -= 1,
                Token::Comma if depth == 0 => break,
                Token::Word(_) if depth == 0 && self.at > from && self.word() != "PRECISION" => break,
                _ => {}
            }
            match &token {
                Token::Word(word) if depth == 0 && word.value.eq_ignore_ascii_case("precision") => {}
                Token::Word(word) => text.push_str(&word.value.to_lowercase()),
                sign => text.push_str(&sign.to_string()),
            }
            self.at += 1;
        }
        crate::types::from_hive(&text)
            .map_err(|_| QueryError::syntax(place, format!("'{text}' is not a type that Athena knows")))?;
        Ok(match text.as_str() {
            "integer" => "int".to_owned(),
            _ => text,
        })
    }

    fn row_format(&mut self) -> Parsed<RowFormat> {
        if self.took("SERDE") {
            let serde = Some(self.text()?);
            let properties =
                if self.took("WITH SERDEPROPERTIES") { self.properties()? } else { BTreeMap::new() };
            return Ok(RowFormat { serde, properties });
        }
        self.expect("DELIMITED")?;
        let mut properties = BTreeMap::new();
        loop {
            let key = if self.took("FIELDS TERMINATED BY") {
                "field.delim"
            } else if self.took("COLLECTION ITEMS TERMINATED BY") {
                "collection.delim"
            } else if self.took("MAP KEYS TERMINATED BY") {
                "mapkey.delim"
            } else if self.took("LINES TERMINATED BY") {
                "line.delim"
            } else if self.took("ESCAPED BY") {
                "escape.delim"
            } else if self.took("NULL DEFINED AS") {
                "serialization.null.format"
            } else {
                break;
            };
            let text = self.text()?;
            let text = if key == "line.delim" && text == "\\n" { "\n".to_owned() } else { text };
            if key == "field.delim" {
                properties.insert("serialization.format".to_owned(), text.clone());
            }
            properties.insert(key.to_owned(), text);
        }
        Ok(RowFormat { serde: None, properties })
    }

    fn stored_as(&mut self) -> Parsed<StorageDef> {
        if self.took("INPUTFORMAT") {
            let input_format = self.text()?;
            self.expect("OUTPUTFORMAT")?;
            let output_format = self.text()?;
            let parquet = input_format.contains("parquet");
            let serde = stored_as(if parquet { "PARQUET" } else { "TEXTFILE" }).unwrap_or_default().serde;
            return Ok(StorageDef { input_format, output_format, serde, ..StorageDef::default() });
        }
        let word = self.word();
        match stored_as(&word) {
            Some(formats) => {
                self.at += 1;
                Ok(formats)
            }
            None if matches!(word.as_str(), "ORC" | "AVRO" | "SEQUENCEFILE" | "RCFILE" | "ION") => {
                Err(QueryError::not_supported(format!("STORED AS {word}")))
            }
            None => Err(self.unexpected("PARQUET, TEXTFILE, JSONFILE, INPUTFORMAT")),
        }
    }

    fn partition_spec(&mut self) -> Parsed<PartitionSpec> {
        self.expect("PARTITION")?;
        self.comma_separated(|parser| {
            let key = parser.name()?;
            parser.expect_sign(&Token::Eq)?;
            let value = match parser.token() {
                Some(Token::Number(number, _)) => {
                    let number = number.clone();
                    parser.at += 1;
                    number
                }
                _ => {
                    parser.took("DATE");
                    parser.text()?
                }
            };
            Ok((key, value))
        })
    }

    fn alter_table(&mut self) -> Parsed<Ddl> {
        let table = self.table_name()?;
        if self.took("ADD") && self.word() != "COLUMNS" {
            let if_not_exists = self.took("IF NOT EXISTS");
            let mut partitions = Vec::new();
            while partitions.is_empty() || self.word() == "PARTITION" {
                let spec = self.partition_spec()?;
                let location = if self.took("LOCATION") { Some(self.text()?) } else { None };
                partitions.push((spec, location));
            }
            return Ok(Ddl::AddPartitions { table, partitions, if_not_exists });
        }
        if self.took("DROP") {
            let if_exists = self.took("IF EXISTS");
            let mut partitions = vec![self.partition_spec()?];
            while self.took_sign(&Token::Comma) {
                partitions.push(self.partition_spec()?);
            }
            return Ok(Ddl::DropPartitions { table, partitions, if_exists });
        }
        Err(QueryError::not_supported(format!("ALTER TABLE … {}", self.word())))
    }

    fn show(&mut self) -> Parsed<Ddl> {
        if self.took("DATABASES") || self.took("SCHEMAS") {
            self.took("LIKE");
            let pattern = if self.token().is_some() { Some(self.text()?) } else { None };
            return Ok(Ddl::ShowDatabases { pattern });
        }
        if self.took("TABLES") {
            let database = if self.took("IN") || self.took("FROM") { Some(self.name()?) } else { None };
            self.took("LIKE");
            let pattern = if self.token().is_some() { Some(self.text()?) } else { None };
            return Ok(Ddl::ShowTables { database, pattern });
        }
        if self.took("COLUMNS") {
            if !self.took("IN") {
                self.expect("FROM")?;
            }
            let mut table = self.table_name()?;
            if self.took("IN") || self.took("FROM") {
                table.database = Some(self.name()?);
            }
            return Ok(Ddl::ShowColumns(table));
        }
        if self.took("PARTITIONS") {
            return Ok(Ddl::ShowPartitions(self.table_name()?));
        }
        if self.took("CREATE TABLE") {
            return Ok(Ddl::ShowCreateTable(self.table_name()?));
        }
        if self.took("TBLPROPERTIES") {
            let table = self.table_name()?;
            let property = match self.token() {
                Some(_) => {
                    self.expect_sign(&Token::LParen)?;
                    let property = self.text()?;
                    self.expect_sign(&Token::RParen)?;
                    Some(property)
                }
                None => None,
            };
            return Ok(Ddl::ShowTableProperties { table, property });
        }
        if matches!(self.word().as_str(), "VIEWS" | "CREATE" | "FUNCTIONS" | "STATS") {
            return Err(QueryError::not_supported(format!("SHOW {}", self.word())));
        }
        Err(self.unexpected("DATABASES, SCHEMAS, TABLES, COLUMNS, PARTITIONS, CREATE TABLE, TBLPROPERTIES"))
    }
}

#[derive(Default)]
struct RowFormat {
    serde: Option<String>,
    properties: BTreeMap<String, String>,
}
