//! The faults of a bad cable.

use std::time::Duration;

/// The bytes that [`Fault::Noise`] inserts.
pub const NOISE: &[u8] = b"beside\r\n";

/// Which way bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the host to the board.
    ToBoard,
    /// From the board to the host.
    ToHost,
}

impl Direction {
    /// Both directions.
    pub const BOTH: [Self; 2] = [Self::ToBoard, Self::ToHost];
}

/// What happens to one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The byte is lost.
    Drop,
    /// The byte arrives twice.
    Repeat,
    /// The bits that are set in the mask are inverted; a mask of 0 inverts a random one.
    Flip(u8),
    /// The byte, and all that follow it, arrive this much later.
    Delay(Duration),
    /// A line of other output gets in before the byte, as when a thread prints and nothing locks the output.
    Noise,
    /// The byte, and all that follow it both ways, are lost, until the cable is
    /// [healed](crate::Cable::heal).
    Cut,
    /// The port disappears, as by [`vanish`](crate::Board::vanish), and the byte is lost.
    Vanish,
}

/// The probability of each fault per byte, from 0.0 (never) to 1.0 (always).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// Probability that a byte is lost.
    pub drop: f64,
    /// Probability that a byte arrives twice.
    pub repeat: f64,
    /// Probability that one bit of a byte is inverted.
    pub flip: f64,
    /// Probability that [`NOISE`] gets in before a byte.
    pub noise: f64,
    /// Probability that a byte, and all that follow it, are late by [`Rates::delay_by`].
    pub delay: f64,
    /// How late a delayed byte is.
    pub delay_by: Duration,
}

impl Rates {
    /// Whether all probabilities are zero.
    pub fn is_zero(&self) -> bool {
        self.drop <= 0.0 && self.repeat <= 0.0 && self.flip <= 0.0 && self.noise <= 0.0 && self.delay <= 0.0
    }

    /// Draws the fault of the next byte.
    pub(crate) fn draw(&self, random: &mut fastrand::Rng) -> Option<Fault> {
        let mut left = random.f64();
        for (rate, fault) in [
            (self.drop, Fault::Drop),
            (self.repeat, Fault::Repeat),
            (self.flip, Fault::Flip(0)),
            (self.delay, Fault::Delay(self.delay_by)),
            (self.noise, Fault::Noise),
        ] {
            if left < rate {
                return Some(fault);
            }
            left -= rate.max(0.0);
        }
        None
    }
}
