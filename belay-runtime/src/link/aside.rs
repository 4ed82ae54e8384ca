//! Unasked frames that the board sends while other code than the conversation has the line: they are kept here for
//! it.

use std::collections::VecDeque;

use super::line::UNASKED;
use crate::agent::ReplyKind;
use crate::protocol::Frame;

/// How many bytes may be kept: some of the longest frames, or thousands of short ones.
const ROOM: usize = 8 * UNASKED;
/// The number of bytes that each frame counts for at least, however short it is.
const LEAST: usize = 64;

/// The frames, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Aside {
    frames: VecDeque<Frame>,
    /// How many bytes they count for.
    size: usize,
}

impl Aside {
    /// Keeps a frame that belongs to no request. Gives any other frame back, since the caller may be waiting for it.
    pub(super) fn keep(&mut self, frame: Frame) -> Option<Frame> {
        if !ReplyKind::of(frame.kind).is_some_and(ReplyKind::is_unasked) {
            return Some(frame);
        }
        let size = self.size + room_of(&frame);
        if size > ROOM {
            // The board repeats its questions, and counts the events that were lost.
            tracing::warn!("the board has sent too much while it was being connected: a frame is dropped");
            return None;
        }
        self.size = size;
        self.frames.push_back(frame);
        None
    }

    /// The frame that has been kept longest.
    pub(super) fn take(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.size -= room_of(&frame);
        Some(frame)
    }
}

fn room_of(frame: &Frame) -> usize {
    frame.payload.len().max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: ReplyKind, length: usize) -> Frame {
        Frame {
            number: b'-',
            kind: kind.byte(),
            payload: vec![b'0'; length],
        }
    }

    #[test]
    fn what_nobody_has_asked_for_waits_in_its_order_and_the_rest_is_given_back() {
        let mut aside = Aside::default();
        let kinds = [ReplyKind::Told, ReplyKind::Question, ReplyKind::Event];
        for kind in kinds {
            assert_eq!(aside.keep(frame(kind, 1)), None);
        }
        let hello = frame(ReplyKind::Hello, 1);
        assert_eq!(aside.keep(hello.clone()), Some(hello));
        for kind in kinds {
            assert_eq!(aside.take().map(|frame| frame.kind), Some(kind.byte()));
        }
        assert_eq!(aside.take(), None);
    }

    #[test]
    fn a_board_that_says_more_and_more_takes_no_more_room_than_there_is() {
        for length in [0, 1, 1_000, UNASKED] {
            let mut aside = Aside::default();
            for _ in 0..2 * ROOM / LEAST {
                assert_eq!(aside.keep(frame(ReplyKind::Told, length)), None);
            }
            let taken = std::iter::from_fn(|| aside.take()).map(|frame| room_of(&frame));
            let taken: usize = taken.sum();
            assert!(taken <= ROOM && taken > ROOM - LEAST.max(length), "{taken}");
            aside.keep(frame(ReplyKind::Told, length));
            assert!(aside.take().is_some(), "there is room again");
        }
    }
}
