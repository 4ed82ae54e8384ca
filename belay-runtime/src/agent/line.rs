//! The lines to the agent: printable ASCII, numbered, with a checksum that costs the board one call.

use std::sync::LazyLock;

use super::{Flavour, Request, RequestKind, asking};
use crate::protocol::{Checksum, checksum};

/// How many request numbers there are: 64, encoded as one character each.
pub const NUMBERS: u8 = 64;
/// How many characters a line's checksum takes.
const SUFFIX: usize = 7;
/// The length of the head before a request's body: `#`, its number, its kind, and how many answers must be kept.
const HEAD: usize = 4;
/// Stands for "no number": its character is `-`.
const UNNUMBERED: u8 = b'-'.wrapping_sub(b'0');
/// The last character of a block. It is no line end, since a line end after a Ctrl-C is how the agent recognises
/// another tool.
const BLOCK_END: u8 = b'~';
/// The length from which on a body is sent separately, after its line, where lines may have any length.
const LONG: usize = 128;

/// The number of a request, which is encoded as one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Number(u8);

impl Number {
    /// The number that this character encodes.
    pub fn from_char(char: u8) -> Option<Self> {
        char.checked_sub(b'0')
            .filter(|number| *number < NUMBERS)
            .map(Self)
    }

    /// The character that encodes the number.
    pub fn char(self) -> u8 {
        b'0'.wrapping_add(self.0)
    }

    /// The number after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self((self.0 + 1) % NUMBERS)
    }

    /// How many steps lead from an earlier number to this one.
    pub fn since(self, earlier: Self) -> u8 {
        (self.0 + NUMBERS - earlier.0) % NUMBERS
    }
}

/// How the lines of a session are encoded.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    flavour: Flavour,
    /// The initial value of the checksums.
    seed: u32,
    /// The length of every line, where the board reads blocks of a fixed length. That is the cheapest way where reading
    /// a line of any length would cost a system call for each character.
    block: Option<usize>,
}

impl Lines {
    /// The lines to an agent of this flavour, in a session whose checksums start with `seed`.
    pub fn new(flavour: Flavour, seed: u32, flow_control: bool) -> Self {
        Self {
            flavour,
            seed,
            block: flavour.block(flow_control),
        }
    }

    /// A request: `kept` is how many of the preceding answers the board must be able to repeat.
    pub fn request(&self, number: Number, kept: u8, request: &Request) -> Vec<u8> {
        let (kind, body) = request.encode(self.flavour);
        let head = |kind: RequestKind| [b'#', number.char(), kind.byte(), Number(kept).char()];
        let room = self.block.map_or(LONG, |block| block - HEAD - SUFFIX - 1);
        if body.len() <= room || !self.flavour.announces_long_bodies() {
            return self.line(head(kind), body.as_bytes());
        }
        let mut text = Vec::with_capacity(body.len() + 64);
        let length = 1 + body.len() + SUFFIX + 1;
        let announced = format!("{}{length}", char::from(kind.byte()));
        text.extend(self.line(head(RequestKind::Long), announced.as_bytes()));
        let at = text.len();
        text.push(b'#');
        text.extend_from_slice(body.as_bytes());
        // Another seed, so that a body is not mistaken for a line when the line before it was lost.
        self.seal(&mut text, at, self.seed.wrapping_add(1));
        text
    }

    /// A ping that the agent answers `times` times, at most ten.
    pub fn ping(&self, number: Number, token: u32, times: u8) -> Vec<u8> {
        self.request(number, times.saturating_sub(1).min(9), &Request::Ping { token })
    }

    /// The answer to a question, by the slot that asked it and its number. It has no request number, so that an agent
    /// that waits for a request does not take it for one. A body recognises its answer by the fourth character, where
    /// requests say how many answers must be kept.
    pub fn answer(&self, place: u32, number: u64, said: &str) -> Vec<u8> {
        let (which, answer) = match place {
            0 => (number.to_le_bytes()[0] % NUMBERS, said.to_owned()),
            _ => (UNNUMBERED, asking::answer(place, number, said)),
        };
        self.request(Number(UNNUMBERED), which, &Request::Answer(answer))
    }

    /// A line that is no numbered request of its own: asking for a retransmission, or ending the agent.
    pub fn control(&self, number: Number, request: &Request) -> Vec<u8> {
        self.request(number, 0, request)
    }

    fn line(&self, head: [u8; HEAD], body: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(HEAD + body.len() + SUFFIX + 24);
        text.extend_from_slice(&head);
        text.extend_from_slice(body);
        if let Some(block) = self.block {
            text.resize(text.len().max(block - SUFFIX - 1), b' ');
        }
        self.seal(&mut text, 0, self.seed);
        text
    }

    /// Appends the checksum of everything from `at` on, and a line end. A CRC-32 is sealed by seven characters that
    /// make it zero; a small checksum is appended as it is.
    fn seal(&self, text: &mut Vec<u8>, at: usize, seed: u32) {
        let check = self.flavour.checksum();
        if check == Checksum::Small {
            let sum = check.of(&text[at..], seed);
            text.extend_from_slice(format!("{sum:0SUFFIX$x}\n").as_bytes());
            return;
        }
        let state = checksum(&text[at..], seed);
        let end = if self.block.is_some() { BLOCK_END } else { b'\n' };
        let mut wanted = checksum(&[b'@', b'@', b'@', b'@', b'@', b'@', b'@', end], state);
        let mut bits = 0;
        while wanted != 0 {
            bits ^= SOLUTION[wanted.trailing_zeros() as usize];
            wanted &= wanted - 1;
        }
        for i in 0..SUFFIX {
            text.push(b'@' | (bits >> (5 * i)).to_le_bytes()[0] & 31);
        }
        text.push(end);
    }
}

/// For each bit of a checksum, the bits of the suffix that flip this bit and no other. The suffix's characters are `@`
/// to `_`, five bits each: no control characters and no lower-case letters.
static SOLUTION: LazyLock<[u64; 32]> = LazyLock::new(|| {
    let plain = checksum(b"@@@@@@@\n", 0);
    // Gaussian elimination over the columns (which bits of the checksum each bit of the suffix flips).
    let mut rows: Vec<(u32, u64)> = (0..5 * SUFFIX)
        .map(|bit| {
            let mut suffix = *b"@@@@@@@\n";
            suffix[bit / 5] |= 1 << (bit % 5);
            (checksum(&suffix, 0) ^ plain, 1 << bit)
        })
        .collect();
    for bit in 0..32 {
        let Some(at) = (bit..rows.len()).find(|row| rows[*row].0 >> bit & 1 == 1) else {
            unreachable!("seven characters of five bits reach every checksum");
        };
        rows.swap(bit, at);
        let pivot = rows[bit];
        for (other, row) in rows.iter_mut().enumerate() {
            if other != bit && row.0 >> bit & 1 == 1 {
                *row = (row.0 ^ pivot.0, row.1 ^ pivot.1);
            }
        }
    }
    std::array::from_fn(|bit| rows[bit].1)
});

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Lines {
        Lines::new(Flavour::Resident, 0xdead_beef, true)
    }

    fn evaluate(expression: impl Into<String>) -> Request {
        Request::Evaluate(expression.into())
    }

    #[test]
    fn every_line_has_the_checksum_zero_and_is_printable() {
        for i in 0..200_u32 {
            let number = Number((i % 64) as u8);
            for line in [
                lines().request(number, 0, &evaluate(format!("f{i} 501 {i}"))),
                lines().ping(number, i, 4),
            ] {
                assert_eq!(checksum(&line, lines().seed), 0);
                assert_eq!((line.len(), line[31]), (32, b'~'));
                assert!(line[..31].iter().all(|byte| (b' '..0x7f).contains(byte)));
            }
        }
    }

    #[test]
    fn a_long_body_follows_a_line_that_announces_it() {
        let body = "x".repeat(1000);
        let text = lines().request(Number::default(), 3, &evaluate(body));
        let (line, follows) = text.split_at(32);
        assert!(line.starts_with(b"#0l3e1009 "));
        assert_eq!(follows.len(), 1009);
        assert_eq!(checksum(line, lines().seed), 0);
        assert_eq!(checksum(follows, lines().seed + 1), 0);
    }

    #[test]
    fn a_small_checksum_is_written_behind_the_line() {
        let lines = Lines::new(Flavour::Small, 1234, false);
        // The value that the agent for small boards computes.
        assert_eq!(lines.ping(Number::default(), 7, 1), b"#0p070206ec0\n");
        assert_eq!(
            Checksum::Small.of(b"-h77 micropython microbit 9000 4320", 1234),
            0x6_93f6
        );
    }

    #[test]
    fn numbers_come_around() {
        let mut number = Number::default();
        for i in 0..u32::from(NUMBERS) {
            assert_eq!(number, Number::from_char(number.char()).unwrap());
            assert_eq!(u32::from(number.since(Number::default())), i);
            number = number.next();
        }
        assert_eq!(number, Number::default());
        assert_eq!(Number::from_char(b'-'), None);
    }
}
