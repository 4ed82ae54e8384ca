//! The file library on the board: how it is installed and called.

use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use tokio::sync::OwnedMutexGuard;

use super::path::BoardPath;
use crate::agent::files::{self, Facts};
use crate::error::{Error, ErrorKind, FileError, Phase, Result};
use crate::python::Arguments;
use crate::session::{Connection, Returned, Session, SharedTurn};

/// The limits of a piece's length in bytes: the lower one for the smallest boards, the upper one for most others.
const LEAST_PIECE: usize = 64;
const LARGEST_PIECE: usize = 4096;
/// A piece takes this many times its own length of the board's memory while it arrives, with a margin.
const ROOM: u64 = 24;
/// A board with less free memory than this gets the library in parts of this many bytes.
const FREE: u64 = 96 * 1024;
const PART: usize = 600;
/// The length of a piece, in bytes, for a board that does not report its free memory.
const UNKNOWN_PIECE: usize = 256;

/// The file library on the board of one connection.
#[derive(Debug, Clone)]
pub(super) struct Library {
    session: Session,
    connection: Arc<Connection>,
    facts: Facts,
}

impl Library {
    /// The library, and the turn in which this operation runs beside other calls. It is installed on the board unless
    /// it is there already.
    ///
    /// # Errors
    ///
    /// Also when the board has no file system.
    pub(super) async fn open(session: &Session) -> Result<(Self, SharedTurn<'_>)> {
        let deadline = session.execute_deadline();
        let turn = session.shared(deadline).await?;
        let connection = session.connection(deadline).await?;
        let provided = connection.files.get_or_try_init(|| provide(&connection)).await;
        let facts = *provided.inspect_err(|error| session.report(&connection, error))?;
        let facts = facts.ok_or_else(|| connection.unsupported("a file system that renames files"))?;
        let library = Self {
            session: session.clone(),
            connection,
            facts,
        };
        Ok((library, turn))
    }

    /// Waits until no other file is being read or written, and holds others back for as long as the guard lives.
    pub(super) async fn alone(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.connection.transfer).lock_owned().await
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn facts(&self) -> Facts {
        self.facts
    }

    /// The largest length of a piece of a file, in bytes.
    pub(super) fn piece(&self) -> usize {
        let Some(free) = self.facts.free_memory() else {
            return UNKNOWN_PIECE;
        };
        usize::try_from(free / ROOM)
            .unwrap_or(LARGEST_PIECE)
            .clamp(LEAST_PIECE, LARGEST_PIECE)
    }

    /// Calls a function of the library and returns its result. An exception that it raises is reported as an error of
    /// this path.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        path: &BoardPath,
        function: &str,
        arguments: &Arguments,
    ) -> Result<T> {
        let asked = match files::function(function, arguments) {
            Ok(expression) => self.connection.ask(expression, self.deadline()).await,
            Err(error) => Err(error.into()),
        };
        let given = asked.and_then(|returned| returned.to());
        given.map_err(|error| self.about(path, error))
    }

    /// Calls a generator of the library and returns a stream of what it yields.
    pub(super) fn all(
        &self,
        path: &BoardPath,
        function: &str,
        arguments: &Arguments,
    ) -> Result<impl Stream<Item = Result<Returned>> + Unpin + use<>> {
        let expression = files::function(function, arguments)?;
        let items = self.connection.ask_for_all(expression, self.deadline());
        let (library, path) = (self.clone(), path.clone());
        Ok(Box::pin(items.map(move |item| {
            item.map_err(|error| library.about(&path, error))
        })))
    }

    pub(super) fn unsupported(&self, feature: &'static str) -> Error {
        self.connection.unsupported(feature)
    }

    fn deadline(&self) -> Duration {
        self.connection.execute_deadline()
    }

    /// Adds the path to an error of a file operation.
    fn about(&self, path: &BoardPath, error: Error) -> Error {
        self.session.report(&self.connection, &error);
        about(&self.connection, path, error)
    }
}

/// Installs the library on the board unless it is there already, and has it clean up what an earlier program left
/// behind. Returns nothing for a board that cannot run the library.
async fn provide(connection: &Connection) -> Result<Option<Facts>> {
    let deadline = connection.execute_deadline();
    if is_small(connection) {
        // Check first what the library depends on. A board that lacks it may also lack the memory for the library, and
        // the error should not be about memory then.
        let needs = connection.ask(files::NEEDS.to_owned(), deadline).await;
        match needs {
            Ok(_) => {}
            Err(error) if lacks_files(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    connection.provide_bytes().await?;
    let there: bool = connection.ask(files::is_there(), deadline).await?.to()?;
    if !there {
        // A file system may have been mounted since the capabilities were read.
        if !connection.capabilities().file_system && !has_files(connection).await? {
            return Err(connection.unsupported("a file system"));
        }
        deploy(connection)
            .await
            .map_err(|error| error.in_phase_after_all(Phase::Deploy))?;
    }
    let adopt = files::function("adopt", &Arguments::new())?;
    let adopted = connection.ask(adopt, deadline).await;
    let facts = adopted.map_err(|error| without_files(connection, error))?.to()?;
    Ok(Some(facts))
}

/// Installs the library: in one part if the board has the memory for that.
async fn deploy(connection: &Connection) -> Result<()> {
    let most = if is_small(connection) { PART } else { usize::MAX };
    for part in files::parts(most) {
        let ran = connection.run(files::NAMESPACE, &part, Some(files::FILE)).await;
        ran.map_err(|error| without_files(connection, error))?;
    }
    Ok(())
}

fn is_small(connection: &Connection) -> bool {
    let free = connection.capabilities().free_memory;
    free.is_some_and(|free| free < FREE)
}

/// Whether a file system is mounted. If none is, `open` raises `EPERM` or `ENODEV`.
async fn has_files(connection: &Connection) -> Result<bool> {
    match connection
        .ask(files::LOOKS.to_owned(), connection.execute_deadline())
        .await
    {
        Ok(_) => Ok(true),
        Err(error) => match error.exception() {
            Some(raised) => Ok(raised.is("OSError") && !matches!(raised.errno, Some(1 | 19))),
            None => Err(error),
        },
    }
}

/// Turns an error that means that the board has no file system into [`ErrorKind::Unsupported`].
fn without_files(connection: &Connection, error: Error) -> Error {
    if lacks_files(&error) {
        connection.unsupported("a file system")
    } else {
        error
    }
}

fn lacks_files(error: &Error) -> bool {
    let raised = |class| error.exception().is_some_and(|exception| exception.is(class));
    ["OSError", "ImportError", "AttributeError"]
        .into_iter()
        .any(raised)
}

fn about(connection: &Connection, path: &BoardPath, error: Error) -> Error {
    let errno = match error.exception() {
        Some(raised) if raised.is("OSError") => raised.errno,
        _ => return error.in_phase(Phase::Execute),
    };
    let path = path.shown().to_owned();
    let error = match (errno, error.into_kind()) {
        (Some(1 | 19), _) => return connection.unsupported(format!("a file system at `{path}`")),
        (Some(30), _) => {
            return connection
                .unsupported("writing to its file system")
                .with_hint("CircuitPython leaves it to the computer unless `boot.py` calls `storage.disable_usb_drive()`");
        }
        (Some(2), _) => FileError::NotFound { path },
        (Some(17), _) => FileError::Exists { path },
        (Some(20), _) => FileError::NotFolder { path },
        (Some(21), _) => FileError::IsFolder { path },
        (Some(39), _) => FileError::NotEmpty { path },
        (Some(28), _) => FileError::NoSpace { path, missing: 1 },
        (_, ErrorKind::Python(exception)) => FileError::Refused { path, exception },
        (_, other) => return other.into(),
    };
    Error::from(error).on_device(&connection.name)
}
