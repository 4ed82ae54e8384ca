//! What can be wrong with an address.

/// What is wrong with a part of an address, and what may have been meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) what: String,
    pub(super) meant: Option<String>,
}

impl Problem {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            what: printable(&what.into()),
            meant: None,
        }
    }

    pub(super) fn meant(mut self, meant: impl Into<String>) -> Self {
        self.meant = Some(printable(&meant.into()));
        self
    }

    /// Suggests the one of `known` that is most like what was written, if any is.
    pub(super) fn closest(self, written: &str, known: &[&str]) -> Self {
        let written = written.to_ascii_lowercase();
        // The punctuation after a scheme was not written and does not count.
        let distance =
            |known: &&str| strsim::damerau_levenshtein(&written, known.trim_end_matches([':', '/']));
        match known.iter().min_by_key(|known| distance(known)) {
            Some(best) if distance(best) <= 2 && distance(best) < written.len() => self.meant(*best),
            _ => self,
        }
    }
}

/// Escapes what would upset the terminal that a message is shown on.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}
