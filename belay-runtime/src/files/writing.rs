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

/// How many pieces may be in flight at once; flow control on the line can hold them back.
pub(super) const AHEAD: usize = 8;
/// The shortest pieces, in bytes, to which they are reduced when the board runs out of memory.
const SHORTEST: usize = 64;

/// A file to be written, in pieces as long as the board's memory allows.
pub(super) struct Writing<'a> {
    pub(super) library: &'a Library,
    pub(super) path: &'a BoardPath,
    pub(super) contents: &'a [u8],
}

/// Holds other transfers back, and has the board remove an incomplete file if this is dropped before the transfer is
/// done.
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

    /// The transfer is done: there is no incomplete file to remove.
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

/// Has the board remove an incomplete file.
async fn abort(library: &Library) -> Result<()> {
    let root = BoardPath::new("/")?;
    library.call(&root, "abort", &Arguments::new()).await
}

impl Writing<'_> {
    /// Writes the file. The caller has to hold other transfers back meanwhile.
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

    /// Writes a small file in one exchange.
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
                    // The commit can be sent without waiting for the pieces: the board does not exchange the files
                    // unless the new one is complete.
                    ahead.push_back(Box::pin(self.commit()));
                    told = true;
                }
            }
            match ahead.next().await {
                // After a failure, the remaining requests in flight have come to their end.
                None => break,
                Some(Sent::Piece(Ok(length))) => meter.add(&path, Step::Write, length),
                Some(Sent::Piece(Err(error))) => drop(failure.get_or_insert(error)),
                // If the commit succeeded, the new file is complete and in its place, whatever was reported of the
                // pieces.
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

    /// Turns the outcome that the board reports into a result.
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

    /// When the file system became full on the way: how many bytes are missing, now that the incomplete file has been
    /// removed.
    async fn too_full(&self) -> Option<Error> {
        let arguments = Arguments::new().with("path", self.path.told());
        let space: Option<(u64, u64)> = self.library.call(self.path, "space", &arguments).await.ok()?;
        let missing = (self.contents.len() as u64).saturating_sub(space?.0).max(1);
        Some(self.no_space(i64::try_from(missing).unwrap_or(i64::MAX)))
    }

    /// After a failure: finds out what is at the path. `told` is whether the board may have been told to exchange the
    /// files.
    async fn after(&self, error: Error, told: bool) -> Result<()> {
        // If the board raised the error itself, it has cleaned up as well.
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

/// The result of a request in flight.
enum Sent {
    /// A piece of this length was written.
    Piece(Result<usize>),
    /// The commit: the new file is to take its place. The number is the board's outcome.
    Commit(Result<i64>),
}

fn is_full(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::File(FileError::NoSpace { missing: 1, .. })
    )
}
