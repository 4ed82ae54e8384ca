//! Telling dicts from sets, which the first element's end does and no character before it.

use super::Deserializer;
use crate::python::error::ValueError;

/// What is known of braces further on, so that those inside of others are not read over once at each level.
#[derive(Default)]
pub(super) struct Ahead {
    /// What has been looked at last.
    from: usize,
    to: usize,
    /// A bit for each byte of that, which says whether a dict begins there.
    dicts: Vec<u64>,
    /// Whether it is being looked at.
    looking: bool,
    /// How many bytes have been looked at in all.
    #[cfg(test)]
    total: usize,
}

impl Ahead {
    /// Takes note of a dict that begins here, if anybody will ask.
    pub(super) fn found_dict(&mut self, at: usize) {
        if self.looking {
            let (word, bit) = ((at - self.from) / 64, (at - self.from) % 64);
            if self.dicts.len() <= word {
                self.dicts.resize(word + 1, 0);
            }
            self.dicts[word] |= 1 << bit;
        }
    }

    /// Whether a dict begins here, if that is known.
    fn is_dict(&self, at: usize) -> Option<bool> {
        (self.from..self.to).contains(&at).then(|| {
            let (word, bit) = ((at - self.from) / 64, (at - self.from) % 64);
            self.dicts.get(word).is_some_and(|word| word >> bit & 1 == 1)
        })
    }
}

impl Deserializer<'_> {
    /// Whether the brace here opens a dict: looks at what follows its first element.
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

    /// Reads over a value and keeps what it learns of the braces in it.
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

    /// Reads a value, and gives it with how many bytes were looked at before they were read.
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
