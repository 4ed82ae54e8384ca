//! The agent's replies: frames in the board's output, which no printed text can forge.

use super::checksum::Checksum;

/// The first byte of a frame; the session's nonce follows.
const START: u8 = 0x02;
/// The last byte of a frame.
const END: u8 = 0x03;
/// How many hexadecimal digits the checksum at a frame's end has.
const CHECKSUM: usize = 8;
/// A nonce's length.
pub const NONCE: usize = 4;

/// One frame whose checksum is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The number of the request that it answers, or another one, whose meaning depends on the kind.
    pub number: u8,
    /// What the payload is.
    pub kind: u8,
    /// The payload.
    pub payload: Vec<u8>,
}

/// A piece of what a board sends.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes outside of any frame.
    Output(&'a [u8]),
    /// A frame.
    Frame(Frame),
    /// The beginning of a frame that the board broke off to begin another one.
    Cut,
    /// What began as a frame and ends with a wrong checksum, or at a character that no frame contains: the line
    /// damaged it, or output got in between. These are all of its bytes.
    Damaged(&'a [u8]),
    /// A frame that exceeds its [limit](Deframer::set_limit): the bytes that have come and those that still come are
    /// discarded.
    TooLong {
        /// As in [`Frame`], though no checksum was verified.
        number: u8,
        /// As in [`Frame`].
        kind: u8,
    },
}

/// Extracts the frames from what a board sends. It synchronises by itself: whatever is lost or damaged, it finds the
/// next whole frame.
#[derive(Debug)]
pub struct Deframer {
    start: [u8; 1 + NONCE],
    seed: u32,
    checksum: Checksum,
    /// The bytes that may be a frame: its start, or part of it, and what follows.
    held: Vec<u8>,
    /// How many of them are kept at most.
    limit: usize,
    /// Whether there were more.
    too_long: bool,
}

impl Deframer {
    /// A deframer for the session with this nonce; the checksums begin with `seed`.
    pub fn new(nonce: [u8; NONCE], seed: u32) -> Self {
        let [a, b, c, d] = nonce;
        Self {
            start: [START, a, b, c, d],
            seed,
            checksum: Checksum::default(),
            held: Vec::new(),
            limit: usize::MAX,
            too_long: false,
        }
    }

    /// Sets the checksum of frames from now on.
    pub fn set_checksum(&mut self, checksum: Checksum) {
        self.checksum = checksum;
    }

    /// Sets the longest frame from now on, including one that has begun.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes what the board sent and hands over its pieces, in order.
    pub fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(Piece<'_>)) {
        while !bytes.is_empty() {
            bytes = if self.held.is_empty() {
                self.outside(bytes, &mut take)
            } else if self.held.len() < self.start.len() {
                self.starting(bytes, &mut take)
            } else {
                self.inside(bytes, &mut take)
            };
        }
    }

    /// Gives up on what is held back because it could become a frame: it is output after all.
    pub fn give_up(&mut self, mut take: impl FnMut(Piece<'_>)) {
        if !self.held.is_empty() {
            take(Piece::Damaged(&self.held));
            self.held.clear();
        }
    }

    fn outside<'a>(&mut self, bytes: &'a [u8], take: &mut impl FnMut(Piece<'_>)) -> &'a [u8] {
        let at = bytes
            .iter()
            .position(|byte| *byte == START)
            .unwrap_or(bytes.len());
        let (output, rest) = bytes.split_at(at);
        if !output.is_empty() {
            take(Piece::Output(output));
        }
        match rest.split_first() {
            Some((start, rest)) => {
                self.held.push(*start);
                rest
            }
            None => rest,
        }
    }

    fn starting<'a>(&mut self, bytes: &'a [u8], take: &mut impl FnMut(Piece<'_>)) -> &'a [u8] {
        if bytes[0] == self.start[self.held.len()] {
            self.held.push(bytes[0]);
            return &bytes[1..];
        }
        // Only the first byte of a start is START, so what is held cannot hide the beginning of another.
        take(Piece::Output(&self.held));
        self.held.clear();
        bytes
    }

    fn inside<'a>(&mut self, bytes: &'a [u8], take: &mut impl FnMut(Piece<'_>)) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte < b' ');
        self.hold(&bytes[..end.unwrap_or(bytes.len())], take);
        let Some(at) = end else {
            return &[];
        };
        let rest = match bytes[at] {
            START => {
                take(Piece::Cut);
                &bytes[at..]
            }
            END if self.too_long => &bytes[at + 1..],
            _ if self.too_long => &bytes[at..],
            END => {
                if let Some(frame) = self.parse() {
                    take(Piece::Frame(frame));
                } else {
                    self.held.push(END);
                    take(Piece::Damaged(&self.held));
                }
                &bytes[at + 1..]
            }
            _ => {
                take(Piece::Damaged(&self.held));
                &bytes[at..]
            }
        };
        self.held.clear();
        self.too_long = false;
        // One large reply must not keep its memory for good.
        self.held.shrink_to(4096);
        rest
    }

    /// Keeps more of what may be a frame, unless it becomes too long.
    fn hold(&mut self, bytes: &[u8], take: &mut impl FnMut(Piece<'_>)) {
        if self.too_long {
            return;
        }
        let fits = bytes.len().min(self.limit.saturating_sub(self.held.len()));
        self.held.extend_from_slice(&bytes[..fits]);
        if fits < bytes.len() {
            self.too_long = true;
            if let [number, kind, ..] = self.held[self.start.len()..] {
                take(Piece::TooLong { number, kind });
            }
            // The start stays, so that what follows is known to be inside a frame.
            self.held.truncate(self.start.len());
            self.held.shrink_to_fit();
        }
    }

    fn parse(&self) -> Option<Frame> {
        let text = &self.held[self.start.len()..];
        let (text, checksum) = text.split_at_checked(text.len().checked_sub(CHECKSUM)?)?;
        let [number, kind, payload @ ..] = text else {
            return None;
        };
        let checksum = u32::from_str_radix(std::str::from_utf8(checksum).ok()?, 16).ok()?;
        (checksum == self.checksum.of(text, self.seed)).then(|| Frame {
            number: *number,
            kind: *kind,
            payload: payload.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::checksum::checksum;

    const SEED: u32 = 0x1234_5678;

    #[derive(Debug, Clone, PartialEq, Eq)]
    enum Seen {
        Output(Vec<u8>),
        Frame(u8, u8, Vec<u8>),
        Cut,
        TooLong(u8, u8),
    }

    fn frame(text: &str) -> Vec<u8> {
        format!("\x02abcd{text}{:08x}\x03", checksum(text.as_bytes(), SEED)).into_bytes()
    }

    /// What a deframer sees in these chunks; output that is next to output is one.
    fn seen<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
        let mut deframer = Deframer::new(*b"abcd", SEED);
        let mut all = Vec::new();
        for chunk in chunks {
            deframer.feed(chunk, |piece| match piece {
                Piece::Output(bytes) | Piece::Damaged(bytes) => match all.last_mut() {
                    Some(Seen::Output(output)) => output.extend_from_slice(bytes),
                    _ => all.push(Seen::Output(bytes.to_vec())),
                },
                Piece::Frame(frame) => all.push(Seen::Frame(frame.number, frame.kind, frame.payload)),
                Piece::Cut => all.push(Seen::Cut),
                Piece::TooLong { number, kind } => all.push(Seen::TooLong(number, kind)),
            });
        }
        all
    }

    #[test]
    fn frames_are_found_between_output_however_the_bytes_come() {
        let stream = [
            &b"hello\x02abc\x04\n"[..],
            &frame("3v503"),
            b"x\x02y",
            &frame("4vNone"),
        ]
        .concat();
        let expected = [
            Seen::Output(b"hello\x02abc\x04\n".to_vec()),
            Seen::Frame(b'3', b'v', b"503".to_vec()),
            Seen::Output(b"x\x02y".to_vec()),
            Seen::Frame(b'4', b'v', b"None".to_vec()),
        ];
        assert_eq!(seen([&stream[..]]), expected);
        assert_eq!(seen(stream.chunks(1)), expected);
        assert_eq!(seen(stream.chunks(7)), expected);
    }

    #[test]
    fn output_with_the_marker_of_the_session_is_no_frame() {
        for forged in [
            "\x02abcd3v50300000000\x03",
            "\x02abcd\x03",
            "\x02abcdx\x03",
            "\x02abcd3v+0000001\x03",
        ] {
            assert_eq!(
                seen([forged.as_bytes()]),
                [Seen::Output(forged.as_bytes().to_vec())]
            );
        }
    }

    #[test]
    fn every_single_damaged_bit_is_noticed_and_the_next_frame_is_found() {
        let whole = frame("3v503");
        for at in 0..whole.len() * 8 {
            let mut stream = whole.clone();
            stream[at / 8] ^= 1 << (at % 8);
            stream.extend(frame("4v1"));
            let mut frames = seen([&stream[..]]);
            frames.retain(|seen| matches!(seen, Seen::Frame(..)));
            // A hexadecimal digit in upper case is still the same digit.
            let harmless = Seen::Frame(b'3', b'v', b"503".to_vec());
            let last = Seen::Frame(b'4', b'v', b"1".to_vec());
            assert!(
                frames == [last.clone()] || frames == [harmless, last],
                "bit {at}: {frames:?}"
            );
        }
    }

    #[test]
    fn a_frame_that_is_too_long_is_told_once_and_kept_nowhere() {
        let mut deframer = Deframer::new(*b"abcd", SEED);
        deframer.set_limit(64);
        let mut seen = Vec::new();
        let stream = [frame(&format!("3v{}", "x".repeat(100_000))), frame("4v1")].concat();
        for chunk in stream.chunks(7) {
            deframer.feed(chunk, |piece| {
                seen.push(match piece {
                    Piece::TooLong { number, kind } => Seen::TooLong(number, kind),
                    Piece::Frame(frame) => Seen::Frame(frame.number, frame.kind, frame.payload),
                    piece => panic!("{piece:?}"),
                });
            });
            assert!(deframer.held.capacity() <= 4096, "{}", deframer.held.capacity());
        }
        let next = Seen::Frame(b'4', b'v', b"1".to_vec());
        assert_eq!(seen, [Seen::TooLong(b'3', b'v'), next]);
    }

    #[test]
    fn a_frame_that_is_begun_anew_is_one_frame() {
        let stream = [&frame("3v503")[..9], &frame("3v503")].concat();
        let expected = [Seen::Cut, Seen::Frame(b'3', b'v', b"503".to_vec())];
        assert_eq!(seen([&stream[..]]), expected);
        assert_eq!(seen(stream.chunks(1)), expected);
    }
}
