//! What is wrong, and where: sentences that never quote the file.

use std::ops::Range;
use std::path::Path;

/// What is wrong with a configuration: whole sentences with file, line and column; never a line that may hold a secret.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

/// What is wrong with some octets of the source. Its text never repeats a value: any value may be a
/// password that slipped into the wrong place.
#[derive(Debug)]
pub(super) struct Fault {
    /// Where in the source.
    pub(super) span: Range<usize>,
    /// What.
    pub(super) text: String,
}

impl Fault {
    /// A fault of the octets at `span`.
    pub(super) fn new(span: Range<usize>, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { span, text }
    }

    /// The same, saying first which key it is about.
    pub(super) fn about(mut self, key: &str) -> Self {
        self.text = format!("{key}: {}", self.text);
        self
    }

    /// The sentence with file, line and column, both counted from 1, columns in characters.
    pub(super) fn at(self, file: &Path, source: &str) -> Error {
        // A position inside a character cannot come from the parser; it would count as the end.
        let before = source.get(..self.span.start).unwrap_or(source);
        let line = before.bytes().filter(|&octet| octet == b'\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before[start..].chars().count() + 1;
        Error(format!("{}:{line}:{column}: {}", file.display(), self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let source = "ab\r\nçd\n\ne";
        for (offset, place) in [
            (0, "1:1"),
            (1, "1:2"),
            (4, "2:1"),
            (6, "2:2"),
            (8, "3:1"),
            (9, "4:1"),
            (10, "4:2"),
            (99, "4:2"),
        ] {
            let said = Fault::new(offset..offset, "x").at(Path::new("f"), source);
            assert_eq!(said.to_string(), format!("f:{place}: x"), "{offset}");
        }
    }
}
