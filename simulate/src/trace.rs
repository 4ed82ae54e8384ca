//! What went over the line and when: as a hash that tells two runs apart, and as a log.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

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
    digest: DefaultHasher,
    shown: bool,
    kept: Option<Vec<Passed>>,
}

/// Bytes that went over the line at one time.
#[derive(Debug, Clone)]
pub struct Passed {
    /// How long after the beginning of the run.
    pub after: Duration,
    /// Whether the board sent them, and not the host.
    pub said_by_board: bool,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Trace {
    /// A trace that begins now. It is printed if `shown`.
    pub(crate) fn new(shown: bool) -> Self {
        Self {
            begun: Instant::now(),
            digest: DefaultHasher::new(),
            shown,
            kept: None,
        }
    }

    /// Records what goes over the line from now on.
    pub(crate) fn keep(&mut self) {
        self.kept = Some(Vec::new());
    }

    /// The recording.
    pub(crate) fn take_kept(&mut self) -> Vec<Passed> {
        self.kept.take().unwrap_or_default()
    }

    pub(crate) fn bytes(&mut self, now: Instant, way: Way, bytes: &[u8]) {
        let at = now.saturating_duration_since(self.begun);
        (at, way == Way::ToHost, bytes).hash(&mut self.digest);
        if let Some(kept) = &mut self.kept {
            let said_by_board = way == Way::ToHost;
            match kept.last_mut() {
                Some(last) if last.said_by_board == said_by_board && last.after == at => {
                    last.bytes.extend_from_slice(bytes);
                }
                _ => kept.push(Passed {
                    after: at,
                    said_by_board,
                    bytes: bytes.to_vec(),
                }),
            }
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
        self.digest.finish()
    }
}
