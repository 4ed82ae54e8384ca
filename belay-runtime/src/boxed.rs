//! Boxed futures and streams, for traits that are used as trait objects.

use std::pin::Pin;

use futures_core::Stream;

/// A boxed future, as the executors' traits return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A boxed stream, as the executors' traits return it.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T> + Send>>;
