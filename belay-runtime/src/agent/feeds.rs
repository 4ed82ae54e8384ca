//! The library for streams that the host sends to bodies, and how it is called.

use super::asking::NAMESPACE;
use super::expression::{call, in_namespace, is_in_namespace};

/// The library's source, which is executed in the namespace of `asking`.
pub(crate) const LIBRARY: &str = include_str!(concat!(env!("OUT_DIR"), "/feeds.py"));
/// The file name of the library in tracebacks.
pub(crate) const FILE: &str = "belay.feeds";
/// The name of the question that asks for the next items of a stream.
pub(crate) const NEXT: &str = "<";

/// The function that makes an iterator over a stream.
const FEED: &str = "feed";

/// Whether the library is there.
pub(crate) fn is_there() -> String {
    is_in_namespace(NAMESPACE, FEED)
}

/// The iterator over the stream of this number.
pub(crate) fn iterator(number: u64) -> String {
    call(in_namespace(NAMESPACE, FEED), &number.to_string())
}
