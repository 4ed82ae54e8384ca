//! `Value`, `Array`, `Bytes` and the times as Rust programs use them: made, asked, converted, refused.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use belay_runtime::python::{
    Array, BigInt, Bytes, Micros, Millis, Seconds, Timestamp, TypeCode, Value, from_repr, to_literal,
};

#[test]
fn rust_values_become_values_of_the_type_that_python_has_for_them() {
    let made = [
        (Value::from(()), "None"),
        (true.into(), "True"),
        (i8::MIN.into(), "-128"),
        (i16::MIN.into(), "-32768"),
        (i32::MIN.into(), "-2147483648"),
        (i64::MIN.into(), "-9223372036854775808"),
        (i128::MIN.into(), "-170141183460469231731687303715884105728"),
        (u8::MAX.into(), "255"),
        (u16::MAX.into(), "65535"),
        (u32::MAX.into(), "4294967295"),
        (u64::MAX.into(), "18446744073709551615"),
        (u128::MAX.into(), "340282366920938463463374607431768211455"),
        (0.5_f32.into(), "0.5"),
        (1e300.into(), "1e+300"),
        (f64::NEG_INFINITY.into(), "-inf"),
        (f64::NAN.into(), "nan"),
        ('é'.into(), r"'\xe9'"),
        ("it's".into(), r"'it\'s'"),
        (String::from("a").into(), "'a'"),
        (Value::from(&b"\0"[..]), r"b'\x00'"),
        (Bytes(vec![255]).into(), r"b'\xff'"),
        (None::<u8>.into(), "None"),
        (Some(1).into(), "1"),
        (vec![1, 2].into(), "[1, 2]"),
    ];
    for (value, text) in made {
        assert_eq!(value.to_string(), text);
        let read: Value = from_repr(text.as_bytes()).expect(text);
        assert_eq!(read.to_string(), text);
    }
    assert_eq!(Value::default(), Value::None);
}

#[test]
fn a_value_answers_only_for_the_type_that_it_is() {
    let all = [
        Value::None,
        Value::Bool(true),
        Value::Int(7),
        Value::Float(0.5),
        Value::Str("a".into()),
        Value::Bytes(vec![1]),
        Value::ByteArray(vec![2]),
        Value::List(vec![Value::None]),
        Value::NamedTuple("P".into(), vec![("a".into(), Value::Int(1))]),
    ];
    let who = |test: &dyn Fn(&Value) -> bool| -> Vec<usize> {
        (0..all.len()).filter(|&at| test(&all[at])).collect()
    };
    assert_eq!(who(&Value::is_none), [0]);
    assert_eq!(who(&|value| value.as_bool() == Some(true)), [1]);
    assert_eq!(who(&|value| value.as_int() == Some(7)), [2]);
    assert_eq!(who(&|value| value.as_float() == Some(0.5)), [3]);
    assert_eq!(who(&|value| value.as_str() == Some("a")), [4]);
    assert_eq!(who(&|value| value.as_bytes().is_some()), [5, 6]);
    assert_eq!(who(&|value| value.elements().is_some()), [7]);
    assert_eq!(who(&|value| value.get("a").is_some()), [8]);
}

#[test]
fn elements_are_those_of_every_kind_of_sequence() {
    for text in [
        "[1, 2]",
        "(1, 2)",
        "{1, 2}",
        "frozenset({1, 2})",
        "array('b', [1, 2])",
    ] {
        let value: Value = from_repr(text.as_bytes()).expect(text);
        assert_eq!(
            value.elements(),
            Some(&[Value::Int(1), Value::Int(2)][..]),
            "{text}"
        );
    }
}

#[test]
fn fields_are_found_by_name_in_dicts_and_in_namedtuples() {
    for text in ["{1: 2, 'x': 5}", "P(y=4, x=5)"] {
        let value: Value = from_repr(text.as_bytes()).expect(text);
        assert_eq!(value.get("x"), Some(&Value::Int(5)), "{text}");
        assert_eq!(value.get("z"), None, "{text}");
    }
}

#[test]
fn long_ints_are_decimal_digits_and_short_ones_of_them_plain_ints() {
    let digits = "-1".to_owned() + &"0".repeat(50);
    let long = BigInt::from_decimal(&digits).expect("digits");
    assert_eq!(long.as_decimal(), digits);
    assert_eq!(Value::from(long.clone()), Value::BigInt(long));
    let short = BigInt::from_decimal("-0012").expect("digits");
    assert_eq!(short.as_decimal(), "-12");
    assert_eq!(Value::from(short), Value::Int(-12));
    assert_eq!(BigInt::from_decimal("-0").expect("digits").as_decimal(), "0");
    for wrong in ["", "-", "+1", "1 ", "0x1", "1e5", "--1"] {
        assert_eq!(BigInt::from_decimal(wrong), None, "{wrong:?}");
    }
}

#[test]
fn an_array_holds_what_its_type_code_holds_and_says_what_it_does_not() {
    let codes = [
        (TypeCode::I8, -128_i128, 127_i128),
        (TypeCode::U8, 0, 255),
        (TypeCode::I16, -32_768, 32_767),
        (TypeCode::U16, 0, 65_535),
        (TypeCode::I32, i32::MIN.into(), i32::MAX.into()),
        (TypeCode::U32, 0, u32::MAX.into()),
        (TypeCode::I64, i64::MIN.into(), i64::MAX.into()),
        (TypeCode::U64, 0, u64::MAX.into()),
    ];
    for (code, least, greatest) in codes {
        let array = |element: Value| to_literal(&Value::Array(code, vec![0.into(), element]));
        for fits in [least, greatest] {
            assert!(array(fits.into()).is_ok(), "{code} {fits}");
        }
        for element in [least - 1, greatest + 1] {
            let error = array(element.into()).expect_err("it does not fit").to_string();
            assert_eq!(
                error,
                format!("`[1]`: an array with type code '{code}' cannot hold {element}")
            );
        }
        let error = array(0.5.into()).expect_err("it is no int").to_string();
        assert!(error.ends_with("cannot hold a float"), "{error}");
    }
    for code in [TypeCode::F32, TypeCode::F64] {
        let error = to_literal(&Value::Array(code, vec![1.into()])).expect_err("it is no float");
        assert!(error.to_string().ends_with("cannot hold the int 1"), "{error}");
        assert!(to_literal(&Value::Array(code, vec![1.5.into(), 0.5_f32.into()])).is_ok());
    }
}

#[test]
fn an_array_holds_nothing_but_numbers() {
    let others: [(Value, &str); 8] = [
        (().into(), "None"),
        (true.into(), "a bool"),
        ("1".into(), "a str"),
        (Bytes(vec![1]).into(), "bytes"),
        (vec![1].into(), "a sequence"),
        (Value::Tuple(vec![]), "a tuple"),
        (Value::Dict(vec![]), "a dict"),
        (Value::Set(vec![]), "a sequence"),
    ];
    for (other, named) in others {
        let error = to_literal(&Value::Array(TypeCode::I32, vec![other])).expect_err(named);
        assert_eq!(
            error.to_string(),
            format!("`[0]`: an array with type code 'i' cannot hold {named}")
        );
    }
}

#[test]
fn arrays_and_bytes_are_vectors_in_rust() {
    let mut samples: Array<i16> = (1..4).collect();
    samples.push(4);
    assert_eq!(samples, Array::from(vec![1, 2, 3, 4]));
    assert_eq!(samples.iter().sum::<i16>(), 10);
    let mut data = Bytes::from(&b"ab"[..]);
    data.push(b'c');
    assert_eq!(Vec::from(data.clone()), b"abc");
    assert_eq!(data, Bytes::from(b"abc".to_vec()));
    assert_eq!(data.len(), 3);
}

#[test]
fn an_array_is_read_from_any_numbers_that_fit() {
    for repr in ["array('h', [1, -2])", "[1, -2]", "(1, -2)", "array('q', [1, -2])"] {
        let array: Array<i16> = from_repr(repr.as_bytes()).expect(repr);
        assert_eq!(array, Array(vec![1, -2]), "{repr}");
    }
    let error = from_repr::<Array<i16>>(b"array('l', [1, 32768])").expect_err("it does not fit");
    assert_eq!(
        error.to_string(),
        "`[1]`: the board returned 32768 (int), which cannot be represented as i16"
    );
}

#[test]
fn times_convert_to_rusts_own_and_back() {
    let duration = Duration::from_micros(1_500_001);
    assert_eq!(Duration::from(Seconds::from(duration)), duration);
    assert_eq!(Duration::from(Millis::from(duration)), duration);
    assert_eq!(Duration::from(Micros::from(duration)), duration);
    // A fraction of the unit is dropped on the way to the board, not in Rust.
    assert_eq!(to_literal(&Millis(duration)).as_deref(), Ok("1500"));
    assert_eq!(to_literal(&Micros(duration)).as_deref(), Ok("1500001"));
    let now = SystemTime::now();
    assert_eq!(SystemTime::from(Timestamp::from(now)), now);
    let sent = to_literal(&Timestamp(now)).expect("it is a time");
    let Timestamp(read) = from_repr(sent.replace(',', ", ").as_bytes()).expect("it is the same time");
    let lost = now.duration_since(read).expect("it is rounded down");
    assert!(lost < Duration::from_secs(1), "{lost:?}");
}

#[test]
fn a_duration_that_is_none_is_refused() {
    for wrong in ["-0.5", "nan", "inf", "1e300"] {
        let error = from_repr::<Seconds>(wrong.as_bytes())
            .expect_err(wrong)
            .to_string();
        assert!(error.ends_with("it is no duration in seconds"), "{error}");
    }
    assert!(from_repr::<Millis>(b"-1").is_err());
    assert!(from_repr::<Micros>(b"1.5").is_err());
    let far = Timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40));
    let sent = to_literal(&far).expect("it is a time");
    // A year of more than four digits is none that a board could mean.
    assert!(from_repr::<Timestamp>(sent.replace(',', ", ").as_bytes()).is_err());
}

#[test]
fn other_formats_see_what_they_have_words_for() {
    let value = Value::Dict(vec![
        ("big".into(), i128::MAX.into()),
        ("data".into(), Bytes(vec![1, 2]).into()),
        ("also".into(), Value::ByteArray(vec![3])),
        ("tuple".into(), Value::Tuple(vec![1.into(), true.into()])),
        ("set".into(), Value::Set(vec!["x".into()])),
        ("array".into(), Value::Array(TypeCode::F32, vec![0.5.into()])),
        (
            "point".into(),
            Value::NamedTuple("P".into(), vec![("x".into(), ().into())]),
        ),
    ]);
    let json = serde_json::to_string(&value).expect("it is JSON");
    assert_eq!(
        json,
        "{\"big\":170141183460469231731687303715884105727,\"data\":[1,2],\"also\":[3],\"tuple\":[1,true],\
         \"set\":[\"x\"],\"array\":[0.5],\"point\":{\"x\":null}}"
    );
    let read: BTreeMap<String, Value> =
        serde_json::from_str(r#"{"a": -1, "b": [true], "c": 1e3}"#).expect("it is");
    let texts: Vec<_> = read.values().map(Value::to_string).collect();
    assert_eq!(texts, ["-1", "[True]", "1000.0"]);
}
