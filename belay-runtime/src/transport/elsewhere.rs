//! Boards of other machines, to which a crate leads that this one knows nothing of.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::{Connector, TransportError};

type Way = dyn Fn(&str) -> Connector + Send + Sync;

static WAY: RwLock<Option<Arc<Way>>> = RwLock::new(None);

/// Has this program open addresses that begin with `zenoh:` by what `way` makes of what follows that,
/// `belay/<host>/<board>`. What was said before is forgotten.
///
/// The crate `belay-fleet` says it, so that who only calls a board of this machine need not compile that.
pub fn provide_zenoh(way: impl Fn(&str) -> Connector + Send + Sync + 'static) {
    *WAY.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(way));
}

/// The way to a board, once for each `kept`: what is at its other end may be kept from one opening to the next.
pub(super) fn connector(board: &str, kept: &OnceLock<Connector>) -> Result<Connector, TransportError> {
    if let Some(connector) = kept.get() {
        return Ok(connector.clone());
    }
    let way = WAY.read().unwrap_or_else(PoisonError::into_inner).clone();
    let way = way.ok_or_else(|| TransportError::NotProvided {
        address: format!("zenoh:{board}"),
    })?;
    Ok(kept.get_or_init(|| way(board)).clone())
}

/// What is wrong with the name of a board, if something is: it is `belay/<host>/<board>`, of two names without patterns.
pub(super) fn wrong(board: &str) -> Option<&'static str> {
    let is_name = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (1..=64).contains(&name.len()) && name.bytes().all(plain)
    };
    match board.split('/').collect::<Vec<_>>()[..] {
        ["belay", host, board] if is_name(host) && is_name(board) => None,
        ["belay", _, _] => Some("letters, digits, `-`, `_` and `.` make the name of a host or a board"),
        _ => Some("what follows `zenoh:` is `belay/`, a host, `/` and a board"),
    }
}
