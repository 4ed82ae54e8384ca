//! The library for streams of the host's in bodies, and how it is called.

use super::asking::NAMESPACE;
use super::expression::{call, in_namespace, is_in_namespace};

/// Its source, which is run where what asks the host is.
pub(crate) const LIBRARY: &str = include_str!(concat!(env!("OUT_DIR"), "/feeds.py"));
/// What tracebacks call it.
pub(crate) const FILE: &str = "belay.feeds";
/// What the question for the next items is called.
pub(crate) const NEXT: &str = "<";

/// The function that makes an iterator of a stream.
const FEED: &str = "feed";

/// Whether the library is there.
pub(crate) fn is_there() -> String {
    is_in_namespace(NAMESPACE, FEED)
}

/// The iterator over the stream of this number.
pub(crate) fn iterator(number: u64) -> String {
    call(in_namespace(NAMESPACE, FEED), &number.to_string())
}
