//! Boards of other machines, to which a crate leads that this one knows nothing of.

use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tokio::time::Instant;

use super::{Transport, TransportError};

/// A way that is being opened.
pub(super) type Opening = Pin<Box<dyn Future<Output = Result<Box<dyn Transport>, TransportError>> + Send>>;

/// Opens the way to a board; what this program is about to close is waited for until then.
pub(super) type Open = dyn Fn(Instant) -> Opening + Send + Sync;

/// Leads to the board of a name.
type Way = dyn Fn(&str) -> Arc<Open> + Send + Sync;

static WAY: RwLock<Option<Arc<Way>>> = RwLock::new(None);

/// Has boards of other machines be opened so. What was said before is forgotten.
pub(super) fn provide(way: Arc<Way>) {
    *WAY.write().unwrap_or_else(PoisonError::into_inner) = Some(way);
}

/// What opens the way to a board, once for each `kept`: what is at its other end may be kept from one opening to the next.
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
