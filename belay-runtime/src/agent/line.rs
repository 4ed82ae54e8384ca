//! The lines to the agent: printable ASCII, numbered, with a checksum that costs the board one call.

use std::sync::LazyLock;

use super::{Flavour, Request, RequestKind, asking};
use crate::protocol::{Checksum, checksum};

/// How many numbers there are: 64, one character each.
pub const NUMBERS: u8 = 64;
/// How many characters a line's checksum takes.
const SUFFIX: usize = 7;
/// What stands before a request's body: `#`, its number, its kind, how many answers must be kept.
const HEAD: usize = 4;
/// What stands for no number: its character is `-`.
const UNNUMBERED: u8 = b'-'.wrapping_sub(b'0');
/// What a block ends in. A line end behind a Ctrl-C would be taken for another tool's.
const BLOCK_END: u8 = b'~';
/// The shortest body that is sent on its own where lines may have any length.
const LONG: usize = 128;

/// The number of a request, as the character that stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Number(u8);

impl Number {
    /// The number that this character stands for.
    pub fn from_char(char: u8) -> Option<Self> {
        char.checked_sub(b'0')
            .filter(|number| *number < NUMBERS)
            .map(Self)
    }

    /// The character that stands for it.
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

/// How a session's lines are written.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    flavour: Flavour,
    /// What the checksums begin with.
    seed: u32,
    /// The length of every line where the board reads blocks of characters, which is the cheapest where each
    /// character of a line of any length would cost it a system call.
    block: Option<usize>,
}

impl Lines {
    /// The lines to an agent of this flavour, in a session of which the checksums begin with `seed`.
    pub fn new(flavour: Flavour, seed: u32, flow_control: bool) -> Self {
        Self {
            flavour,
            seed,
            block: flavour.block(flow_control),
        }
    }

    /// A request: `kept` is how many of the answers before this one the board must be able to repeat.
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
        // Where the line before it was lost it must not look like one.
        self.seal(&mut text, at, self.seed.wrapping_add(1));
        text
    }

    /// A ping that is answered so many times, at most ten.
    pub fn ping(&self, number: Number, token: u32, times: u8) -> Vec<u8> {
        self.request(number, times.saturating_sub(1).min(9), &Request::Ping { token })
    }

    /// The answer to a question of this place on the board and this number. It has no number as a request, so that what
    /// waits for one takes it for none. A body knows its own by the character in the place of what others have to keep.
    pub fn answer(&self, place: u32, number: u64, said: &str) -> Vec<u8> {
        let (which, answer) = match place {
            0 => (number.to_le_bytes()[0] % NUMBERS, said.to_owned()),
            _ => (UNNUMBERED, asking::answer(place, number, said)),
        };
        self.request(Number(UNNUMBERED), which, &Request::Answer(answer))
    }

    /// Something that is no request of its own: a question for an answer, a farewell.
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

    /// Ends what begins at `at` with seven characters that make its checksum zero, or are its checksum, and a
    /// line end.
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

/// For each bit of a checksum, the bits of the suffix that change that bit and no other. The suffix's
/// characters are `@` to `_`: five bits each, and none of them is a control character or a lower-case letter.
static SOLUTION: LazyLock<[u64; 32]> = LazyLock::new(|| {
    let plain = checksum(b"@@@@@@@\n", 0);
    // Gaussian elimination over the columns (what each of the suffix's bits changes).
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
        // As the agent for small boards works it out.
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
