//! The arguments of a call.

use serde::Serialize;

use super::error::{Segment, ValueError};
use super::ser::Writer;

/// The arguments of one call, as Python expressions.
#[derive(Debug, Clone)]
pub struct Arguments {
    text: String,
    count: usize,
    small_ints: bool,
    error: Option<ValueError>,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            text: String::new(),
            count: 0,
            small_ints: true,
            error: None,
        }
    }
}

impl Arguments {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more. What cannot be expressed is reported when the arguments are used.
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(mut self, name: &'static str, value: &T) -> Self {
        if self.error.is_some() {
            return self;
        }
        if self.count > 0 {
            self.text.push(',');
        }
        let start = self.text.len();
        match value.serialize(&mut Writer::new(&mut self.text)) {
            Ok(()) => self.small_ints &= is_small_int(&self.text[start..]),
            Err(error) => self.error = Some(error.inside(Segment::Name(name.into()))),
        }
        self.count += 1;
        self
    }

    /// The same with all of these behind them.
    #[must_use]
    pub fn with_all(mut self, others: &Self) -> Self {
        self.error = self.error.or_else(|| others.error.clone());
        if others.count > 0 {
            self.push(&others.text);
            self.small_ints &= others.small_ints;
            self.count += others.count - 1;
        }
        self
    }

    /// The same with what an expression of the agent's language gives.
    pub(crate) fn with_expression(mut self, expression: &str) -> Self {
        self.small_ints = false;
        self.push(expression);
        self
    }

    fn push(&mut self, text: &str) {
        if self.count > 0 {
            self.text.push(',');
        }
        self.text.push_str(text);
        self.count += 1;
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The arguments, separated by commas, as they stand between the parentheses of a call: printable ASCII
    /// without a line break.
    ///
    /// # Errors
    ///
    /// When one of the arguments cannot be expressed in Python.
    pub fn literals(&self) -> Result<&str, ValueError> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(&self.text),
        }
    }

    /// Whether there are arguments and each of them is an int that every board holds without allocating
    /// (-2³⁰ to 2³⁰ - 1).
    pub fn are_small_ints(&self) -> bool {
        self.count > 0 && self.small_ints && self.error.is_none()
    }
}

fn is_small_int(text: &str) -> bool {
    const LEAST: i32 = -(1 << 30);
    text.len() <= 11
        && text
            .parse::<i32>()
            .is_ok_and(|int| (LEAST..-LEAST).contains(&int))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_can_be_put_behind_others() {
        let first = Arguments::new().with("a", &1).with_expression("f0");
        let second = Arguments::new().with("b", &true).with("c", &2);
        let all = Arguments::new().with_all(&first).with_all(&second);
        assert_eq!(all.literals().unwrap(), "1,f0,True,2");
        assert_eq!(all.count(), 4);
        assert!(!all.are_small_ints());
        let ints = Arguments::new()
            .with("a", &1)
            .with_all(&Arguments::new().with("b", &2));
        assert!(ints.are_small_ints());
        assert_eq!(
            Arguments::new().with_all(&Arguments::new()).literals().unwrap(),
            ""
        );
    }
}
