//! What is said over the network.

use std::collections::BTreeMap;

use belay::transport::Address;
use serde::{Deserialize, Serialize};

use crate::FleetError;

/// The longest question or answer, what a board's tags may take of it, and the longest name of a holder, in characters.
pub(crate) const MOST_SAID: usize = 4096;
pub(crate) const MOST_TAGS: usize = 2048;
pub(crate) const MOST_NAME: usize = 64;
/// The most boards that are followed.
pub(crate) const MOST_BOARDS: usize = 1 << 17;

/// Every board that is announced.
pub(crate) const ALL: &str = "belay/*/*";

/// Where a board's server is asked, where its holder says that it is alive, where its server says that it is free, and where
/// a stream goes.
pub(crate) fn ask(board: &str) -> String {
    format!("{board}/ask")
}

pub(crate) fn beat(board: &str) -> String {
    format!("{board}/beat")
}

pub(crate) fn freed(board: &str) -> String {
    format!("{board}/freed")
}

pub(crate) fn to_board(board: &str, stream: u64) -> String {
    format!("{board}/s/{stream:016x}/in")
}

pub(crate) fn from_board(board: &str, stream: u64) -> String {
    format!("{board}/s/{stream:016x}/out")
}

/// `belay/<host>/<board>`, of two names that can be part of a key.
pub(crate) fn key(host: &str, name: &str) -> Result<String, FleetError> {
    let key = format!("belay/{host}/{name}");
    if board(&key).is_some() {
        return Ok(key);
    }
    let wrong = [host, name]
        .into_iter()
        .find(|name| board(&format!("belay/host/{name}")).is_none());
    Err(FleetError::Name(wrong.unwrap_or(name).chars().take(64).collect()))
}

/// The same as it came from elsewhere, if it is one.
pub(crate) fn board(key: &str) -> Option<&str> {
    let address: Address = format!("zenoh:{key}").parse().ok()?;
    // What surrounds an address is no part of it.
    (address.to_string().strip_prefix("zenoh:") == Some(key)).then_some(key)
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Question {
    /// What is the board?
    Info,
    /// May whoever has this token have it, until it was not heard of for so many milliseconds?
    Lease { token: u64, name: String, deadline: u64 },
    /// Open the port and carry its bytes in this stream.
    Open { token: u64, stream: u64 },
    /// It is wanted no more.
    Release { token: u64 },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    Info {
        tags: BTreeMap<String, String>,
        /// The name of who has it, and for how many milliseconds.
        held: Option<(String, u64)>,
    },
    Yes {
        flow_control: bool,
    },
    Held {
        by: String,
    },
    /// Whoever asks does not hold the board.
    NotYours,
    Failed {
        why: String,
    },
}

impl Answer {
    /// Why something could not be done, as far as there is room for it.
    pub(crate) fn failed(why: &str) -> Self {
        Self::Failed {
            why: why.chars().take(512).collect(),
        }
    }
}

pub(crate) fn write(what: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(what).unwrap_or_default()
}

pub(crate) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    (bytes.len() <= MOST_SAID)
        .then(|| serde_json::from_slice(bytes).ok())
        .flatten()
}

/// A piece of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// These bytes, of which the first has this place in all that were sent.
    Data(u64, &'a [u8]),
    /// So many bytes were taken; also a sign of life.
    Taken(u64),
    /// There is nothing more.
    End,
}

impl<'a> Piece<'a> {
    pub(crate) fn write(&self) -> Vec<u8> {
        let numbered = |kind: u8, number: u64| {
            let mut bytes = vec![kind];
            bytes.extend(number.to_be_bytes());
            bytes
        };
        match self {
            Self::Data(at, data) => {
                let mut bytes = numbered(0, *at);
                bytes.extend(*data);
                bytes
            }
            Self::Taken(count) => numbered(1, *count),
            Self::End => numbered(2, 0),
        }
    }

    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (number, data) = rest.split_first_chunk()?;
        let number = u64::from_be_bytes(*number);
        match kind {
            0 if !data.is_empty() => Some(Self::Data(number, data)),
            1 if data.is_empty() => Some(Self::Taken(number)),
            2 if data.is_empty() => Some(Self::End),
            _ => None,
        }
    }
}

/// A number that nobody can guess.
pub(crate) fn secret() -> Result<u64, FleetError> {
    getrandom::u64().map_err(FleetError::network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_read_back_and_what_is_none_is_refused() {
        for piece in [Piece::Data(7, b"\0\xff"), Piece::Taken(u64::MAX), Piece::End] {
            assert_eq!(Piece::read(&piece.write()), Some(piece));
        }
        for wrong in [&b""[..], b"\0", &[0; 9], &[1; 10], &[3; 9], &[2; 8]] {
            assert_eq!(Piece::read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn whatever_comes_is_read_or_refused() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200_000 {
            let mut bytes: Vec<u8> = (0..random.usize(..40)).map(|_| random.u8(..)).collect();
            if let Some(first) = bytes.first_mut() {
                *first %= 4;
            }
            if let Some(piece) = Piece::read(&bytes) {
                assert!(piece == Piece::End || piece.write() == bytes, "{bytes:?}");
            }
            // What is nearly a question, too.
            let mut text = write(&Question::Lease {
                token: 1,
                name: "n".to_owned(),
                deadline: 1,
            });
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..text.len());
                text[at] = random.u8(..);
            }
            let _ = (
                read::<Question>(&text),
                read::<Answer>(&text),
                read::<Question>(&bytes),
            );
        }
    }

    #[test]
    fn a_name_cannot_be_a_pattern_or_lead_elsewhere() {
        assert_eq!(key("lab1", "pico-E660").unwrap(), "belay/lab1/pico-E660");
        for wrong in [
            "",
            "*",
            "**",
            "a/b",
            "$*",
            "a b",
            "a ",
            "a\n",
            "é",
            "#",
            "?",
            &"x".repeat(65),
        ] {
            assert!(
                key("lab1", wrong).is_err() && key(wrong, "pico").is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_long_question_is_not_read() {
        let name = "x".repeat(MOST_SAID);
        let question = write(&Question::Lease {
            token: 1,
            name,
            deadline: 1,
        });
        assert!(read::<Question>(&question).is_none());
    }
}
