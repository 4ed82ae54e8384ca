//! The modem lines DTR and RTS, and the order in which they change.

use super::options::{Flow, Line, PortOptions};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ModemLine {
    Dtr,
    Rts,
}

/// How to bring the lines to new levels, from whatever levels they have, when only one can be set at a time.
///
/// No step asserts RTS alone, unless it was so before or is to be so: that is what resets an ESP board.
pub(super) fn steps(dtr: Option<bool>, rts: Option<bool>) -> impl Iterator<Item = (ModemLine, bool)> {
    let release_rts = rts.filter(|level| !level).map(|level| (ModemLine::Rts, level));
    let change_dtr = dtr.map(|level| (ModemLine::Dtr, level));
    let assert_rts = rts.filter(|level| *level).map(|level| (ModemLine::Rts, level));
    [release_rts, change_dtr, assert_rts].into_iter().flatten()
}

impl PortOptions {
    /// How the lines of a port, DTR and RTS, are used.
    pub(super) fn lines(&self) -> (Line, Line) {
        let dtr = self.dtr.unwrap_or_default();
        let rts = if self.flow == Some(Flow::RtsCts) {
            Line::Keep
        } else {
            // Unequal levels would hold an ESP board in reset or in its boot loader.
            self.rts.unwrap_or(dtr)
        };
        (dtr, rts)
    }
}

impl Line {
    /// The level while the port is open, unless the line is left alone.
    pub(super) fn level(self) -> Option<bool> {
        match self {
            Self::On => Some(true),
            Self::Off => Some(false),
            Self::Keep => None,
        }
    }
}
