//! Extracts numbers from values and from printed lines.

use belay::python::Value;

/// The length of the longest line that is read, in bytes.
const LONGEST: usize = 4096;

/// One reading: names and numbers.
#[derive(Debug, PartialEq)]
pub(super) struct Reading(pub(super) Vec<(String, f64)>);

impl Reading {
    /// The reading in a value: a number, several in a sequence, or a dict of numbers.
    pub(super) fn of_value(value: &Value) -> Option<Self> {
        if let Some(number) = number(value) {
            return Some(Self(vec![("value".to_owned(), number)]));
        }
        if let Value::Dict(entries) = value {
            let named = entries.iter().map(|(key, value)| {
                let name = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                Some((name, number(value)?))
            });
            return named
                .collect::<Option<Vec<_>>>()
                .filter(|all| !all.is_empty())
                .map(Self);
        }
        let all = value.elements()?.iter().map(number).collect::<Option<Vec<_>>>()?;
        let named = all
            .into_iter()
            .enumerate()
            .map(|(i, number)| (i.to_string(), number));
        Some(Self(named.collect())).filter(|reading| !reading.0.is_empty())
    }

    /// The reading in a line: numbers, separated by commas or spaces, optionally named with `:` or `=`.
    /// `None` if the line contains anything else.
    pub(super) fn of_line(line: &str) -> Option<Self> {
        let line = line.trim().trim_matches(['(', ')', '[', ']']);
        let spread = line.replace([':', '='], " : ").replace([',', ';', '\t'], " ");
        let mut words = spread.split_whitespace().peekable();
        let mut found = Vec::new();
        while let Some(word) = words.next() {
            let (name, value) = if words.peek() == Some(&":") {
                words.next();
                (word.trim_matches(['"', '\'']).to_owned(), words.next()?)
            } else {
                (found.len().to_string(), word)
            };
            found.push((name, value.parse::<f64>().ok()?));
        }
        (!found.is_empty()).then_some(Self(found))
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody sees more digits of a curve")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

/// Splits printed bytes into lines.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    pub(super) fn of(&mut self, bytes: &[u8]) -> Vec<Reading> {
        let mut readings = Vec::new();
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.0);
                readings.extend(Reading::of_line(&String::from_utf8_lossy(&line)));
            } else if self.0.len() < LONGEST {
                self.0.push(*byte);
            }
        }
        readings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(pairs: &[(&str, f64)]) -> Reading {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), *value));
        Reading(pairs.collect())
    }

    #[test]
    fn lines_and_values_are_read_as_people_write_them() {
        assert_eq!(
            Reading::of_line("1.5, 2\r"),
            Some(named(&[("0", 1.5), ("1", 2.0)]))
        );
        assert_eq!(
            Reading::of_line("(1, -2e3)"),
            Some(named(&[("0", 1.0), ("1", -2e3)]))
        );
        let both = Some(named(&[("temp", 21.5), ("hum", 40.0)]));
        assert_eq!(Reading::of_line("temp: 21.5 hum=40"), both);
        assert_eq!(Reading::of_line("hello"), None);
        assert_eq!(Reading::of_line(""), None);
        assert_eq!(Reading::of_line("a:"), None);
        let value = |text: &str| Value::Str(text.to_owned());
        let dict = Value::Dict(vec![
            (value("temp"), Value::Float(21.5)),
            (value("hum"), Value::Int(40)),
        ]);
        assert_eq!(Reading::of_value(&dict), both);
        assert_eq!(
            Reading::of_value(&Value::Bool(true)),
            Some(named(&[("value", 1.0)]))
        );
        assert_eq!(Reading::of_value(&value("x")), None);
        assert_eq!(Reading::of_value(&Value::Tuple(vec![])), None);
        assert_eq!(Lines::default().of(b"1\n2\nx\n3").len(), 2);
    }
}
