//! What is said over the network.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::FleetError;

/// The longest question, answer or name.
pub(crate) const MOST_SAID: usize = 4096;

/// Where a board's server is asked, where its holder says that it is alive, and where a stream goes.
pub(crate) fn ask(board: &str) -> String {
    format!("{board}/ask")
}

pub(crate) fn beat(board: &str) -> String {
    format!("{board}/beat")
}

pub(crate) fn to_board(board: &str, stream: u64) -> String {
    format!("{board}/s/{stream:016x}/in")
}

pub(crate) fn from_board(board: &str, stream: u64) -> String {
    format!("{board}/s/{stream:016x}/out")
}

/// `belay/<host>/<board>`, of two names that can be part of a key.
pub(crate) fn key(host: &str, board: &str) -> Result<String, FleetError> {
    let is_name = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (1..=64).contains(&name.len()) && name.bytes().all(plain)
    };
    match [host, board].into_iter().find(|name| !is_name(name)) {
        Some(wrong) => Err(FleetError::Name(wrong.chars().take(64).collect())),
        None => Ok(format!("belay/{host}/{board}")),
    }
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
        held_by: Option<String>,
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
    fn a_name_cannot_be_a_pattern_or_lead_elsewhere() {
        assert_eq!(key("lab1", "pico-E660").unwrap(), "belay/lab1/pico-E660");
        for wrong in ["", "*", "**", "a/b", "$*", "a b", "é", "#", "?", &"x".repeat(65)] {
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
