//! What happens to a session, for executors that have to do something about it.

use std::sync::Arc;

use super::connection::Connection;
use super::policy::ReconnectPolicy;
use crate::boxed::BoxFuture;
use crate::error::{Error, Result};

/// An executor, or a part of it, that follows what happens to its session: see
/// [`Session::follow`](super::Session::follow).
pub trait Follower: Send + Sync {
    /// The session is connected again, and not ready yet: what has to be done again is done on this connection.
    /// `reset` says whether the board lost what it had.
    ///
    /// # Errors
    ///
    /// Where the session is not to be ready. [`ErrorKind::Setup`](crate::ErrorKind::Setup) ends the reconnection;
    /// after any other error there may be another attempt.
    fn reconnected<'a>(
        self: Arc<Self>,
        connection: &'a Arc<Connection>,
        reset: bool,
        policy: &'a ReconnectPolicy,
    ) -> BoxFuture<'a, Result<()>> {
        let _ = (connection, reset, policy);
        Box::pin(std::future::ready(Ok(())))
    }

    /// Python on the board said something of its own accord: the `repr` of a value.
    fn board_event(&self, repr: &[u8]) {
        let _ = repr;
    }

    /// The session is faulted or closed: what ran on the board is out of reach.
    fn out_of_reach(&self, cause: &Arc<Error>) {
        let _ = cause;
    }
}
