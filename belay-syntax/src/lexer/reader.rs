//! The characters that the lexer reads: first a queue of made ones, then the source.

use crate::range::Range;

/// A character that was made from the inside of an f-string.
#[derive(Clone, Copy)]
pub(super) struct Made {
    pub(super) byte: u8,
    /// The place that it was copied from, or that it was invented for.
    pub(super) range: Range,
    /// Whether it is not in the source, but was invented.
    pub(super) invented: bool,
}

pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Whether the last line lacks its newline; the reader adds it.
    missing_newline: bool,
    /// The made characters in reverse order: the next one is last.
    queue: Vec<Made>,
    /// The length of the queue before each insertion.
    inserted: Vec<usize>,
    column: usize,
    previous_end: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        let bytes = source.as_bytes();
        let missing_newline = !matches!(bytes.last(), None | Some(b'\n' | b'\r'));
        Self {
            bytes,
            at: 0,
            missing_newline,
            queue: Vec::new(),
            inserted: Vec::new(),
            column: 0,
            previous_end: 0,
        }
    }

    /// The next three characters; 0 is the end.
    #[inline]
    pub(super) fn peek(&self) -> [u8; 3] {
        if let ([], Some(&[first, second, third])) =
            (self.queue.as_slice(), self.bytes.get(self.at..self.at + 3))
            && [first, second, third]
                .iter()
                .all(|byte| *byte != b'\r' && *byte != 0)
        {
            return [first, second, third];
        }
        self.peek_slowly()
    }

    /// The same if some of the characters are made, are line endings, or are missing.
    #[cold]
    fn peek_slowly(&self) -> [u8; 3] {
        let mut next = [0; 3];
        let mut at = self.at;
        for (ahead, slot) in next.iter_mut().enumerate() {
            let made = self
                .queue
                .len()
                .checked_sub(ahead + 1)
                .and_then(|index| self.queue.get(index));
            *slot = if let Some(made) = made {
                made.byte
            } else {
                let (byte, length) = self.source_byte(at);
                at += length;
                byte
            };
        }
        next
    }

    /// The character at an offset of the source, and its length in bytes.
    fn source_byte(&self, at: usize) -> (u8, usize) {
        match self.bytes.get(at) {
            Some(b'\r') if self.bytes.get(at + 1) == Some(&b'\n') => (b'\n', 2),
            Some(b'\r') => (b'\n', 1),
            // A NUL is not valid in a text, and 0 means the end here.
            Some(0) => (1, 1),
            Some(byte) => (*byte, 1),
            None if at == self.bytes.len() && self.missing_newline => (b'\n', 1),
            None => (0, 1),
        }
    }

    #[inline]
    pub(super) fn advance(&mut self) {
        let (byte, end) = if let Some(made) = self.queue.pop() {
            (made.byte, made.range.end)
        } else {
            let (byte, length) = self.source_byte(self.at);
            if self.at < self.bytes.len() {
                self.at += length;
            } else {
                self.missing_newline = false;
            }
            (byte, self.at)
        };
        self.previous_end = end;
        self.column = match byte {
            b'\n' => 0,
            b'\t' => (self.column + 8) / 8 * 8,
            // A character counts as one column, however many bytes it has.
            0x80..=0xbf => self.column,
            _ => self.column + 1,
        };
    }

    pub(super) fn at_end(&self) -> bool {
        self.peek()[0] == 0
    }

    /// The offset of the next character, or of the place from which it was made.
    pub(super) fn position(&self) -> usize {
        self.queue.last().map_or(self.at, |made| made.range.start)
    }

    pub(super) fn previous_end(&self) -> usize {
        self.previous_end
    }

    pub(super) fn is_made(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether the next character is not in the source, but was invented.
    pub(super) fn is_invented(&self) -> bool {
        self.queue.last().is_some_and(|made| made.invented)
    }

    /// The number of f-strings around the next character.
    pub(super) fn depth(&mut self) -> usize {
        while self
            .inserted
            .last()
            .is_some_and(|length| *length >= self.queue.len())
        {
            self.inserted.pop();
        }
        self.inserted.len()
    }

    /// The column of the next character; a tab advances to the next multiple of eight.
    pub(super) fn column(&self) -> usize {
        self.column
    }

    /// Puts made characters before all others.
    pub(super) fn insert(&mut self, characters: Vec<Made>) {
        self.depth();
        self.inserted.push(self.queue.len());
        self.queue.extend(characters.into_iter().rev());
    }

    /// Moves back in the source, to recover from a construct that is never closed.
    pub(super) fn go_back(&mut self, at: usize) {
        if self.queue.is_empty() {
            self.at = at;
            self.previous_end = at;
            self.missing_newline = !matches!(self.bytes.last(), None | Some(b'\n' | b'\r'));
        }
    }

    /// The end of the line that contains this offset.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        at + length.unwrap_or(rest.len())
    }
}
