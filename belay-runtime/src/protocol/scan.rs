//! Finds a pattern in a stream, one byte at a time, and keeps everything else apart as output.

/// One pattern and how much of it the stream ends with (Knuth, Morris and Pratt's automaton).
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    pattern: Vec<u8>,
    /// For each matched length: the longest shorter one that is matched as well.
    borders: Vec<usize>,
    matched: usize,
}

impl Matcher {
    pub(super) fn new(pattern: &[u8]) -> Self {
        assert!(!pattern.is_empty(), "an empty pattern is found everywhere");
        let mut borders = vec![0; pattern.len() + 1];
        let mut border = 0;
        for end in 1..pattern.len() {
            while border > 0 && pattern[border] != pattern[end] {
                border = borders[border];
            }
            border += usize::from(pattern[border] == pattern[end]);
            borders[end + 1] = border;
        }
        Self {
            pattern: pattern.to_vec(),
            borders,
            matched: 0,
        }
    }

    /// Takes the next byte of the stream; true if the stream now ends with the pattern.
    pub(super) fn feed(&mut self, byte: u8) -> bool {
        if self.matched == self.pattern.len() {
            self.matched = self.borders[self.matched];
        }
        while self.matched > 0 && self.pattern[self.matched] != byte {
            self.matched = self.borders[self.matched];
        }
        self.matched += usize::from(self.pattern[self.matched] == byte);
        self.matched == self.pattern.len()
    }
}

/// Looks for the first of several patterns. Bytes that turn out to be part of none are output.
#[derive(Debug, Clone)]
pub(super) struct Scanner {
    matchers: Vec<Matcher>,
    /// The end of the stream that may still become a pattern.
    held: Vec<u8>,
}

impl Scanner {
    pub(super) fn new(patterns: &[&[u8]]) -> Self {
        Self {
            matchers: patterns.iter().map(|pattern| Matcher::new(pattern)).collect(),
            held: Vec::new(),
        }
    }

    /// Takes the next byte; what is output goes to `output`. Returns the index of the pattern that ended
    /// with this byte. A scanner is finished once it has found one.
    pub(super) fn feed(&mut self, byte: u8, output: &mut Vec<u8>) -> Option<usize> {
        self.held.push(byte);
        let mut found = None;
        for (index, matcher) in self.matchers.iter_mut().enumerate() {
            if matcher.feed(byte) {
                found = found.or(Some(index));
            }
        }
        let kept = match found {
            Some(index) => self.matchers[index].pattern.len(),
            None => self
                .matchers
                .iter()
                .map(|matcher| matcher.matched)
                .max()
                .unwrap_or(0),
        };
        let settled = self.held.len().saturating_sub(kept);
        output.extend(self.held.drain(..settled));
        if found.is_some() {
            self.held.clear();
        }
        found
    }

    /// Bytes that were held back because they could have become a pattern are output after all.
    pub(super) fn give_up(&mut self, output: &mut Vec<u8>) {
        output.append(&mut self.held);
    }
}

#[cfg(test)]
impl Scanner {
    /// How many received bytes it keeps.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(patterns: &[&[u8]], stream: &[u8]) -> (Vec<u8>, Option<usize>, usize) {
        let mut scanner = Scanner::new(patterns);
        let mut output = Vec::new();
        for (at, byte) in stream.iter().enumerate() {
            if let Some(found) = scanner.feed(*byte, &mut output) {
                return (output, Some(found), at + 1);
            }
        }
        scanner.give_up(&mut output);
        (output, None, stream.len())
    }

    #[test]
    fn a_pattern_that_begins_inside_a_false_start_is_found() {
        assert_eq!(scan(&[b"R\x01"], b"RR\x01x"), (b"R".to_vec(), Some(0), 3));
        assert_eq!(scan(&[b"aabaac"], b"aabaabaac"), (b"aab".to_vec(), Some(0), 9));
    }

    #[test]
    fn the_first_pattern_to_end_wins_and_a_longer_false_start_is_output() {
        assert_eq!(
            scan(&[b"raw REPL>", b">>> "], b"raw RE>>> x"),
            (b"raw RE".to_vec(), Some(1), 10)
        );
    }

    #[test]
    fn a_stream_without_a_pattern_is_output_to_the_last_byte() {
        assert_eq!(
            scan(&[b"abc", b"bcd"], b"abxbcab"),
            (b"abxbcab".to_vec(), None, 7)
        );
    }
}
