//! Text for people: escapes, columns, times.

use std::time::SystemTime;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// `text` without what could drive a terminal or turn the reading order round: control characters, tabs and line breaks
/// among them, and Unicode's bidirectional controls are written as escapes.
pub(crate) fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        let is_bidi = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || is_bidi {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}

/// Rows in columns that are two spaces apart; the last column is not padded.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    columns_within(rows, None)
}

/// As [`columns`], with the last column wrapped under itself where the lines have a width.
pub(crate) fn columns_within(rows: &[Vec<String>], width: Option<usize>) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<_> = (0..count).map(widest).collect();
    let indent = widths.iter().rev().skip(1).map(|width| width + 2).sum();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width_of)) in row.iter().zip(&widths).enumerate() {
            if column + 1 == count {
                line.push_str(&wrapped(cell, indent, width));
                break;
            }
            line.push_str(cell);
            line.extend(std::iter::repeat_n(
                ' ',
                width_of - cell.chars().count() + 2,
            ));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `text` in lines of `width` columns where there is one, the second and later ones indented by as much as the first is
/// to be.
pub(crate) fn wrapped(text: &str, indent: usize, width: Option<usize>) -> String {
    let Some(width) = width.filter(|width| *width > indent + 20) else {
        return text.into();
    };
    let mut lines = String::new();
    let mut column = indent;
    for (index, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 && column + 1 + length > width {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if index > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

/// A time in RFC 3339, in UTC, to the second.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at).truncate_to_second();
    // Only years over 9999 have no such text, and X.509 cannot write those either.
    at.format(&Rfc3339)
        .unwrap_or_else(|_| "9999-12-31T23:59:59Z".into())
}

/// A URL without the user and password that it may hold.
pub(crate) fn without_credentials(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}***@{host}{path}"),
        None => url.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn nothing_drives_the_terminal() {
        assert_eq!(
            printable("a\u{1b}[31m\r\n\u{202e}é"),
            "a\\u{1b}[31m\\r\\n\\u{202e}é"
        );
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".into(), "b".into()], vec!["éé".into(), "".into()]];
        assert_eq!(columns(&rows), "a   b\néé\n");
        let rows = [vec!["name".into(), "what it is and what it does".into()]];
        assert_eq!(
            columns_within(&rows, Some(27)),
            "name  what it is and what\n      it does\n"
        );
    }

    #[test]
    fn long_lines_are_wrapped_under_themselves() {
        let text = "one two three four five six";
        assert_eq!(wrapped(text, 4, None), text);
        assert_eq!(wrapped(text, 4, Some(10)), text);
        assert_eq!(wrapped(text, 2, Some(23)), "one two three four\n  five six");
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(
            rfc3339(UNIX_EPOCH + Duration::from_millis(1_500)),
            "1970-01-01T00:00:01Z"
        );
    }
}
