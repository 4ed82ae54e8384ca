//! Collects errors, so that all mistakes in a trait are reported at once.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// Collects errors. `finish` has to be called: dropped errors would let a wrong trait compile.
#[derive(Default)]
pub(crate) struct Errors {
    found: Vec<syn::Error>,
    finished: bool,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds an error that underlines these tokens.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.found.push(syn::Error::new_spanned(tokens, message));
    }

    /// Adds an error that underlines this span.
    pub(crate) fn at_span(&mut self, span: Span, message: impl Display) {
        self.found.push(syn::Error::new(span, message));
    }

    /// Adds an error that the parser made.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.found.push(error);
    }

    /// How many errors there are so far.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// The errors as invocations of `compile_error!`, in the order in which they were found.
    pub(crate) fn finish(mut self) -> TokenStream {
        self.finished = true;
        self.found.iter().map(syn::Error::to_compile_error).collect()
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        assert!(
            self.finished || std::thread::panicking(),
            "errors were collected and not reported"
        );
    }
}

/// Formats names as a list in a sentence: `a`, `b` and `c`.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, first)) => format!("{} {last} {end}", first.join(", ")),
    }
}

/// The name that was probably meant by a misspelt `word`.
pub(crate) fn closest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close = |name: &&str| strsim::levenshtein(word, name) <= 1 + name.len().min(word.len()) / 4;
    names
        .into_iter()
        .filter(close)
        .min_by_key(|name| strsim::levenshtein(word, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_finds_its_name_and_another_word_finds_none() {
        let names = ["timeout_ms", "cache", "idempotent"];
        assert_eq!(closest("timeout", names), None);
        assert_eq!(closest("timout_ms", names), Some("timeout_ms"));
        assert_eq!(closest("cached", names), Some("cache"));
        assert_eq!(closest("xyz", names), None);
    }

    #[test]
    fn names_are_listed_as_in_a_sentence() {
        assert_eq!(list(["a"], "or"), "`a`");
        assert_eq!(list(["a", "b", "c"], "or"), "`a`, `b` or `c`");
    }

    #[test]
    #[should_panic(expected = "not reported")]
    fn errors_that_are_not_finished_are_a_defect() {
        let mut errors = Errors::new();
        errors.at_span(Span::call_site(), "lost");
    }
}
