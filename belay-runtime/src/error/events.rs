//! Reasons for the loss of events.

use std::fmt;

/// Why a subscriber does not get some of a board's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventLoss {
    /// They were lost on the line, or the board had no room for them. How many is not known where the line was so bad that the
    /// board had to be told more than once to send them.
    Line,
    /// The subscriber did not keep up: its queue would have become longer than
    /// [`event_backlog`](crate::DeviceBuilder::event_backlog) allows.
    Backlog,
    /// They happened while the device was being reconnected.
    Reconnection,
}

impl fmt::Display for EventLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "on the line, or on the board for lack of room",
            Self::Backlog => "the subscriber did not keep up",
            Self::Reconnection => "the device was connected again meanwhile",
        })
    }
}

/// The number of lost events, in words.
pub(super) struct Events<'a>(pub(super) &'a Option<u64>);

impl fmt::Display for Events<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(1) => f.write_str("1 event is lost"),
            Some(lost) => write!(f, "{lost} events are lost"),
            None => f.write_str("events may be lost"),
        }
    }
}
