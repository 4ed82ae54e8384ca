//! The agents on the board, as the host knows them: the requests that they are sent, their replies, and the sources
//! that bring them to the board. Nothing here has a port or a clock.
//!
//! Their Python sources are in the same folder, one file each; `build.rs` minifies them.

#[doc(hidden)]
pub mod asking;
pub(crate) mod awaiting;
pub(crate) mod clock;
#[doc(hidden)]
pub mod events;
pub(crate) mod expression;
pub(crate) mod feeds;
pub(crate) mod files;
mod flavour;
mod kinds;
mod line;
pub(crate) mod modules;
#[cfg(feature = "mount")]
pub(crate) mod mount;
#[doc(hidden)]
pub mod objects;
#[doc(hidden)]
pub mod prebuilt;
mod raised;
mod reply;
pub(crate) mod report;
mod request;
pub(crate) mod small;
pub(crate) mod source;
pub(crate) mod threads;
mod typed;
pub(crate) mod values;

#[cfg(test)]
mod tests;

pub use asking::Question;
pub use flavour::Flavour;
pub use kinds::{ReplyKind, RequestKind};
pub use line::{Lines, NUMBERS, Number};
pub use raised::Raised;
pub use reply::{FirstWords, Form, Payload, Piece, Pong, Reply, Told};
pub use request::{Missing, Request};
#[doc(hidden)]
pub use source::unharmed;

pub(crate) use raised::frames;
