//! Answers as aligned tables, with a small bar beside each row where a column is worth one.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::steps::Answer;

/// The longest bar, in characters.
const BAR: f64 = 24.0;
const INDENT: &str = "    ";

/// Numbers stand to the right, texts to the left; `bar` names the column that is drawn.
pub fn render(answer: &Answer, bar: Option<&str>) -> String {
    let value =
        |row: &[Option<String>], column: usize| -> Option<f64> { row.get(column)?.as_ref()?.parse().ok() };
    let drawn = bar.and_then(|name| answer.columns.iter().position(|column| column == name));
    let largest = drawn
        .map_or(0.0, |column| answer.rows.iter().filter_map(|row| value(row, column)).fold(0.0, f64::max));
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(answer.columns.iter().map(String::as_str).chain(drawn.map(|_| "")));
    table.add_row(answer.columns.iter().map(|name| "─".repeat(name.chars().count())));
    for row in &answer.rows {
        let cells = row.iter().map(|cell| cell.clone().unwrap_or_default());
        let line =
            drawn.map(|column| value(row, column).map_or_else(String::new, |value| line(value, largest)));
        table.add_row(cells.chain(line));
    }
    for (index, column) in table.column_iter_mut().enumerate().take(answer.columns.len()) {
        let numeric = answer.rows.iter().all(|row| {
            value(row, index).is_some()
                || row.get(index).is_none_or(|cell| cell.as_ref().is_none_or(String::is_empty))
        });
        if numeric {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.lines().map(|line| format!("{INDENT}{}", line.trim_end()));
    lines.collect::<Vec<_>>().join("\n")
}

/// A bar in eighths of a character.
fn line(value: f64, largest: f64) -> String {
    if largest <= 0.0 || value <= 0.0 {
        return String::new();
    }
    let eighths = (value / largest * BAR * 8.0).round() as usize;
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    format!("{}{rest}", "█".repeat(eighths / 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_drawn() {
        let row = |name: &str, late: Option<&str>| vec![Some(name.to_owned()), late.map(str::to_owned)];
        let answer = Answer {
            columns: vec!["name".to_owned(), "late".to_owned()],
            rows: vec![
                row("Aero", Some("10")),
                row("Béta", Some("5.5")),
                row("C", None),
                row("D", Some("-3")),
            ],
            scanned_bytes: 0,
            millis: 0,
        };
        let full = "█".repeat(24);
        let half = format!("{}▎", "█".repeat(13));
        let expected = [
            "     name  late",
            "     ────  ────",
            &format!("     Aero    10  {full}"),
            &format!("     Béta   5.5  {half}"),
            "     C",
            "     D       -3",
        ];
        assert_eq!(render(&answer, Some("late")), expected.join("\n"));
        assert!(!render(&answer, None).contains('█'));
    }
}
