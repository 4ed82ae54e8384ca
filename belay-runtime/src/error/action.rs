//! What goes wrong with what a program has registered to be done.

use std::time::Duration;

use crate::printable::Printable;

/// Why an action that was registered for the closing of a device did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// It panicked.
    #[error("a registered action panicked{}", Message(.0.as_deref()))]
    Panicked(Option<String>),
    /// It took longer than [`DeviceBuilder::host_action`](crate::DeviceBuilder::host_action) allows, and was given up.
    #[error("a registered action took longer than {0:?} and was given up")]
    TooLong(Duration),
    /// The runtime was shut down before it had ended.
    #[error("the runtime was shut down before a registered action had ended")]
    RuntimeGone,
}

/// What a panic said, if it said something.
struct Message<'a>(Option<&'a str>);

impl std::fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(message) => write!(f, ": {}", Printable(message)),
            None => Ok(()),
        }
    }
}
