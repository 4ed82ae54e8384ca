//! Errors of actions that a program has registered for the closing of a device.

use std::time::Duration;

use crate::printable::Printable;

/// Why an action that was registered for the closing of a device did not finish.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// It panicked.
    #[error("a registered action panicked{}", Message(.0.as_deref()))]
    Panicked(Option<String>),
    /// It took longer than [`DeviceBuilder::host_action`](crate::DeviceBuilder::host_action) allows, and was aborted.
    #[error("a registered action took longer than {0:?} and was given up")]
    TooLong(Duration),
    /// The runtime was shut down before it had ended.
    #[error("the runtime was shut down before a registered action had ended")]
    RuntimeGone,
}

/// The message of a panic, if it has one.
struct Message<'a>(Option<&'a str>);

impl std::fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(message) => write!(f, ": {}", Printable(message)),
            None => Ok(()),
        }
    }
}
