//! Reading a file of any size.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use serde::Deserialize;

use super::library::Library;
use super::path::BoardPath;
use super::transfer::{Meter, Reporter, Step};
use super::writing::AHEAD;
use crate::boxed::BoxFuture;
use crate::error::{FileError, Result};
use crate::python::{Arguments, Bytes};

/// The shortest pieces, in bytes, to which they are reduced when the board runs out of memory.
const SHORTEST: usize = 64;
/// A line on which a byte takes longer than this is slow. There it pays to have the board check whether a piece of text
/// is shorter as a Python literal than as base64, which takes its processor ten times as long.
const SLOW: Duration = Duration::from_micros(25);

/// A piece as the board sends it: as base64, or as a Python literal inside a tuple.
#[derive(Deserialize)]
#[serde(untagged)]
enum Piece {
    Packed(Bytes),
    Shown((Bytes,)),
}

impl Piece {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Packed(bytes) | Self::Shown((bytes,)) => bytes.0,
        }
    }
}

/// Reads a file.
pub(super) async fn read(library: &Library, path: &BoardPath, reporter: &Reporter) -> Result<Vec<u8>> {
    let _alone = library.alone().await;
    let mut piece = library.piece();
    loop {
        match read_in_pieces(library, path, piece, reporter.clone()).await {
            Err(error) if error.is_memory_error() && piece > SHORTEST => piece = (piece / 2).max(SHORTEST),
            outcome => return outcome,
        }
    }
}

async fn read_in_pieces(
    library: &Library,
    path: &BoardPath,
    piece: usize,
    reporter: Reporter,
) -> Result<Vec<u8>> {
    let get = async |at: u64, shown: bool| {
        let arguments = Arguments::new().with("at", &at).with("many", &piece);
        let arguments = arguments.with("shown", &shown);
        let got = library.call::<Piece>(path, "get", &arguments).await;
        got.map(Piece::bytes)
    };
    let looking = Arguments::new().with("path", path.told());
    let began = Instant::now();
    // Ask for the first piece right behind the size: most files are read with this one exchange.
    let (size, first) = tokio::join!(library.call::<u64>(path, "look", &looking), get(0, false));
    let size = size?;
    let name: Arc<str> = path.shown().into();
    let mut meter = Meter::new(reporter, size);
    let mut contents = first?;
    let slow = began.elapsed().as_micros() > SLOW.as_micros() * contents.len() as u128;
    meter.add(&name, Step::Read, contents.len());
    let step = piece as u64;
    let mut starts = (1..size.div_ceil(step)).map(|nth| nth * step);
    let mut ahead: FuturesOrdered<BoxFuture<'_, Result<Vec<u8>>>> = FuturesOrdered::new();
    loop {
        while ahead.len() < AHEAD {
            let Some(at) = starts.next() else { break };
            ahead.push_back(Box::pin(get(at, slow)));
        }
        let Some(bytes) = ahead.next().await else { break };
        let bytes = bytes?;
        meter.add(&name, Step::Read, bytes.len());
        contents.extend_from_slice(&bytes);
    }
    library.call::<()>(path, "shut", &Arguments::new()).await?;
    if contents.len() as u64 != size {
        let path = path.shown().to_owned();
        return Err(library.session().error(FileError::Changed { path }));
    }
    Ok(contents)
}
