//! Values go to the board and come from it in the way that costs it the least, and are the same whichever that is.

use std::collections::BTreeSet;

use belay::prelude::*;
use belay::python::{TypeCode, Value};
use belay_tests::{CallPath, connected_with, on_both_runtimes};

#[belay::device]
trait Ways {
    /// ```python
    /// return eval(source)
    /// ```
    #[task]
    async fn as_ints(&self, source: &str) -> Result<Vec<i32>>;

    /// ```python
    /// return eval(source)
    /// ```
    #[task]
    async fn as_bytes(&self, source: &str) -> Result<Vec<u8>>;

    /// ```python
    /// return eval(source)
    /// ```
    #[task]
    async fn as_set(&self, source: &str) -> Result<BTreeSet<u64>>;

    /// ```python
    /// return eval(source)
    /// ```
    #[task]
    async fn as_floats(&self, source: &str) -> Result<Vec<f64>>;

    /// ```python
    /// return eval(source)
    /// ```
    #[task]
    async fn as_texts(&self, source: &str) -> Result<Vec<Option<String>>>;

    /// ```python
    /// return eval(source)
    /// ```
    #[task]
    async fn as_float(&self, source: &str) -> Result<Option<f64>>;

    /// ```python
    /// return repr(value)
    /// ```
    #[task]
    async fn text_of(&self, value: &Value) -> Result<String>;

    /// ```python
    /// return [type(value).__name__ for value in (a, b, c)], (a, b, c)
    /// ```
    #[task]
    async fn three(&self, a: &Value, b: &Value, c: &Value) -> Result<(Vec<String>, Value)>;
}

/// The result, or the error's message.
fn told<T: std::fmt::Debug>(result: Result<T>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    }
}

async fn a_result_is_what_its_repr_would_have_been(path: CallPath) {
    let (_board, device) = connected_with(|builder| builder.call_path(path)).await;
    let ways: WaysDevice = device.attach().await.expect("the trait attaches");
    for source in [
        "list(range(20))",
        "tuple(range(-70000, 70000, 9999))",
        "[0] * 20 + [2**31]",
        "[0] * 9 + [70000] + [0] * 9",
        "[2**40] * 20",
        "[1, 0] * 10 + [True]",
        "[1.0] * 20",
        "[None] * 20",
        "[]",
        "[1, 2, 3]",
        "set(range(20))",
        "range(20)",
        "b'0123456789' * 3",
        "bytearray(b'0123456789' * 3)",
        "__import__('array').array('h', range(-20, 20))",
        "__import__('array').array('d', range(20))",
        "{1: 2}",
        "'x' * 20",
        "5",
        "None",
        "[[1]] * 20",
        "[0.1, 1e300, float('-inf')] * 7",
        "[0.1, 1] * 20",
        "[0.1, True] * 20",
        "(0.1,)",
        "0.1",
        "1e-300",
        "['']",
        "('', '')",
        r#"['a', 'b\'\\', '"', '\'"', '\r\n\t\x1b\x7f']"#,
        r"['\x80\xff', '\u20ac', '\U0001f600'] * 20",
        r"['a\0b', '\0']",
        "['a', None, 'b']",
        "['a', b'b']",
        "[b'a', b'b']",
        "{'a', }",
        "['text %d' % n for n in range(1000)]",
        "(1 + 2j)",
        "float('nan')",
    ] {
        let as_it_is = device
            .execute(&format!("print(repr({source}))"))
            .await
            .expect("it prints");
        let repr = belay::Returned::new(as_it_is.trim_end());
        // The error of a method also names the method; the rest has to be the same.
        let same = |came: String, expected: String| {
            assert!(
                came == expected || came.ends_with(&expected),
                "{source}: {came}, and not {expected}"
            );
        };
        same(told(ways.as_ints(source).await), told(repr.to::<Vec<i32>>()));
        same(told(ways.as_bytes(source).await), told(repr.to::<Vec<u8>>()));
        same(told(ways.as_set(source).await), told(repr.to::<BTreeSet<u64>>()));
        same(told(ways.as_floats(source).await), told(repr.to::<Vec<f64>>()));
        same(
            told(ways.as_texts(source).await),
            told(repr.to::<Vec<Option<String>>>()),
        );
        same(told(ways.as_float(source).await), told(repr.to::<Option<f64>>()));
    }
    device.close().await.expect("it closes");
}

async fn an_argument_is_what_its_literal_would_have_been(path: CallPath) {
    let (_board, device) = connected_with(|builder| builder.call_path(path)).await;
    let ways: WaysDevice = device.attach().await.expect("the trait attaches");
    let row = |last: i64| Value::List((0..30).chain([last]).map(Value::from).collect());
    let all = [
        Value::None,
        Value::Bool(true),
        Value::from(5),
        Value::Float(1.5),
        Value::Float(-0.0),
        Value::Float(0.123_456_789_012_3),
        Value::from("it's \"short\""),
        Value::from("long \n".repeat(40)),
        Value::from("\u{10000} and longer than sixty-four characters, so that it is sent apart"),
        Value::Bytes(b"short".to_vec()),
        Value::Bytes(b"long\0\r".repeat(40)),
        Value::Bytes((0..=255).collect()),
        Value::ByteArray((0..=255).collect()),
        Value::Tuple(vec![Value::from(1), Value::from("x")]),
        row(255),
        row(-40_000),
        row(1 << 31),
        row(1 << 40),
        Value::List(vec![Value::Float(0.1); 30]),
        Value::Tuple(vec![Value::Float(f64::NEG_INFINITY); 30]),
        Value::List([vec![Value::from(1); 30], vec![Value::Bool(true)]].concat()),
        Value::Array(TypeCode::I16, vec![Value::from(-1); 30]),
        Value::Array(TypeCode::F64, vec![Value::Float(0.1); 30]),
        Value::Dict(vec![(Value::from("a"), Value::from(1))]),
        Value::Dict(vec![(Value::from(1), Value::from("a"))]),
    ];
    for (at, value) in all.iter().enumerate() {
        let literal = belay_runtime::python::to_literal(value).expect("it has one");
        let names = "__import__('binascii').a2b_base64, __import__('array').array";
        let printed = device
            .execute(&format!("B, A = {names}\nprint(repr({literal}))"))
            .await;
        assert_eq!(
            ways.text_of(value).await.expect("it returns"),
            printed.expect("it prints").trim_end()
        );
        // The value together with other arguments.
        let (b, c) = (&all[(at + 7) % all.len()], &all[(at + 11) % all.len()]);
        let (types, came) = ways.three(value, b, c).await.expect("it returns");
        assert_eq!(
            came,
            Value::Tuple(vec![value.clone(), b.clone(), c.clone()]),
            "{types:?}"
        );
    }
    device.close().await.expect("it closes");
}

on_both_runtimes! { over both paths:
    a_result_is_what_its_repr_would_have_been
    an_argument_is_what_its_literal_would_have_been
}
