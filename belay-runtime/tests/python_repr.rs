//! What boards print, as Rust values.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, UNIX_EPOCH};

use belay_runtime::python::{Array, Bytes, Millis, Seconds, Timestamp, TypeCode, Value, from_repr};
use serde::Deserialize;
use serde::de::DeserializeOwned;

fn read<T: DeserializeOwned>(repr: &str) -> T {
    from_repr(repr.as_bytes()).unwrap_or_else(|error| panic!("{repr}: {error}"))
}

fn error<T: DeserializeOwned>(repr: &str) -> String {
    match from_repr::<T>(repr.as_bytes()) {
        Ok(_) => panic!("{repr} is taken for a value of the type"),
        Err(error) => error.to_string(),
    }
}

#[derive(Debug, Deserialize, PartialEq)]
struct Reading {
    value: f64,
    #[serde(default)]
    unit: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
enum Command {
    Stop,
    Speed(u8),
    Move(i8, i8),
    Blink { on_ms: u32 },
}

#[test]
fn ints_of_every_size_are_read() {
    assert_eq!(read::<u8>("255"), 255);
    assert_eq!(read::<i64>("-9223372036854775808"), i64::MIN);
    assert_eq!(read::<u64>("18446744073709551615"), u64::MAX);
    assert_eq!(
        read::<i128>("-170141183460469231731687303715884105728"),
        i128::MIN
    );
    assert_eq!(read::<u128>("340282366920938463463374607431768211455"), u128::MAX);
    let digits = format!("-{}", "7".repeat(80));
    assert_eq!(read::<Value>(&digits).to_string(), digits);
}

#[test]
fn ints_that_do_not_fit_say_so() {
    assert_eq!(
        error::<u8>("300"),
        "the board returned 300 (int), which cannot be represented as u8"
    );
    assert_eq!(
        error::<u8>("-1"),
        "the board returned -1 (int), which cannot be represented as u8"
    );
    let long = "9".repeat(30);
    assert_eq!(
        error::<i64>(&long),
        format!("the board returned {long} (int), which cannot be represented as i64")
    );
    let longer = "9".repeat(50);
    assert_eq!(
        error::<u128>(&longer),
        format!("the board returned {longer} (int), which cannot be represented as u128")
    );
    assert_eq!(
        error::<Vec<i64>>("[1, -9223372036854775809]"),
        "`[1]`: the board returned -9223372036854775809 (int), which cannot be represented as i64"
    );
}

#[test]
fn floats_are_read_in_every_form_that_boards_print() {
    for (repr, value) in [
        ("1.0", 1.0),
        ("-0.5", -0.5),
        ("1e+20", 1e20),
        ("1.0e+20", 1e20),
        ("-1e-05", -1e-5),
        ("1.5E-300", 1.5e-300),
        ("5e-324", 5e-324),
        ("3.402823e+38", 3.402_823e38),
        ("inf", f64::INFINITY),
        ("-inf", f64::NEG_INFINITY),
    ] {
        assert_eq!(read::<f64>(repr).to_bits(), value.to_bits(), "{repr}");
    }
    assert!(read::<f64>("nan").is_nan());
    assert!(read::<f32>("-nan").is_nan());
    assert_eq!(read::<f64>("-0.0").to_bits(), (-0.0_f64).to_bits());
    assert_eq!(read::<f32>("7.038531e-26").to_bits(), 7.038_531e-26_f32.to_bits());
}

#[test]
fn ints_are_floats_where_nothing_is_lost() {
    assert_eq!(read::<f64>("-3").to_bits(), (-3.0_f64).to_bits());
    assert_eq!(read::<f64>("0").to_bits(), 0.0_f64.to_bits());
    assert_eq!(read::<f64>("100000000000000000000").to_bits(), 1e20_f64.to_bits());
    assert_eq!(
        error::<f64>("9007199254740993"),
        "the board returned 9007199254740993 (int), which cannot be represented as f64"
    );
    assert_eq!(
        error::<f32>("16777217"),
        "the board returned 16777217 (int), which cannot be represented as f32"
    );
}

#[test]
fn numbers_and_bools_are_never_taken_for_one_another() {
    assert_eq!(
        error::<u8>("True"),
        "the board returned True (bool), the method says u8"
    );
    assert_eq!(
        error::<bool>("1"),
        "the board returned 1 (int), the method says bool"
    );
    assert_eq!(
        error::<i32>("1.0"),
        "the board returned 1.0 (float), the method says i32"
    );
    assert_eq!(
        error::<f64>("False"),
        "the board returned False (bool), the method says f64"
    );
}

#[test]
fn strings_with_every_escape_are_read() {
    assert_eq!(
        read::<String>(r#"'\\ \' " \n\r\t\x00\x7f\xe9\u20ac\U0001f600'"#),
        "\\ ' \" \n\r\t\0\x7fé€😀"
    );
    assert_eq!(read::<String>(r#""it's""#), "it's");
    assert_eq!(read::<String>("'é'"), "é");
    assert_eq!(read::<char>(r"'\n'"), '\n');
    assert_eq!(
        error::<char>("'ab'"),
        "the board returned 'ab' (str), which cannot be represented as char"
    );
    assert!(error::<String>(r"'\ud800'").contains("\\ud800, which no string in Rust can hold"));
}

#[test]
fn strings_and_bytes_without_escapes_are_borrowed() {
    let text: &str = from_repr(b"'plain'").unwrap();
    assert_eq!(text, "plain");
    let bytes: &[u8] = from_repr(b"b'plain'").unwrap();
    assert_eq!(bytes, b"plain");
    assert!(from_repr::<&str>(br"'\n'").is_err());
    let map: BTreeMap<&str, Vec<&str>> = from_repr(b"{'a': ['b', 'c']}").unwrap();
    assert_eq!(map["a"], ["b", "c"]);
}

#[test]
fn bytes_are_read_in_all_their_forms() {
    for repr in [
        r"b'\x00\'a\xff'",
        "B('ACdh/w==')",
        r#"bytearray(b"\x00'a\xff")"#,
        r#"bytearray(B("ACdh/w=="))"#,
        "[0, 39, 97, 255]",
        "array('B', [0, 39, 97, 255])",
    ] {
        assert_eq!(read::<Bytes>(repr).0, b"\0'a\xff", "{repr}");
        assert_eq!(read::<serde_bytes::ByteBuf>(repr), b"\0'a\xff", "{repr}");
        assert_eq!(read::<Vec<u8>>(repr), b"\0'a\xff", "{repr}");
    }
    assert_eq!(read::<[u8; 2]>("b'ab'"), *b"ab");
    assert_eq!(
        error::<Bytes>("'ab'"),
        "the board returned 'ab' (str), the method says bytes"
    );
    assert_eq!(
        error::<String>("b'ab'"),
        "the board returned b'ab' (bytes), the method says a string (String, &str)"
    );
}

#[test]
fn sequences_of_every_kind_are_read() {
    for repr in [
        "[1, 2]",
        "(1, 2)",
        "{1, 2}",
        "frozenset({1, 2})",
        "array('i', [1, 2])",
        "P(x=1, y=2)",
        "dict_values([1, 2])",
    ] {
        assert_eq!(read::<Vec<u8>>(repr), [1, 2], "{repr}");
        assert_eq!(read::<(u8, u8)>(repr), (1, 2), "{repr}");
    }
    for repr in ["[]", "()", "set()", "frozenset()", "array('i')", "b''"] {
        assert_eq!(read::<Vec<u8>>(repr), [0; 0], "{repr}");
    }
    assert_eq!(read::<BTreeSet<String>>("{'b', 'a'}").len(), 2);
    assert_eq!(read::<Array<i16>>("array('h', [-1])"), Array(vec![-1]));
    assert_eq!(read::<(u8,)>("(1,)"), (1,));
    assert_eq!(read::<(f64, f64)>("(1-2.5j)"), (1.0, -2.5));
    assert_eq!(read::<(f64, f64)>("(1e+20+infj)"), (1e20, f64::INFINITY));
    assert_eq!(read::<(f64, f64)>("-1j"), (0.0, -1.0));
}

#[test]
fn the_number_of_elements_has_to_be_right() {
    assert_eq!(
        error::<(u8, u8, u8)>("(1, 2)"),
        "the board returned (1, 2) (tuple) with 2 elements, the method says a tuple of size 3"
    );
    assert_eq!(
        error::<[u8; 2]>("[1, 2, 3]"),
        "the board returned [1, 2, 3] (list) with 3 elements, the method says 2"
    );
    assert!(from_repr::<(u8,)>(b"(1)").is_err());
}

#[test]
fn dicts_are_read_with_keys_of_every_type() {
    assert_eq!(
        read::<HashMap<u32, bool>>("{1: True}"),
        HashMap::from([(1, true)])
    );
    let map = read::<BTreeMap<(u8, String), u8>>("{(1, 'a'): 3, (2, 'b'): 4}");
    assert_eq!(map.len(), 2);
    assert_eq!(
        read::<BTreeMap<u8, u8>>("OrderedDict({1: 2})"),
        BTreeMap::from([(1, 2)])
    );
    assert_eq!(read::<BTreeMap<u8, u8>>("{}"), BTreeMap::new());
    assert_eq!(
        error::<Vec<u8>>("{}"),
        "the board returned {} (dict), the method says a sequence (Vec, set, tuple)"
    );
    assert_eq!(
        error::<Vec<u8>>("{1: 2}"),
        "the board returned {1: 2} (dict), the method says a sequence (Vec, set, tuple)"
    );
    assert_eq!(
        error::<BTreeMap<u8, u8>>("{1, 2}"),
        "the board returned {1, 2} (set), the method says a dict"
    );
}

#[test]
fn structs_are_read_from_dicts_namedtuples_and_tuples() {
    let expected = Reading {
        value: 1.5,
        unit: Some("C".into()),
    };
    for repr in [
        "{'value': 1.5, 'unit': 'C'}",
        "{'other': [{1}, (1+1j)], 'unit': 'C', 'value': 1.5}",
        "Reading(value=1.5, unit='C')",
        "(value=1.5, unit='C')",
        "(1.5, 'C')",
    ] {
        assert_eq!(read::<Reading>(repr), expected, "{repr}");
    }
    assert_eq!(
        error::<Reading>("[1.5, 'C']"),
        "the board returned [1.5, 'C'] (list), the method says struct Reading"
    );
    assert_eq!(
        error::<Reading>("{'unit': 'C'}"),
        "the board returned {'unit': 'C'} (dict): it has no \"value\""
    );
}

#[test]
fn enums_are_tagged_from_outside() {
    assert_eq!(read::<Command>("'Stop'"), Command::Stop);
    assert_eq!(read::<Command>("{'Stop': None}"), Command::Stop);
    assert_eq!(read::<Command>("{'Speed': 3}"), Command::Speed(3));
    assert_eq!(read::<Command>("{'Move': (-1, 1)}"), Command::Move(-1, 1));
    assert_eq!(
        read::<Command>("{'Blink': {'on_ms': 1}}"),
        Command::Blink { on_ms: 1 }
    );
    assert_eq!(
        error::<Command>("{'Speed': 'x'}"),
        "`Speed`: the board returned 'x' (str), the method says u8"
    );
    assert_eq!(
        error::<Command>("'Jump'"),
        "the board returned 'Jump' (str): none of \"Stop\", \"Speed\", \"Move\", \"Blink\""
    );
    assert!(from_repr::<Command>(b"{'Stop': None, 'Speed': 3}").is_err());
    assert_eq!(
        error::<Command>("7"),
        "the board returned 7 (int), the method says enum Command"
    );
}

#[test]
fn none_is_the_unit_and_the_empty_option() {
    read::<()>("None");
    assert_eq!(read::<Option<u8>>("None"), None);
    assert_eq!(read::<Option<u8>>("5"), Some(5));
    assert_eq!(error::<u8>("None"), "the board returned None, the method says u8");
    assert_eq!(error::<()>("5"), "the board returned 5 (int), the method says ()");
}

#[test]
fn an_error_names_the_path_the_type_and_what_came() {
    assert_eq!(
        error::<Vec<Reading>>("[{'value': 1.0}, {'value': 2}, {'value': 3.0}, {'value': 'abc'}]"),
        "`[3].value`: the board returned 'abc' (str), the method says f64"
    );
    assert_eq!(
        error::<BTreeMap<u8, Vec<u8>>>("{1: [0], 2: [0, None]}"),
        "`[2][1]`: the board returned None, the method says u8"
    );
    assert_eq!(
        error::<Reading>("Reading(value='x', unit=None)"),
        "`value`: the board returned 'x' (str), the method says f64"
    );
}

#[test]
fn objects_are_named_with_what_to_return_instead() {
    for (repr, named, advice) in [
        (
            "[1, <Pin 4>]",
            "`[1]`: the board returned <Pin 4>, an object",
            "return what you need",
        ),
        (
            "{'led': Pin(4, mode=OUT)}",
            "`led`: the board returned Pin(4, mode=OUT), an object",
            "return what you need",
        ),
        (
            "<generator object 'f' at 7fd5>",
            "the board returned <generator object 'f' at 7fd5>",
            "impl Stream",
        ),
        (
            "(<bound_method 7f [].<function>>, 1)",
            "`[0]`: the board returned <bound_method 7f [].<function>>,",
            "call the function",
        ),
        (
            "range(0, 3)",
            "the board returned range(0, 3), an object",
            "list(…)",
        ),
        (
            "[Ellipsis]",
            "`[0]`: the board returned Ellipsis, an object",
            "return what you need",
        ),
    ] {
        let error = from_repr::<Value>(repr.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
        assert!(
            error.hint().is_some_and(|hint| hint.contains(advice)),
            "{repr}: {:?}",
            error.hint()
        );
        assert!(from_repr::<u8>(repr.as_bytes()).is_err());
    }
}

#[test]
fn a_value_of_unknown_type_keeps_all_that_python_says() {
    for repr in [
        "None",
        "[True, -1, 1.5, 'a', b'\\xff', bytearray(b'')]",
        "((), (1,), (1, 2))",
        "{1: {2, 3}, 'a': set()}",
        "frozenset({(1, 'x')})",
        "array('d', [1.5, -2.0])",
        "array('B')",
        "P(x=1, y=(z=2, w=[]))",
        "{{1, 2}, frozenset()}",
    ] {
        assert_eq!(read::<Value>(repr).to_string(), repr);
    }
    assert_eq!(read::<Value>("{'a': 1}").get("a"), Some(&Value::Int(1)));
    assert_eq!(
        read::<Value>("array('L', [1])"),
        Value::Array(TypeCode::U64, vec![Value::Int(1)])
    );
}

#[test]
fn a_value_can_be_read_from_other_formats() {
    let value: Value = serde_json::from_str(r#"{"a": [1, 2.5, null, "x"]}"#).unwrap();
    assert_eq!(value.to_string(), "{'a': [1, 2.5, None, 'x']}");
    assert_eq!(
        serde_json::to_string(&value).unwrap(),
        r#"{"a":[1,2.5,null,"x"]}"#
    );
}

#[test]
fn times_follow_their_convention() {
    assert_eq!(read::<Seconds>("0.25").0, Duration::from_millis(250));
    assert_eq!(read::<Seconds>("3").0, Duration::from_secs(3));
    assert_eq!(read::<Millis>("1500").0, Duration::from_millis(1500));
    assert_eq!(
        error::<Seconds>("-1.0"),
        "the board returned -1.0 (float): it is no duration in seconds"
    );
    let expected = UNIX_EPOCH + Duration::from_secs(951_827_696);
    assert_eq!(read::<Timestamp>("(2000, 2, 29, 12, 34, 56, 1, 60)").0, expected);
    for wrong in [
        "(2001, 2, 29, 0, 0, 0)",
        "(2000, 13, 1, 0, 0, 0)",
        "(2000, 1)",
        "(9223372036854775807, 1, 1, 0, 0, 0)",
    ] {
        assert!(from_repr::<Timestamp>(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn nesting_ends_in_an_error_and_not_in_the_stack() {
    for (open, close) in [
        ("[", "]"),
        ("(", ",)"),
        ("{", "}"),
        ("{1: ", "}"),
        ("P(x=", ")"),
        ("frozenset({", "})"),
    ] {
        let deep = |levels| format!("{}1{}", open.repeat(levels), close.repeat(levels));
        read::<Value>(&deep(100));
        assert!(from_repr::<Value>(deep(101).as_bytes()).is_err());
        assert!(from_repr::<u8>(deep(100_000).as_bytes()).is_err());
        assert!(from_repr::<Value>(open.repeat(1_000_000).as_bytes()).is_err());
    }
}
