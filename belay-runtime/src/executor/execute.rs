//! What all executors share.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::boxed::BoxFuture;
use crate::error::Result;
use crate::python;
use crate::session::{Returned, SCRATCH, Session};

/// The base of all executors: the session that they work on, and the plain execution of code.
pub trait Executor: fmt::Debug + Send + Sync {
    /// The session that this executor works on.
    fn session(&self) -> &Session;

    /// Whether a call would be accepted now: the session is ready, busy or about to be ready again.
    fn can_execute(&self) -> bool {
        self.session().can_execute()
    }

    /// Runs statements on the board and returns what they printed. They run at the global level of a namespace that
    /// belongs to no trait.
    ///
    /// # Errors
    ///
    /// When the code raises, when it takes longer than the session's time-out, or when the board cannot be
    /// reached.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the board; the session stays usable.
    fn execute<'a>(&'a self, code: &'a str) -> BoxFuture<'a, Result<String>> {
        self.execute_in(SCRATCH, code)
    }

    /// Runs statements on the board as [`execute`](Executor::execute) does, at the global level of this namespace: for
    /// example that of a trait, which has the trait's setups and tasks.
    ///
    /// # Errors
    ///
    /// As [`execute`](Executor::execute).
    ///
    /// # Cancel safety
    ///
    /// As [`execute`](Executor::execute).
    fn execute_in<'a>(&'a self, namespace: &'a str, code: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.session().execute(namespace, code))
    }

    /// Evaluates one expression on the board, in the namespace in which [`execute`](Executor::execute) runs
    /// its code.
    ///
    /// # Errors
    ///
    /// As [`execute`](Executor::execute).
    ///
    /// # Cancel safety
    ///
    /// As [`execute`](Executor::execute).
    fn evaluate<'a>(&'a self, expression: &'a str) -> BoxFuture<'a, Result<Returned>> {
        self.evaluate_in(SCRATCH, expression)
    }

    /// Evaluates one expression on the board, in this namespace.
    ///
    /// # Errors
    ///
    /// As [`execute`](Executor::execute).
    ///
    /// # Cancel safety
    ///
    /// As [`execute`](Executor::execute).
    fn evaluate_in<'a>(&'a self, namespace: &'a str, expression: &'a str) -> BoxFuture<'a, Result<Returned>> {
        Box::pin(self.session().evaluate(namespace, expression))
    }
}

/// What every [`Executor`] can do in addition, for any type of result.
pub trait ExecutorExt: Executor {
    /// Evaluates one expression on the board and returns its value, or a [`Remote`](crate::Remote) handle of it.
    ///
    /// # Errors
    ///
    /// As [`Executor::execute`], and when the value is not a `T`.
    ///
    /// # Cancel safety
    ///
    /// As [`Executor::execute`].
    fn execute_as<T: DeserializeOwned>(&self, expression: &str) -> impl Future<Output = Result<T>> + Send {
        async move {
            if python::has_handles::<T>() {
                return self.session().evaluate_as(SCRATCH, expression).await;
            }
            self.evaluate(expression).await?.to()
        }
    }
}

impl<E: Executor + ?Sized> ExecutorExt for E {}
