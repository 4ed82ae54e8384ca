//! The characters that the lexer sees: a queue of made ones, then the source.

use crate::range::Range;

/// A made character.
#[derive(Clone, Copy)]
pub(super) struct Made {
    pub(super) byte: u8,
    /// Where it was copied from, or what it was invented for.
    pub(super) range: Range,
    /// Whether it does not stand in the source.
    pub(super) invented: bool,
}

pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The last line counts as ended even where the newline is missing.
    missing_newline: bool,
    /// Made characters, the next one last.
    queue: Vec<Made>,
    /// How long the queue was when something was put in front of it.
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

    /// The next three characters, where some are made, or line endings, or missing.
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

    /// The character at an offset of the source and how many bytes it takes there.
    fn source_byte(&self, at: usize) -> (u8, usize) {
        match self.bytes.get(at) {
            Some(b'\r') if self.bytes.get(at + 1) == Some(&b'\n') => (b'\n', 2),
            Some(b'\r') => (b'\n', 1),
            // No valid text has it, and 0 is the end here.
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
            // A character has one column, however many bytes it has.
            0x80..=0xbf => self.column,
            _ => self.column + 1,
        };
    }

    pub(super) fn at_end(&self) -> bool {
        self.peek()[0] == 0
    }

    /// Where the next character is, or what it was made from.
    pub(super) fn position(&self) -> usize {
        self.queue.last().map_or(self.at, |made| made.range.start)
    }

    pub(super) fn previous_end(&self) -> usize {
        self.previous_end
    }

    pub(super) fn is_made(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether the next character does not stand in the source.
    pub(super) fn is_invented(&self) -> bool {
        self.queue.last().is_some_and(|made| made.invented)
    }

    /// In how many f-strings the next character stands.
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

    /// How far the next character is from the start of its line; a tab goes to the next multiple of eight.
    pub(super) fn column(&self) -> usize {
        self.column
    }

    /// Puts made characters in front of all others.
    pub(super) fn insert(&mut self, characters: Vec<Made>) {
        self.depth();
        self.inserted.push(self.queue.len());
        self.queue.extend(characters.into_iter().rev());
    }

    /// Goes back to a place in the source, to go on after something that has no end.
    pub(super) fn go_back(&mut self, at: usize) {
        if self.queue.is_empty() {
            self.at = at;
            self.previous_end = at;
            self.missing_newline = !matches!(self.bytes.last(), None | Some(b'\n' | b'\r'));
        }
    }

    /// Where the line ends that a place in the source is on.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        at + length.unwrap_or(rest.len())
    }
}
