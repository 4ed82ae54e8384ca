//! Writing a file: all of it or nothing.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use tokio::sync::OwnedMutexGuard;

use super::library::Library;
use super::packing::Piece;
use super::path::BoardPath;
use super::transfer::{Meter, Step};
use crate::boxed::BoxFuture;
use crate::error::{Error, ErrorKind, FileError, Left, Result};
use crate::python::{Arguments, Bytes};

/// How many pieces are on their way at once, where the line holds the sender back.
pub(super) const AHEAD: usize = 8;
/// Pieces are not made shorter than this when the board has no room for them.
const SHORTEST: usize = 64;

/// A file that is written as soon as there is room for pieces of some length.
pub(super) struct Writing<'a> {
    pub(super) library: &'a Library,
    pub(super) path: &'a BoardPath,
    pub(super) contents: &'a [u8],
}

/// Keeps the board to itself, and has it remove what is not whole when it is dropped before all is done.
pub(super) struct Unfinished {
    library: Library,
    alone: Option<OwnedMutexGuard<()>>,
}

impl Unfinished {
    pub(super) async fn begin(library: &Library) -> Self {
        Self {
            library: library.clone(),
            alone: Some(library.alone().await),
        }
    }

    /// Nothing is left to be removed.
    pub(super) fn finish(mut self) {
        self.alone = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(alone) = self.alone.take() {
            let library = self.library.clone();
            self.library.session().spawn(async move {
                if let Err(error) = abort(&library).await {
                    tracing::debug!(%error, "what was being written is left on the board until it is next used for files");
                }
                drop(alone);
            });
        }
    }
}

/// Has the board remove what is not whole.
async fn abort(library: &Library) -> Result<()> {
    let root = BoardPath::new("/")?;
    library.call(&root, "abort", &Arguments::new()).await
}

impl Writing<'_> {
    /// Writes it. Somebody has to keep the board to himself for it.
    pub(super) async fn run(&self, meter: &mut Meter) -> Result<()> {
        let mut piece = self.library.piece();
        loop {
            let outcome = if self.contents.len() <= piece {
                self.at_once()
                    .await
                    .inspect(|()| meter.add(&self.path.shown().into(), Step::Written, self.contents.len()))
            } else {
                self.in_pieces(piece, meter).await
            };
            match outcome {
                Err(error) if error.is_memory_error() && piece > SHORTEST => {
                    piece = (piece / 2).max(SHORTEST);
                }
                Err(error) if is_full(&error) => return Err(self.too_full().await.unwrap_or(error)),
                outcome => return outcome,
            }
        }
    }

    fn length_and_checksum(&self) -> Arguments {
        Arguments::new()
            .with("length", &self.contents.len())
            .with("checksum", &crc32fast::hash(self.contents))
    }

    fn piece(&self, data: &[u8]) -> Arguments {
        let Piece { data, window } = Piece::new(data, self.library.facts().unpacks);
        Arguments::new()
            .with("data", &Bytes(data))
            .with("window", &window)
    }

    /// What a small file takes: one exchange.
    pub(super) async fn at_once(&self) -> Result<()> {
        let arguments = Arguments::new()
            .with("path", self.path.told())
            .with_all(&self.length_and_checksum())
            .with_all(&self.piece(self.contents));
        match self.library.call(self.path, "store", &arguments).await {
            Ok(outcome) => self.judge(outcome),
            Err(error) => self.after(error, true).await,
        }
    }

    async fn in_pieces(&self, size: usize, meter: &mut Meter) -> Result<()> {
        let path: Arc<str> = self.path.shown().into();
        let arguments = Arguments::new()
            .with("path", self.path.told())
            .with("length", &self.contents.len());
        match self.library.call(self.path, "begin", &arguments).await {
            Ok(0) => {}
            Ok(missing) => return Err(self.no_space(missing)),
            Err(error) => return self.after(error, false).await,
        }
        let mut pieces = self.contents.chunks(size);
        let mut at = 0;
        let mut ahead: FuturesOrdered<BoxFuture<'_, Sent>> = FuturesOrdered::new();
        let mut told = false;
        let mut failure: Option<Error> = None;
        loop {
            while ahead.len() < AHEAD && failure.is_none() && !told {
                if let Some(data) = pieces.next() {
                    let put = self.put(at, data);
                    at += data.len();
                    ahead.push_back(Box::pin(put));
                } else {
                    // Whatever becomes of the pieces, the board exchanges nothing that is not whole.
                    ahead.push_back(Box::pin(self.commit()));
                    told = true;
                }
            }
            match ahead.next().await {
                // What was sent behind something that failed comes to an end by itself.
                None => break,
                Some(Sent::Piece(Ok(length))) => meter.add(&path, Step::Write, length),
                Some(Sent::Piece(Err(error))) => drop(failure.get_or_insert(error)),
                // Whatever was said of the pieces, what has come to its place is whole.
                Some(Sent::Commit(outcome)) => {
                    match (outcome, failure) {
                        (Ok(0), _) => {}
                        (Ok(outcome), None) => self.judge(outcome)?,
                        (Err(error), None) => self.after(error, true).await?,
                        (outcome, Some(first)) => {
                            let told = !outcome.is_err_and(|error| error.exception().is_some());
                            self.after(first, told).await?;
                        }
                    }
                    meter.tell(&path, Step::Written);
                    return Ok(());
                }
            }
        }
        match failure {
            Some(error) => self.after(error, false).await,
            None => Ok(()),
        }
    }

    async fn put(&self, at: usize, data: &[u8]) -> Sent {
        let arguments = Arguments::new().with("at", &at).with_all(&self.piece(data));
        let put = self.library.call::<()>(self.path, "put", &arguments).await;
        Sent::Piece(put.map(|()| data.len()))
    }

    async fn commit(&self) -> Sent {
        let arguments = self.length_and_checksum();
        Sent::Commit(self.library.call(self.path, "commit", &arguments).await)
    }

    /// What the board has said at the end.
    fn judge(&self, outcome: i64) -> Result<()> {
        match outcome {
            0 => Ok(()),
            missing @ 1.. => Err(self.no_space(missing)),
            _ => {
                let path = self.path.shown().to_owned();
                Err(self.library.session().error(FileError::Damaged { path }))
            }
        }
    }

    fn no_space(&self, missing: i64) -> Error {
        let path = self.path.shown().to_owned();
        let missing = missing.unsigned_abs();
        self.library.session().error(FileError::NoSpace { path, missing })
    }

    /// A file system that has become full says how much is missing once what was written is removed.
    async fn too_full(&self) -> Option<Error> {
        let arguments = Arguments::new().with("path", self.path.told());
        let space: Option<(u64, u64)> = self.library.call(self.path, "space", &arguments).await.ok()?;
        let missing = (self.contents.len() as u64).saturating_sub(space?.0).max(1);
        Some(self.no_space(i64::try_from(missing).unwrap_or(i64::MAX)))
    }

    /// Says what is at the path after something has failed. The board may have been told to exchange the files, or not.
    async fn after(&self, error: Error, told: bool) -> Result<()> {
        // What the board raises itself it has cleaned up after.
        if error.exception().is_some()
            || matches!(error.kind(), ErrorKind::File(_) | ErrorKind::Unsupported { .. })
        {
            return Err(error);
        }
        let unsent = matches!(error.kind(), ErrorKind::Disconnected(_));
        let mut left = if told && !unsent {
            Left::OldOrNew
        } else {
            Left::Old
        };
        if abort(self.library).await.is_ok() {
            let arguments = Arguments::new()
                .with("path", self.path.told())
                .with_all(&self.length_and_checksum());
            match self.library.call(self.path, "same", &arguments).await {
                Ok(true) if told => return Ok(()),
                Ok(_) => left = Left::Old,
                Err(_) => {}
            }
        }
        let path = self.path.shown().to_owned();
        let cause = Box::new(error);
        Err(self
            .library
            .session()
            .error(ErrorKind::NotWritten { path, left, cause }))
    }
}

/// What came of something that was sent.
enum Sent {
    /// A piece of this length.
    Piece(Result<usize>),
    /// That the new file is to take its place, and what the board says to it.
    Commit(Result<i64>),
}

fn is_full(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::File(FileError::NoSpace { missing: 1, .. })
    )
}
