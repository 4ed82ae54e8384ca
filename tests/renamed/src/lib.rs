//! A library that knows belay under another name, and that lets no lint pass.

#![deny(
    missing_docs,
    unused,
    warnings,
    unreachable_pub,
    rustdoc::all,
    clippy::pedantic,
    clippy::missing_errors_doc
)]
#![warn(
    unused_qualifications,
    single_use_lifetimes,
    let_underscore_drop,
    missing_debug_implementations
)]

use drill::{Result, Stream, ThreadHandle};

/// Every kind of method, public.
#[drill::device(crate = drill)]
pub trait Board {
    /// Opens.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    ///
    /// ```python
    /// scale = 3
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// Sets the scale.
    ///
    /// # Errors
    ///
    /// When the board cannot be reached.
    ///
    /// ```python
    /// offset = by
    /// ```
    #[setup]
    async fn shift(&self, by: i32) -> Result<()>;

    /// Reads.
    ///
    /// # Errors
    ///
    /// When the board cannot be reached.
    ///
    /// ```python
    /// return (raw + offset) * scale
    /// ```
    #[task(idempotent)]
    async fn read(&self, raw: i32) -> Result<i32>;

    /// Counts.
    ///
    /// ```python
    /// for i in range(limit):
    ///     yield i
    /// ```
    #[task]
    fn count(&self, #[default = 10] limit: Option<u32>) -> impl Stream<Item = Result<u32>>;

    /// Spins.
    ///
    /// # Errors
    ///
    /// When the board has no threads.
    ///
    /// ```python
    /// while True:
    ///     pass
    /// ```
    #[thread]
    async fn spin(&self) -> Result<ThreadHandle>;

    /// Ends.
    ///
    /// # Errors
    ///
    /// When the board cannot be reached.
    ///
    /// ```python
    /// scale = 0
    /// ```
    #[teardown]
    async fn end(&self) -> Result<()>;
}

/// A trait that only this crate sees.
#[drill::device(crate = ::drill)]
pub(crate) trait Inner {
    /// return 1
    #[task]
    async fn one(&self) -> Result<u8>;
}

/// Uses the other trait.
///
/// # Errors
///
/// When the board cannot be reached.
pub async fn one(board: &BoardDevice) -> Result<u8> {
    InnerDevice::attach(board.device()).await?.one().await
}

/// Warnings that the user has reasons to silence, or that a name with `_` says to be meant.
#[drill::device(crate = drill, globals(display))]
pub trait Silenced {
    /// Shows.
    ///
    /// # Errors
    ///
    /// When the board cannot be reached.
    ///
    /// ```python
    /// display.text(unknown_to_us)
    /// ```
    #[allow(deprecated)]
    #[task]
    async fn show(&self, _reserved: u8) -> Result<()>;
}

mod private {
    /// A trait that only this module sees, of which not everything is used.
    #[drill::device(crate = drill)]
    trait Hidden {
        /// return 1
        #[task]
        async fn one(&self) -> drill::Result<u8>;
    }

    pub(crate) async fn hidden(device: &drill::Device) -> drill::Result<u8> {
        HiddenDevice::attach(device).await?.one().await
    }
}

/// Uses the hidden one.
///
/// # Errors
///
/// When the board cannot be reached.
pub async fn hidden(device: &drill::Device) -> Result<u8> {
    private::hidden(device).await
}
