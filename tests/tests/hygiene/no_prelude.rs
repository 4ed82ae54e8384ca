//! A module without the prelude of the standard library, and without that of belay.

#![no_implicit_prelude]

use ::belay::{Result, Stream, ThreadHandle};

/// Every kind of method.
#[::belay::device]
pub trait Bare {
    /// ```python
    /// scale = factor
    /// ```
    #[::belay::setup]
    async fn prepare(&self, factor: u32) -> Result<()>;

    /// ```python
    /// return value * scale
    /// ```
    #[belay::task(timeout_ms = 100, exclusive)]
    async fn read(&self, value: u32) -> Result<u32>;

    /// ```python
    /// for i in range(count):
    ///     yield i
    /// ```
    #[::belay::task]
    fn count(&self, #[default = 3] count: ::core::option::Option<u32>) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// while True:
    ///     pass
    /// ```
    #[::belay::thread(name = "spinner", max_runtime_ms = 5, auto_restart = 2)]
    async fn spin(&self) -> Result<ThreadHandle>;

    /// ```python
    /// scale = 0
    /// ```
    #[::belay::teardown(order = -1)]
    async fn stop(&self) -> Result<()>;
}
