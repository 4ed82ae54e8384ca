//! The frames of a WebSocket (RFC 6455), as a client has them.
//!
//! WebREPL sends what a board prints as text frames, one for each write, with no regard to where a character ends,
//! and takes what is typed in text frames as well: a binary one is a file operation. The RFC wants text frames to be
//! UTF-8, and general implementations insist on that, so they would lose such output. No frame that is sent is longer
//! than a board with little memory reads, and none is in fragments, which MicroPython does not put together.

use std::borrow::Cow;

use super::codec::Codec;

/// The last frame of a message, which is text.
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PONG: u8 = 0x8a;

/// The kinds of frames.
const CONTINUED: u8 = 0;
const IS_TEXT: u8 = 1;
const IS_BINARY: u8 = 2;
const IS_CLOSE: u8 = 8;
const IS_PING: u8 = 9;
const IS_PONG: u8 = 10;

const MASKED: u8 = 0x80;
/// The longest payload of a control frame.
const MOST_CONTROL: u64 = 125;
/// The longest payload that is sent in one frame. A longer one would need a longer header.
const MOST_SENT: usize = 125;

/// The frames of a connection, after its handshake.
#[derive(Debug)]
pub struct WebSocket {
    state: State,
    /// The bytes of a header that have come.
    header: Vec<u8>,
    /// The bytes of a control frame's payload that have come.
    control: Vec<u8>,
    mask: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    /// So many bytes of a payload are still to come.
    Data(u64),
    Control {
        kind: u8,
        left: u64,
    },
}

impl WebSocket {
    /// A connection whose masks are derived from this seed.
    pub fn new(seed: u64) -> Self {
        Self {
            state: State::Header,
            header: Vec::new(),
            control: Vec::new(),
            mask: seed,
        }
    }

    /// A mask for the next frame. It hides nothing: its purpose is that no proxy takes the payload for a request.
    fn next_mask(&mut self) -> [u8; 4] {
        // SplitMix64, whose seed nobody knows.
        self.mask = self.mask.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.mask ^ (self.mask >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [a, b, c, d, ..] = (mixed ^ (mixed >> 31)).to_le_bytes();
        [a, b, c, d]
    }

    /// Appends one frame, whose payload is short.
    fn frame(&mut self, kind: u8, payload: &[u8], out: &mut Vec<u8>) {
        let mask = self.next_mask();
        let length = u8::try_from(payload.len()).unwrap_or(0);
        out.extend([kind, MASKED | length]);
        out.extend(mask);
        out.extend(
            payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
    }

    /// Reads the header, once it is whole.
    fn begun(&mut self) -> Result<(), Cow<'static, str>> {
        let [first, second, rest @ ..] = &self.header[..] else {
            return Ok(());
        };
        let length = match (second & 0x7f, rest) {
            (126, [a, b]) => u64::from(u16::from_be_bytes([*a, *b])),
            (127, rest) => match <[u8; 8]>::try_from(rest) {
                Ok(length) => u64::from_be_bytes(length),
                Err(_) => return Ok(()),
            },
            (126, _) => return Ok(()),
            (length, _) => u64::from(length),
        };
        if first & 0x70 != 0 || second & MASKED != 0 {
            return Err(no_frames());
        }
        self.state = match first & 0x0f {
            CONTINUED | IS_TEXT | IS_BINARY if length <= u64::MAX >> 1 => State::Data(length),
            kind @ (IS_CLOSE | IS_PING | IS_PONG) if length <= MOST_CONTROL => {
                State::Control { kind, left: length }
            }
            _ => return Err(no_frames()),
        };
        self.header.clear();
        Ok(())
    }

    /// Handles a control frame that is complete.
    fn controlled(&mut self, kind: u8, replies: &mut Vec<u8>) -> Result<(), Cow<'static, str>> {
        let control = std::mem::take(&mut self.control);
        match kind {
            IS_PING => self.frame(PONG, &control, replies),
            IS_CLOSE => {
                self.frame(CLOSE, &control, replies);
                return Err("the other side closed it".into());
            }
            _ => {}
        }
        Ok(())
    }
}

fn no_frames() -> Cow<'static, str> {
    "what was received are not frames of a WebSocket".into()
}

impl Codec for WebSocket {
    fn decode(
        &mut self,
        mut came: &[u8],
        data: &mut Vec<u8>,
        replies: &mut Vec<u8>,
    ) -> Result<(), Cow<'static, str>> {
        while let Some((&first, rest)) = came.split_first() {
            // No more is taken than has come, whatever the length says.
            let available = |left: u64| usize::try_from(left).map_or(came.len(), |left| left.min(came.len()));
            match self.state {
                State::Header => {
                    self.header.push(first);
                    came = rest;
                    self.begun()?;
                }
                State::Data(left) => {
                    let (taken, rest) = came.split_at(available(left));
                    data.extend(taken);
                    self.state = State::Data(left - taken.len() as u64);
                    came = rest;
                }
                State::Control { kind, left } => {
                    let (taken, rest) = came.split_at(available(left));
                    self.control.extend(taken);
                    let left = left - taken.len() as u64;
                    self.state = State::Control { kind, left };
                    came = rest;
                }
            }
            match self.state {
                State::Data(0) => self.state = State::Header,
                State::Control { kind, left: 0 } => {
                    self.state = State::Header;
                    self.controlled(kind, replies)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn encode(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for piece in bytes.chunks(MOST_SENT) {
            self.frame(TEXT, piece, out);
        }
    }

    fn farewell(&mut self, out: &mut Vec<u8>) {
        self.frame(CLOSE, &[], out);
    }
}

#[cfg(test)]
mod tests;
