//! Rust values as the Python that goes to the board.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use belay_runtime::python::{
    Arguments, Array, BigInt, Bytes, Micros, Millis, Seconds, Timestamp, TypeCode, Value, to_literal,
};
use serde::{Serialize, Serializer};

fn literal<T: Serialize>(value: T) -> String {
    to_literal(&value).expect("it can be expressed")
}

fn error<T: Serialize>(value: T) -> String {
    to_literal(&value)
        .expect_err("it cannot be expressed")
        .to_string()
}

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
struct Newtype(u8);

#[derive(Serialize)]
struct Reading {
    celsius: f64,
    valid: bool,
}

#[derive(Serialize)]
enum Command {
    Stop,
    Speed(u8),
    Move(i8, i8),
    Blink { on_ms: u32, off_ms: u32 },
}

#[test]
fn scalars_are_written_as_python_has_them() {
    assert_eq!(literal(true), "True");
    assert_eq!(literal(i64::MIN), "-9223372036854775808");
    assert_eq!(literal(u128::MAX), "340282366920938463463374607431768211455");
    assert_eq!(literal(i128::MIN), "-170141183460469231731687303715884105728");
    assert_eq!(literal(()), "None");
    assert_eq!(literal(Unit), "None");
    assert_eq!(literal(Newtype(3)), "3");
    assert_eq!(literal(None::<u8>), "None");
    assert_eq!(literal(Some(1)), "1");
}

#[test]
fn floats_of_few_digits_are_decimal() {
    for (value, text) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (-27.5, "-27.5"),
        (0.1, "0.1"),
        (123.456, "123.456"),
    ] {
        assert_eq!(literal(value), text);
    }
}

#[test]
fn floats_that_boards_misread_in_decimal_are_products_of_exact_factors() {
    assert_eq!(literal(0.1 + 0.2), "5033165*2.0**-24-3355443*2.0**-48-3*2.0**-52");
    assert_eq!(literal(1e22), "1110223*2.0**53+6610265*2.0**25+1*2.0**22");
    assert_eq!(literal(5e-324), "0.0+1*2.0**-126*2.0**-948");
    assert_eq!(literal(f64::from(0.1_f32)), "13421773*2.0**-27");
    assert_eq!(literal(f64::MAX), "9007199254740991*2.0**971");
    assert_eq!(literal(f32::MIN_POSITIVE), "1*2.0**-126");
    assert_eq!(literal(f32::from_bits(1)), "1*2.0**-126*2.0**-23");
    assert_eq!(literal(16_777_217.0_f64), "1*2.0**24+1.0");
    assert_eq!(literal(0.1_f32), "0.1");
    assert_eq!(literal(4_194_304.5_f32), "8388609*2.0**-1");
}

#[test]
fn floats_that_are_no_numbers_are_made_by_float() {
    assert_eq!(literal(f64::NAN), "float('nan')");
    assert_eq!(literal(f32::INFINITY), "float('inf')");
    assert_eq!(literal(f64::NEG_INFINITY), "float('-inf')");
}

#[test]
fn text_is_printable_ascii_whatever_it_holds() {
    assert_eq!(literal("it's a \"test\""), r#"'it\'s a "test"'"#);
    assert_eq!(
        literal("\r\n\t\\\0\x03\x04\x7f abcdef"),
        r"'\r\n\t\\\x00\x03\x04\x7f abcdef'"
    );
    assert_eq!(literal("é€😀x and so on"), r"'\xe9\u20ac\U0001f600x and so on'");
    assert_eq!(literal('\''), r"'\''");
    assert_eq!(literal(""), "''");
    for code in (0..=0x10_ffff).filter_map(char::from_u32) {
        let text = literal(code);
        assert!(text.bytes().all(|byte| (b' '..0x7f).contains(&byte)), "{text}");
    }
}

#[test]
fn short_text_that_varies_is_no_string_literal_because_boards_never_forget_those() {
    assert_eq!(literal("21.5"), "str(b'21.5','utf8')");
    assert_eq!(literal("0123456789"), "str(b'0123456789','utf8')");
    assert_eq!(literal("0123456789a"), "'0123456789a'");
    assert_eq!(literal("é\n'"), r"str(b'\xc3\xa9\n\'','utf8')");
    assert_eq!(literal('é'), r"str(b'\xc3\xa9','utf8')");
    assert_eq!(literal(BTreeMap::from([("on", 1)])), "{str(b'on','utf8'):1}");
}

#[test]
fn bytes_are_a_literal_or_base64_whichever_is_shorter() {
    assert_eq!(literal(Bytes(b"AT+OK\r\n".to_vec())), r"b'AT+OK\r\n'");
    assert_eq!(literal(Bytes(vec![0, 255])), r"b'\x00\xff'");
    assert_eq!(literal(serde_bytes::Bytes::new(&[0, 255])), r"b'\x00\xff'");
    assert_eq!(literal(serde_bytes::ByteBuf::from(vec![b'a'])), "b'a'");
    assert_eq!(literal(Bytes(vec![0xff; 15])), "B('////////////////////')");
    assert_eq!(literal(Bytes(vec![b'a'; 400])).len(), 403);
    let large = literal(Bytes((0..=255).cycle().take(16_384).collect()));
    assert!(large.len() < 16_384 * 4 / 3 + 10, "{}", large.len());
}

#[test]
fn containers_are_minimal() {
    assert_eq!(literal(vec![1, 2]), "[1,2]");
    assert_eq!(literal(Vec::<u8>::new()), "[]");
    assert_eq!(literal((1,)), "(1,)");
    assert_eq!(literal((1, 'a', [0.5; 2])), "(1,'a',(0.5,0.5))");
    assert_eq!(literal(BTreeMap::from([(1, 'a'), (2, 'b')])), "{1:'a',2:'b'}");
    let reading = Reading {
        celsius: 20.5,
        valid: true,
    };
    assert_eq!(literal(reading), "{'celsius':20.5,'valid':True}");
}

/// CircuitPython has room for some 370 elements of all levels together, on a stack of its own.
#[test]
fn long_sequences_are_sums_of_short_ones() {
    let numbers = |count: u32| (0..count).collect::<Vec<_>>();
    let written = |from: u32, to: u32| (from..to).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(literal(numbers(128)), format!("[{}]", written(0, 128)));
    assert_eq!(literal(numbers(129)), format!("[{}]+[128]", written(0, 128)));
    assert_eq!(
        literal(numbers(300)),
        format!(
            "[{}]+[{}]+[{}]",
            written(0, 128),
            written(128, 256),
            written(256, 300)
        )
    );
    let values: Vec<Value> = numbers(129).into_iter().map(Value::from).collect();
    assert_eq!(
        literal(Value::Tuple(values.clone())),
        format!("({})+(128,)", written(0, 128))
    );
    assert_eq!(
        literal(Value::Set(values)),
        format!("{{{}}}|{{128}}", written(0, 128))
    );
    // Half as many at each level further in.
    let inner = format!("[{}]+[64]", written(0, 64));
    assert_eq!(literal([numbers(65)]), format!("({inner},)"));
}

#[test]
fn enums_are_tagged_from_outside() {
    assert_eq!(literal(Command::Stop), "'Stop'");
    assert_eq!(literal(Command::Speed(3)), "{'Speed':3}");
    assert_eq!(literal(Command::Move(-1, 1)), "{'Move':(-1,1)}");
    assert_eq!(
        literal(Command::Blink { on_ms: 1, off_ms: 2 }),
        "{'Blink':{'on_ms':1,'off_ms':2}}"
    );
}

#[test]
fn sequences_are_tuples_where_python_hashes_them() {
    assert_eq!(literal(BTreeMap::from([(vec![1, 2], 0)])), "{(1,2):0}");
    assert_eq!(
        literal(BTreeMap::from([(vec![(1, 2)], vec![3])])),
        "{((1,2),):[3]}"
    );
    assert_eq!(
        literal(Value::FrozenSet(vec![Value::List(vec![1.into()])])),
        "frozenset({(1,)})"
    );
}

#[test]
fn values_keep_their_python_type() {
    let items = || vec![Value::Int(1), ().into()];
    assert_eq!(literal(Value::Set(items())), "{1,None}");
    assert_eq!(literal(Value::Set(vec![])), "set()");
    assert_eq!(literal(Value::FrozenSet(vec![])), "frozenset()");
    assert_eq!(literal(Value::Tuple(items())), "(1,None)");
    assert_eq!(literal(Value::ByteArray(vec![1])), r"bytearray(b'\x01')");
    assert_eq!(
        literal(Value::Array(TypeCode::U16, vec![258.into()])),
        r"A('H',b'\x02\x01')"
    );
    assert_eq!(
        literal(Array(vec![1_i16, -1, 500, -500])),
        "A('h',B('AQD///QBDP4='))"
    );
    assert_eq!(literal(Array::<f32>(vec![])), "A('f')");
    let digits = "9".repeat(60);
    assert_eq!(literal(BigInt::from_decimal(&digits).map(Value::from)), digits);
}

#[test]
fn times_follow_their_convention() {
    assert_eq!(literal(Seconds(Duration::from_millis(1500))), "1.5");
    assert_eq!(literal(Millis(Duration::from_millis(1500))), "1500");
    assert_eq!(literal(Micros(Duration::from_millis(1500))), "1500000");
    let time = UNIX_EPOCH + Duration::from_secs(951_827_696);
    assert_eq!(literal(Timestamp(time)), "(2000,2,29,12,34,56,1,60)");
    let before: SystemTime = UNIX_EPOCH - Duration::from_millis(1);
    assert_eq!(literal(Timestamp(before)), "(1969,12,31,23,59,59,2,365)");
}

#[test]
fn what_cannot_be_expressed_is_named_with_its_path() {
    let map = BTreeMap::from([("x y", vec![BTreeMap::from([(BTreeMap::from([(1, 2)]), 3)])])]);
    assert_eq!(error(map), "`['x y'][0]`: a map cannot be a key in Python");
    let array = Value::Dict(vec![(
        "a".into(),
        Value::Array(TypeCode::I8, vec![1.into(), 200.into()]),
    )]);
    assert_eq!(
        error(array),
        "`a[1]`: an array with type code 'b' cannot hold 200"
    );
}

/// A type that uses the name under which a long int is written for something else.
struct Forged;

impl Serialize for Forged {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("$belay::int", "__import__('os')")
    }
}

#[test]
fn no_value_becomes_code_through_a_forged_name() {
    assert_eq!(error(Forged), "\"__import__('os')\" is no int");
    assert!(BigInt::from_decimal("1+1").is_none());
    assert!(BigInt::from_decimal("-").is_none());
}

#[test]
fn nesting_ends_in_an_error_and_not_in_the_stack() {
    let mut value = Value::None;
    for _ in 0..100 {
        value = Value::List(vec![value]);
    }
    assert_eq!(literal(&value).len(), 204);
    let message = error(Value::List(vec![value]));
    assert!(message.ends_with("nested more than 100 levels deep"), "{message}");
}

#[test]
fn arguments_are_separated_by_commas() {
    let arguments = Arguments::new().with("a", &1).with("b", &'x').with("c", &(1, 2));
    assert_eq!(arguments.literals().unwrap(), "1,'x',(1,2)");
    assert_eq!(arguments.count(), 3);
    assert_eq!(Arguments::new().literals().unwrap(), "");
}

#[test]
fn an_argument_that_cannot_be_expressed_is_reported_with_its_name() {
    let bad = [BTreeMap::from([(BTreeMap::from([(1, 1)]), 1)])];
    let arguments = Arguments::new().with("fine", &1).with("readings", &bad);
    let error = arguments.literals().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`readings[0]`: a map cannot be a key in Python"
    );
    assert!(error.hint().is_some());
}

/// What a board makes of a sum of products that rounds like this after each step.
fn worked_out(sum: &str, round: fn(f64) -> f64) -> f64 {
    let product = |text: &str| {
        let mut factors = text.split('*').filter(|factor| !factor.is_empty());
        let mut product = round(factors.next().unwrap().parse().unwrap());
        while let (Some("2.0"), Some(power)) = (factors.next(), factors.next()) {
            product = round(product * round(2_f64.powi(power.parse().unwrap())));
        }
        product
    };
    let (mut total, mut rest) = (0.0, sum);
    while !rest.is_empty() {
        let sign = if rest.starts_with('-') { -1.0 } else { 1.0 };
        rest = rest.trim_start_matches(['+', '-']);
        // A sign in an exponent belongs to it.
        let signs = rest.match_indices(['+', '-']).map(|(at, _)| at);
        let term = if let Some(inner) = rest.strip_prefix('(') {
            let end = inner.find(')').unwrap();
            let half = inner[..end].split_once('+').unwrap().0;
            rest = &inner[end + 1..];
            round(product(half) + product(half))
        } else {
            let end = { signs }
                .find(|at| !rest[..*at].ends_with(['*', 'e']))
                .unwrap_or(rest.len());
            let term = &rest[..end];
            rest = &rest[end..];
            product(term)
        };
        total = if total == 0.0 {
            sign * term
        } else {
            round(total + sign * term)
        };
    }
    total
}

#[expect(clippy::cast_possible_truncation, reason = "this is the rounding in question")]
fn single(value: f64) -> f64 {
    f64::from(value as f32)
}

fn arrives(value: f64) {
    let sum = literal(value);
    if value.is_finite() {
        assert_eq!(
            worked_out(&sum, |value| value).to_bits(),
            value.to_bits(),
            "{value:e} as {sum}"
        );
        let nearest = single(value);
        if nearest.is_finite() {
            assert_eq!(
                worked_out(&sum, single).to_bits(),
                nearest.to_bits(),
                "{value:e} as {sum}"
            );
        }
    }
}

#[test]
fn a_double_in_the_middle_of_two_singles_arrives_as_the_even_one() {
    for bits in [
        1,
        2,
        3,
        0x007f_ffff,
        0x0080_0000,
        0x0112_68bf,
        0x4049_0fdb,
        0x7f7f_fffe,
    ] {
        let (below, above) = (f32::from_bits(bits), f32::from_bits(bits + 1));
        let middle = f64::midpoint(below.into(), above.into());
        for value in [
            middle,
            middle.next_up(),
            middle.next_down(),
            f64::from(below).next_up(),
        ] {
            arrives(value);
            arrives(-value);
        }
    }
}

proptest::proptest! {
    #[test]
    fn a_double_arrives_as_it_is_or_as_the_nearest_single(bits: u64, exponent in -160..130_i32) {
        arrives(f64::from_bits(bits));
        // Of a size that singles have.
        let fraction = bits >> 12;
        arrives(f64::from_bits(1023 << 52 | fraction) * 2_f64.powi(exponent));
    }
}
