//! What can open a transport to a board, and open it again.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use super::address::Target;
use super::elsewhere::{self, Open};
use super::open::RELEASE;
use super::{Address, Transport, TransportError};

/// Something that opens a transport to a board as often as it is asked to: an [`Address`], or a closure.
#[derive(Clone)]
pub struct Connector {
    name: Arc<str>,
    open: Arc<Open>,
}

impl Connector {
    /// A connector that calls `open` each time; `name` is what messages call the board.
    ///
    /// What `open` gives is any [`Transport`]; a stream becomes one by
    /// [`StreamTransport::new`](super::StreamTransport::new).
    pub fn new<F, O, T, E>(name: impl Into<String>, open: F) -> Self
    where
        F: Fn() -> O + Send + Sync + 'static,
        O: Future<Output = Result<T, E>> + Send + 'static,
        T: Transport,
        E: Into<TransportError>,
    {
        Self {
            name: name.into().into(),
            open: Arc::new(move |_| {
                let opening = open();
                Box::pin(async move {
                    match opening.await {
                        Ok(transport) => Ok(Box::new(transport) as Box<dyn Transport>),
                        Err(error) => Err(error.into()),
                    }
                })
            }),
        }
    }

    /// What messages call the board.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens a transport to the board.
    ///
    /// # Errors
    ///
    /// When the port cannot be opened, or the closure fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what it had opened.
    pub async fn open(&self) -> Result<Box<dyn Transport>, TransportError> {
        self.open_before(Instant::now() + RELEASE).await
    }

    /// The same, but waits until `until` for a port that this program is about to close.
    pub(crate) async fn open_before(&self, until: Instant) -> Result<Box<dyn Transport>, TransportError> {
        (self.open)(until).await
    }
}

impl From<Address> for Connector {
    fn from(address: Address) -> Self {
        let name = address.to_string().into();
        let open: Arc<Open> = if let Target::Zenoh(board) = address.target {
            let kept = OnceLock::new();
            Arc::new(move |until| {
                let open = elsewhere::opener(&board, &kept);
                Box::pin(async move { open?(until).await })
            })
        } else {
            let address = Arc::new(address);
            Arc::new(move |until| {
                let address = Arc::clone(&address);
                Box::pin(async move { address.open_before(until).await })
            })
        };
        Self { name, open }
    }
}

/// Sets how this program opens addresses that begin with `zenoh:`. `way` makes a connector from the rest of the
/// address, `belay/<host>/<board>`. It replaces an earlier one.
///
/// The crate `belay-fleet` calls this, so that a program that only calls boards of this machine need not compile that
/// crate.
pub fn provide_zenoh(way: impl Fn(&str) -> Connector + Send + Sync + 'static) {
    elsewhere::provide(Arc::new(move |board| way(board).open));
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connector").field(&self.name).finish()
    }
}
