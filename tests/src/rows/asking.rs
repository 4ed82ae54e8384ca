//! Questions that bodies ask the host, in a trait of its own, so that no other work includes its cost.

use belay::prelude::*;
use belay::python::Bytes;

use super::{SIZE, bytes, gave};

/// How many questions a call asks.
pub const QUESTIONS: u32 = 50;
/// How many bytes an item of a stream has.
const CHUNK: usize = 1024;

/// Bodies that ask.
#[belay::device]
pub trait Asking {
    /// Adds, like the call that it is compared with.
    #[host]
    async fn add(&self, a: u32, b: u32) -> Result<u32>;

    /// ```python
    /// total = 0
    /// for i in range(many):
    ///     total = add(total, 2)
    /// return total
    /// ```
    #[task]
    async fn bench_questions(&self, many: u32) -> Result<u32>;

    /// ```python
    /// size = 0
    /// for chunk in chunks:
    ///     size += len(chunk)
    /// return size
    /// ```
    #[task]
    async fn bench_chunks(&self, chunks: impl Iterator<Item = Bytes>) -> Result<u32>;
}

/// The host functions.
#[derive(Debug)]
pub struct Adds;

impl AskingHost for Adds {
    async fn add(&self, a: u32, b: u32) -> Result<u32> {
        Ok(a + b)
    }
}

/// A kind of work that asks the host, by its name in the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// `question`: two integers, and one back, as in a call; [`QUESTIONS`] of them.
    Question,
    /// `bytes_in`: [`SIZE`] bytes as the items of a stream.
    BytesIn,
}

impl Asked {
    /// All kinds, in the order in which they are measured.
    pub const ALL: [Self; 2] = [Self::Question, Self::BytesIn];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::BytesIn => "bytes_in",
        }
    }

    /// How many questions one run asks; the cost is divided by it.
    pub fn at_once(self) -> u32 {
        match self {
            Self::Question => QUESTIONS,
            Self::BytesIn => 1,
        }
    }

    /// Does the work once.
    ///
    /// # Errors
    ///
    /// When it fails, or gives something else than it has to.
    pub async fn run(self, asking: &AskingDevice) -> std::result::Result<(), String> {
        match self {
            Self::Question => gave(asking.bench_questions(QUESTIONS).await, &(2 * QUESTIONS)),
            Self::BytesIn => {
                let bytes = bytes().0;
                let chunks: Vec<Bytes> = bytes.chunks(CHUNK).map(|chunk| chunk.to_vec().into()).collect();
                gave(asking.bench_chunks(chunks.into_iter()).await, &SIZE)
            }
        }
    }
}
