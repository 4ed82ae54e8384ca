//! What went over the line and when: as a number that tells two runs apart, and as a log.

use std::fmt;

use tokio::time::Instant;

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the host to the board.
    ToBoard,
    /// From the board to the host.
    ToHost,
}

/// A record of one run.
#[derive(Debug)]
pub(crate) struct Trace {
    begun: Instant,
    digest: u64,
    shown: bool,
}

impl Trace {
    /// One that begins now, and is shown if anybody wants to see it.
    pub(crate) fn new(shown: bool) -> Self {
        Self {
            begun: Instant::now(),
            digest: 0xcbf2_9ce4_8422_2325,
            shown,
        }
    }

    fn mix(&mut self, byte: u8) {
        self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    pub(crate) fn bytes(&mut self, now: Instant, way: Way, bytes: &[u8]) {
        let at = now.saturating_duration_since(self.begun);
        for byte in at.as_micros().to_le_bytes() {
            self.mix(byte);
        }
        self.mix(u8::from(way == Way::ToHost));
        for byte in bytes {
            self.mix(*byte);
        }
        if self.shown {
            let arrow = if way == Way::ToBoard { "->" } else { "<-" };
            eprintln!("{:9.3} {arrow} {}", at.as_secs_f64(), bytes.escape_ascii());
        }
    }

    pub(crate) fn note(&mut self, now: Instant, what: &dyn fmt::Display) {
        if self.shown {
            let at = now.saturating_duration_since(self.begun);
            eprintln!("{:9.3}    {what}", at.as_secs_f64());
        }
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }
}
