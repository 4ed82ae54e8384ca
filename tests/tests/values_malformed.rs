//! Replies that no board should send: cut, damaged and random. Nothing panics, and no value results that differs from
//! the text.

use std::collections::{BTreeMap, BTreeSet};

use belay_runtime::python::{Array, Bytes, Timestamp, Value, from_repr};
use belay_tests::values::{Abilities, Floats, values};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only whether it can be read matters")]
struct Reading {
    value: f64,
    unit: Option<String>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only whether it can be read matters")]
enum Command {
    Stop,
    Speed(u8),
    Blink { on_ms: u32 },
}

/// Real replies of boards, one of each kind.
const CORPUS: &[&str] = &[
    "None",
    "[True, False, None]",
    "-1234567890123456789012345678901234567890",
    "[0.1, -1e-05, 1e+20, inf, -inf, nan, 3.4028234663852886e+38]",
    "(1+2j)",
    r"'it\'s \\ \x00\xe9\u20ac\U0001f600 \n'",
    r#"{"it's": b'\x00\xff\'', 'b': bytearray(b'ab')}"#,
    "B('AAECAwQ=')",
    "array('h', [1, -2])",
    "OrderedDict({'a': (1,), 'b': ()})",
    "Point(x=1, y=Point(x=2, y=[]))",
    "(name='micropython', version=(1, 26, 1))",
    "{1, 2, frozenset({3}), frozenset()}",
    "[set(), dict_keys(['a']), {1: {2: 3}}]",
    "{'value': 1.5, 'unit': 'C'}",
    "{'Blink': {'on_ms': 5}}",
    "<generator object 'f' at 7fd5>",
    "(2000, 2, 29, 12, 34, 56, 1, 60)",
];

/// Reads the text as one type after the other, and formats the errors as well.
fn read_as_everything(text: &[u8]) {
    fn as_type<'de, T: Deserialize<'de>>(text: &'de [u8]) {
        if let Err(error) = from_repr::<T>(text) {
            assert!(!error.to_string().is_empty());
            let _ = error.hint();
        }
    }
    as_type::<bool>(text);
    as_type::<u8>(text);
    as_type::<i128>(text);
    as_type::<f32>(text);
    as_type::<f64>(text);
    as_type::<char>(text);
    as_type::<&str>(text);
    as_type::<Option<String>>(text);
    as_type::<&[u8]>(text);
    as_type::<Bytes>(text);
    as_type::<()>(text);
    as_type::<Vec<Option<i64>>>(text);
    as_type::<(i8, f64)>(text);
    as_type::<[u8; 3]>(text);
    as_type::<BTreeMap<String, Value>>(text);
    as_type::<BTreeSet<u32>>(text);
    as_type::<Array<i16>>(text);
    as_type::<Timestamp>(text);
    as_type::<Reading>(text);
    as_type::<Command>(text);
}

/// Reads the text as a value of any type. If that works, the value has to mean the same as the text: written as Python
/// it is read as the same value again.
fn read_faithfully(text: &[u8]) {
    read_as_everything(text);
    let Ok(value) = from_repr::<Value>(text) else {
        return;
    };
    let written = value.to_string();
    let again = from_repr::<Value>(written.as_bytes()).map(|value| value.to_string());
    assert_eq!(again.as_deref(), Ok(&*written), "{}", text.escape_ascii());
}

/// The outermost Python type, judged by the first characters.
fn shape(value: &Value) -> &'static str {
    match value {
        Value::Str(_) => "str",
        Value::List(_) => "list",
        Value::Tuple(_) => "tuple",
        Value::Dict(_) => "dict",
        Value::Int(_) | Value::BigInt(_) => "int",
        Value::Float(_) => "float",
        _ => "other",
    }
}

#[test]
fn no_part_of_a_reply_is_a_value_of_another_shape() {
    for reply in CORPUS {
        let whole = from_repr::<Value>(reply.as_bytes()).ok();
        for end in 0..reply.len() {
            let text = &reply.as_bytes()[..end];
            read_faithfully(text);
            // The beginning of a number is a number; any other part of a reply is visibly incomplete.
            if let (Ok(part), Some(whole)) = (from_repr::<Value>(text), &whole) {
                assert_eq!(shape(&part), shape(whole), "{reply:?} up to {end}");
                assert!(matches!(shape(&part), "int" | "float"), "{reply:?} up to {end}");
            }
        }
    }
}

#[test]
fn no_damaged_byte_makes_a_reply_panic_or_lie() {
    for reply in CORPUS {
        for at in 0..reply.len() {
            for byte in 0..=255 {
                let mut text = reply.as_bytes().to_owned();
                text[at] = byte;
                read_faithfully(&text);
            }
        }
    }
}

#[test]
fn no_missing_or_doubled_byte_makes_a_reply_panic_or_lie() {
    for reply in CORPUS {
        for at in 0..reply.len() {
            let mut text = reply.as_bytes().to_owned();
            text.insert(at, text[at]);
            read_faithfully(&text);
            text.drain(at..at + 2);
            read_faithfully(&text);
        }
    }
}

/// Random sequences of the pieces that replies consist of.
fn fragments() -> impl Strategy<Value = String> {
    let fragment = prop::sample::select(vec![
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ",",
        ", ",
        ": ",
        "=",
        "'",
        "\"",
        "\\",
        "\\x",
        "b'",
        "B('",
        "1",
        "-",
        ".",
        "e",
        "j",
        "inf",
        "nan",
        "None",
        "True",
        "x",
        "array('",
        "bytearray(",
        "set(",
        "frozenset({",
        "OrderedDict({",
        "P(x=",
        "<",
        ">",
        "é",
    ]);
    prop::collection::vec(fragment, 0..24).prop_map(|fragments| fragments.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_text_is_an_error_or_what_it_says(text in fragments()) {
        read_faithfully(text.as_bytes());
    }

    #[test]
    fn random_bytes_are_an_error_or_what_they_say(text in prop::collection::vec(any::<u8>(), 0..40)) {
        read_faithfully(&text);
    }

    // Coarse floats only: with others a decimal is parsed as a board does it, which can give the neighbour of the float
    // that Rust has written.
    #[test]
    fn a_value_written_as_python_is_read_as_the_same(
        value in values(Abilities { floats: Floats::Coarse, ..Abilities::ALL })
    ) {
        let text = value.to_string();
        prop_assert!(text.bytes().all(|byte| (b' '..0x7f).contains(&byte)));
        let read: Value = from_repr(text.as_bytes()).expect("it is a value");
        prop_assert_eq!(read.to_string(), text);
    }
}
