//! The deserialiser: whatever a board sends as a value is read or refused, for result types of every shape. A value
//! that was read, written as Python and read again is the same.
#![no_main]

use std::collections::BTreeMap;

use belay_runtime::python::{Value, from_repr, to_literal};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "it only has to be read")]
struct Reading<'a> {
    name: &'a str,
    celsius: f64,
    samples: Vec<(u16, Option<i64>)>,
    kind: Kind,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "it only has to be read")]
enum Kind {
    Off,
    Level(u8),
    Window { low: f32, high: f32 },
}

fuzz_target!(|repr: &[u8]| {
    let _ = from_repr::<Reading<'_>>(repr);
    let _ = from_repr::<Vec<Kind>>(repr);
    let _ = from_repr::<BTreeMap<String, Option<bool>>>(repr);
    let _ = from_repr::<(char, u128, Box<[u8]>)>(repr);
    let _ = from_repr::<String>(repr);
    let _ = from_repr::<()>(repr);
    if let Ok(value) = from_repr::<Value>(repr) {
        let written = value.to_string();
        let again = from_repr::<Value>(written.as_bytes()).map(|value| value.to_string());
        assert_eq!(again.as_deref(), Ok(&*written));
        // A literal for an argument may be impossible to read back: it can call functions that boards have.
        if let Ok(literal) = to_literal(&value) {
            assert!(
                literal.bytes().all(|byte| (b' '..0x7f).contains(&byte)),
                "{literal}"
            );
        }
    }
});
