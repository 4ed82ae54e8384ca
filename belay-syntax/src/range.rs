//! Byte ranges, and their lines and columns.

/// A half-open range of bytes in the text that was parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Range {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Range {
    /// The range from `start` up to and excluding `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// The text under this range; empty where the range does not lie in `source`.
    pub fn text(self, source: &str) -> &str {
        source.get(self.start..self.end).unwrap_or("")
    }
}

/// Finds the line and column of a byte offset.
///
/// A line ends at `\n`, `\r\n` or a lone `\r`, which is how MicroPython counts lines.
#[derive(Clone, Debug)]
pub struct LineIndex<'a> {
    source: &'a str,
    starts: Vec<usize>,
}

/// A line and a column, both counted from one; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineColumn {
    /// Line, from one.
    pub line: usize,
    /// Column in characters, from one.
    pub column: usize,
}

impl<'a> LineIndex<'a> {
    /// Indexes the lines of `source`.
    pub fn new(source: &'a str) -> Self {
        let bytes = source.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            let ends = *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
            if ends {
                starts.push(at + 1);
            }
        }
        Self { source, starts }
    }

    /// The number of lines; a text that ends in a newline has an empty last line.
    pub fn lines(&self) -> usize {
        self.starts.len()
    }

    /// The line of a byte offset, from one.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// The line and column of a byte offset; an offset after the end counts as the end.
    pub fn line_column(&self, offset: usize) -> LineColumn {
        let offset = offset.min(self.source.len());
        let line = self.line(offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.source.as_bytes().get(start..offset).unwrap_or_default();
        // Each character has one byte that is not a continuation.
        let characters = before.iter().filter(|byte| **byte & 0xc0 != 0x80);
        LineColumn {
            line,
            column: characters.count() + 1,
        }
    }

    /// The byte range of a line (from one), without its line ending.
    pub fn line_range(&self, line: usize) -> Range {
        let Some(&start) = line.checked_sub(1).and_then(|index| self.starts.get(index)) else {
            return Range::default();
        };
        let end = self.starts.get(line).copied().unwrap_or(self.source.len());
        let text = self.source.get(start..end).unwrap_or("");
        Range::new(start, start + text.trim_end_matches(['\n', '\r']).len())
    }

    /// The text of a line (from one), without its line ending.
    pub fn line_text(&self, line: usize) -> &'a str {
        self.line_range(line).text(self.source)
    }
}
