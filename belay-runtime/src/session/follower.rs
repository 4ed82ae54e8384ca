//! Notifications for executors that react to what happens to their session.

use std::sync::Arc;

use super::connection::Connection;
use super::policy::ReconnectPolicy;
use crate::boxed::BoxFuture;
use crate::error::{Error, Result};

/// An executor, or a part of one, that is notified of what happens to its session: see
/// [`Session::follow`](super::Session::follow).
pub trait Follower: Send + Sync {
    /// Called when the session is connected again, but not ready yet. The follower restores over this connection
    /// whatever has to be restored. `reset` is whether the board was reset and lost everything.
    ///
    /// # Errors
    ///
    /// When the session must not become ready. [`ErrorKind::Setup`](crate::ErrorKind::Setup) ends the reconnection;
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

    /// Called when Python on the board has sent an event: the `repr` of a value.
    fn board_event(&self, repr: &[u8]) {
        let _ = repr;
    }

    /// Called when the session is faulted or closed: whatever ran on the board is out of reach.
    fn out_of_reach(&self, cause: &Arc<Error>) {
        let _ = cause;
    }
}
