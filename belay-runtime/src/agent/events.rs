//! The library for events on the board, and how it is called.

use super::expression::{call, in_namespace, is_in_namespace};
use crate::python::{self, ValueError};

/// Its source.
pub const LIBRARY: &str = include_str!(concat!(env!("OUT_DIR"), "/events.py"));
/// The namespace in which it is.
pub const NAMESPACE: &str = "_events";
/// The file name of the library in tracebacks.
pub const FILE: &str = "belay.events";

/// What is raised where there is no counter of microseconds.
pub(crate) const NO_COUNTER: &str = "NotImplementedError";

const CLAIM: &str = "claim";
/// More than any board has room for, and an int of no more than 31 bits, which all boards have.
const MOST: usize = 1 << 20;

/// Puts the functions that tell these events into the trait's namespace. The board queues up to `room` of them; a
/// `fresh` claim silences the events of earlier programs. Gives `False` where the board does not have the library.
pub fn claim(
    fresh: bool,
    room: usize,
    packs: bool,
    namespace: &str,
    events: &[&str],
) -> Result<String, ValueError> {
    let packs = if packs { "P" } else { "None" };
    let room = room.min(MOST);
    let fresh = u8::from(fresh);
    let events = python::to_literal(events)?;
    let claim = function(
        CLAIM,
        &format!("W,{packs},{room},{fresh},'{namespace}',N('{namespace}'),{events}"),
    );
    Ok(format!("{} and {claim}", is_in_namespace(NAMESPACE, CLAIM)))
}

/// Subscribes: an event is sent under this token from now on, or no longer if the token is 0.
pub fn listen(namespace: &str, event: &str, token: u32) -> String {
    function("listen", &format!("'{namespace}','{event}',{token}"))
}

/// The same with the moment of each. Where the board has no counter it raises [`NO_COUNTER`].
pub(crate) fn listen_with_moments(namespace: &str, event: &str, token: u32) -> String {
    function("listen", &format!("'{namespace}','{event}',{token},1"))
}

/// How many events were told under each token, as pairs.
pub fn counts() -> String {
    function("counts", "")
}

/// Ends all subscriptions. It does nothing where the board does not have the library.
pub(crate) fn quiet() -> String {
    format!(
        "{} and {}",
        is_in_namespace(NAMESPACE, CLAIM),
        function("quiet", "")
    )
}

fn function(name: &str, arguments: &str) -> String {
    call(in_namespace(NAMESPACE, name), arguments)
}
