//! The model's names in Rust's spelling.

use heck::{ToPascalCase, ToShoutySnakeCase, ToSnakeCase};

/// Units and plurals that no rule of capitals splits well.
const WORDS: &[(&str, &str)] = &[
    ("MBs", "Mbs"),
    ("MiBps", "Mibps"),
    ("KiB", "Kib"),
    ("MiB", "Mib"),
    ("ARNs", "Arns"),
    ("IDs", "Ids"),
    ("AWSKMS", "AwsKms"),
    ("JDBCURL", "JdbcUrl"),
];

fn worded(name: &str) -> String {
    WORDS.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, to))
}

/// A field: `StreamARN` is `stream_arn`.
pub fn field(name: &str) -> String {
    let snake = worded(name).to_snake_case();
    match snake.as_str() {
        "self" | "super" | "crate" => format!("{snake}_"),
        "type" | "ref" | "match" | "use" | "where" | "in" | "as" | "fn" | "mod" | "move" | "loop" | "if"
        | "for" | "else" | "static" | "const" | "enum" | "struct" | "trait" | "impl" | "let" | "mut"
        | "pub" | "return" | "break" | "continue" | "dyn" | "async" | "await" | "true" | "false"
        | "while" | "extern" | "unsafe" | "abstract" | "final" | "override" | "virtual" | "try" | "yield"
        | "do" | "gen" | "box" | "macro" | "priv" | "become" | "typeof" | "unsized" => format!("r#{snake}"),
        _ => snake,
    }
}

/// What serde's `rename_all = "PascalCase"` makes of a field's name.
pub fn serde_pascal(field: &str) -> String {
    let words = field.trim_start_matches("r#").split('_');
    words
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect()
}

/// A static: `StreamName` is `STREAM_NAME`.
pub fn constant(name: &str) -> String {
    worded(name).to_shouty_snake_case()
}

/// A type; the model starts some with a small letter.
pub fn type_name(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// An enum's variant: `AT_SEQUENCE_NUMBER` is `AtSequenceNumber`.
pub fn variant(text: &str) -> String {
    let pascal = text.to_pascal_case();
    if pascal.starts_with(|c: char| c.is_ascii_digit()) || pascal.is_empty() || pascal == "Self" {
        format!("V{pascal}")
    } else {
        pascal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_rust() {
        for (name, expected) in [
            ("StreamARN", "stream_arn"),
            ("ThroughputHintInMBs", "throughput_hint_in_mbs"),
            ("MaxRecordSizeInKiB", "max_record_size_in_kib"),
            ("KMSEncryptionConfig", "kms_encryption_config"),
            ("S3BackupMode", "s3_backup_mode"),
            ("Type", "r#type"),
        ] {
            assert_eq!(field(name), expected);
        }
        assert_eq!(serde_pascal("r#type"), "Type");
        assert_eq!(serde_pascal("stream_arn"), "StreamArn");
        assert_eq!(variant("AT_SEQUENCE_NUMBER"), "AtSequenceNumber");
        assert_eq!(variant("128"), "V128");
        assert_eq!(constant("AWSKMSKeyARN"), "AWS_KMS_KEY_ARN");
    }
}
