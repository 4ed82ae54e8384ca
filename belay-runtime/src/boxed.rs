//! Futures and streams on the heap, for traits that are used as objects.

use std::pin::Pin;

use futures_core::Stream;

/// A future on the heap, as the executors' traits return them.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A stream on the heap, as the executors' traits return them.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T> + Send>>;
