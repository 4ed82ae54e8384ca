//! Tells dicts from sets: only what follows the first element shows which of them a brace opens.

use super::Deserializer;
use crate::python::error::ValueError;

/// Whether the braces further on open dicts, remembered so that nested braces are not scanned again at each
/// level.
#[derive(Default)]
pub(super) struct Ahead {
    /// The part of the text that was scanned last, as offsets.
    from: usize,
    to: usize,
    /// One bit for each byte of that part: set where a dict begins.
    dicts: Vec<u64>,
    /// Whether the scan is running now.
    looking: bool,
    /// How many bytes have been scanned in all.
    #[cfg(test)]
    total: usize,
}

impl Ahead {
    /// Notes that a dict begins here, if a scan is running.
    pub(super) fn found_dict(&mut self, at: usize) {
        if self.looking {
            let (word, bit) = ((at - self.from) / 64, (at - self.from) % 64);
            if self.dicts.len() <= word {
                self.dicts.resize(word + 1, 0);
            }
            self.dicts[word] |= 1 << bit;
        }
    }

    /// Whether a dict begins here; `None` if this place has not been scanned.
    fn is_dict(&self, at: usize) -> Option<bool> {
        (self.from..self.to).contains(&at).then(|| {
            let (word, bit) = ((at - self.from) / 64, (at - self.from) % 64);
            self.dicts.get(word).is_some_and(|word| word >> bit & 1 == 1)
        })
    }
}

impl Deserializer<'_> {
    /// Whether the brace here opens a dict; looks at what follows its first element.
    pub(super) fn brace_is_dict(&mut self) -> Result<bool, ValueError> {
        if let Some(known) = self.ahead.is_dict(self.at) {
            return Ok(known);
        }
        let start = self.at;
        self.at += 1;
        self.skip_space();
        let dict = self.peek() == Some(b'}') || {
            self.look_ahead()?;
            self.skip_space();
            self.peek() == Some(b':')
        };
        self.at = start;
        Ok(dict)
    }

    /// Scans over a value and remembers which of its braces open dicts.
    fn look_ahead(&mut self) -> Result<(), ValueError> {
        let mut dicts = std::mem::take(&mut self.ahead.dicts);
        dicts.clear();
        self.ahead = Ahead {
            from: self.at,
            to: self.at,
            dicts,
            looking: true,
            #[cfg(test)]
            total: self.ahead.total,
        };
        let skipped = self.skip();
        self.ahead.looking = false;
        if skipped.is_ok() {
            self.ahead.to = self.at;
        }
        #[cfg(test)]
        {
            self.ahead.total += self.at - self.ahead.from;
        }
        skipped
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::IgnoredAny;

    use super::*;
    use crate::python::Value;

    /// Reads a value, and returns it with the number of bytes that were scanned ahead.
    fn read<'de, T: Deserialize<'de>>(text: &'de str) -> (T, usize) {
        let mut deserializer = Deserializer::new(text.as_bytes()).unwrap();
        let value = T::deserialize(&mut deserializer).unwrap();
        deserializer.end().unwrap();
        (value, deserializer.ahead.total)
    }

    #[test]
    fn nothing_is_looked_at_twice_however_deep_it_is_nested() {
        let nested = |open: &str, inner: &str, close: &str, depth: usize| {
            format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
        };
        let wide = vec!["{1}"; 1000].join(", ");
        let sets = vec![nested("{", "1", "}", 90); 20].join(", ");
        for text in [
            nested("{", "1", "}", 90),
            nested("{(", "1", ",)}", 45),
            nested("{", "1", ": 2}", 90),
            nested("{(", &format!("({wide})"), ",)}", 40),
            nested("{1: {", "2", "}}", 45),
            format!("[{sets}]"),
            format!("{{({sets}, {{1: {{({wide})}}}})}}"),
        ] {
            let (value, looked_at) = read::<Value>(&text);
            assert!(looked_at <= text.len(), "{looked_at} of {}: {text}", text.len());
            assert_eq!(value.to_string(), text);
            read::<IgnoredAny>(&text);
        }
    }

    #[test]
    fn what_was_learnt_of_braces_inside_of_another_is_right() {
        for text in [
            "{{1}: {2: 3}, {4: {5}}: {6}}",
            "{({}, {1: {}}, {2}), {3: {{4}: 5}}}",
            "[{{{1: 2}: 3}}, {{{1, 2}, 3}}, {}]",
            "{'{': {'}': {':'}}}",
        ] {
            assert_eq!(read::<Value>(text).0.to_string(), text);
        }
    }
}
