//! The names by which our own types request from our serialiser and deserialiser what serde's data model
//! lacks. Every other format treats them as ordinary newtypes, and sees what is inside.

/// The common prefix of these names.
pub(super) const PREFIX: &str = "$belay::";

/// A `Value`: the deserialiser tells it the Python type.
pub(crate) const VALUE: &str = "$belay::value";
/// The number of an object that stays on the board.
pub(crate) const OBJECT: &str = "$belay::object";
/// A string of digits that is an int.
pub(super) const INT: &str = "$belay::int";
/// A sequence that is a set.
pub(super) const SET: &str = "$belay::set";
/// A sequence that is a frozenset.
pub(super) const FROZENSET: &str = "$belay::frozenset";
/// Bytes that are a bytearray.
pub(super) const BYTEARRAY: &str = "$belay::bytearray";
/// A sequence that is an `array.array`; one character, its type code, follows.
pub(super) const ARRAY: &str = "$belay::array:";
/// A value with the time at which the board had it.
pub(crate) const STAMPED: &str = "$belay::stamped";
