//! Boards of other machines, which another crate opens that this one does not depend on.

use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tokio::time::Instant;

use super::{Transport, TransportError};

/// A transport that is being opened.
pub(super) type Opening = Pin<Box<dyn Future<Output = Result<Box<dyn Transport>, TransportError>> + Send>>;

/// Opens a transport to a board; waits until this instant for a port that this program is about to close.
pub(super) type Open = dyn Fn(Instant) -> Opening + Send + Sync;

/// Makes the opener for the board with this name.
type Way = dyn Fn(&str) -> Arc<Open> + Send + Sync;

static WAY: RwLock<Option<Arc<Way>>> = RwLock::new(None);

/// Sets how boards of other machines are opened, which replaces an earlier way.
pub(super) fn provide(way: Arc<Way>) {
    *WAY.write().unwrap_or_else(PoisonError::into_inner) = Some(way);
}

/// The opener for a board, made once for each `kept`, so that it can keep its connection from one opening to the
/// next.
pub(super) fn opener(board: &str, kept: &OnceLock<Arc<Open>>) -> Result<Arc<Open>, TransportError> {
    if let Some(open) = kept.get() {
        return Ok(Arc::clone(open));
    }
    let way = WAY.read().unwrap_or_else(PoisonError::into_inner).clone();
    let way = way.ok_or_else(|| TransportError::NotProvided {
        address: format!("zenoh:{board}"),
    })?;
    Ok(Arc::clone(kept.get_or_init(|| way(board))))
}
