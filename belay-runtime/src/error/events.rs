//! What becomes of events that are not heard.

use std::fmt;

/// Why events of a board are not told to a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventLoss {
    /// They were lost on the line, or the board had no room for them; or the line was so bad that the board was told late
    /// to send them.
    Line,
    /// The subscriber did not keep up, and more than [`event_backlog`](crate::DeviceBuilder::event_backlog) may would
    /// have had to wait.
    Backlog,
    /// The device was being connected again meanwhile.
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

/// How many events are lost, in words.
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
