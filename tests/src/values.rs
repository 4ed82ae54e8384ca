//! Random values to send to boards, made from a seed, of every type that can make the round trip.

use std::collections::BTreeMap;
use std::fmt::Display;

use belay::Result;
use belay_runtime::python::{Array, BigInt, Bytes, TypeCode, Value, from_repr, to_literal};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// The abilities of a board that its values depend on.
#[derive(Debug, Clone, Copy)]
pub struct Abilities {
    /// Its floats.
    pub floats: Floats,
    /// It has ints of any size, sets, and arrays of 64-bit elements.
    pub everything: bool,
    /// Its strings hold all of Unicode.
    pub unicode: bool,
}

/// Which floats a board has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floats {
    /// Those of 64 bits.
    Double,
    /// Those of 32 bits, which come back with all their bits.
    Single,
    /// Those of 32 bits that are printed with few digits, so that some bits are lost.
    Coarse,
}

impl Abilities {
    /// What a board on a computer can do.
    pub const ALL: Self = Self {
        floats: Floats::Double,
        everything: true,
        unicode: true,
    };
}

/// One value that goes to the board and comes back.
#[derive(Debug, Clone)]
pub enum Case {
    /// A value of Python, of whatever type.
    Any(Value),
    /// A value of one Rust type that has all of Rust's types in it.
    Typed(Box<Typed>),
}

impl Case {
    /// Sends the case to a board. Gives what is different about what comes back, if anything is.
    pub async fn difference(&self, board: &EchoDevice) -> Option<String> {
        match self {
            Self::Any(value) => compare(
                &canonical(value),
                board.any(value).await.map(|value| canonical(&value)),
            ),
            Self::Typed(value) => compare(&exact(value), board.typed(value).await.map(|value| exact(&value))),
        }
    }
}

/// Sends these cases to a board. Gives what is different about what comes back. They are sent in as few calls as their
/// types allow, and one by one only if these calls do not bring all of them back.
pub async fn differences(cases: &[Case], board: &EchoDevice) -> Vec<String> {
    if come_back_together(cases, board).await {
        return Vec::new();
    }
    let mut differences = Vec::new();
    for case in cases {
        differences.extend(case.difference(board).await);
    }
    if differences.is_empty() {
        differences.push("alone each of these values comes back as it was, but not together".to_owned());
    }
    differences
}

async fn come_back_together(cases: &[Case], board: &EchoDevice) -> bool {
    let (mut values, mut records) = (Vec::new(), Vec::new());
    for case in cases {
        match case {
            Case::Any(value) => values.push(value.clone()),
            Case::Typed(record) => records.push((**record).clone()),
        }
    }
    let values = Value::List(values);
    let values_came = board
        .any(&values)
        .await
        .is_ok_and(|came| canonical(&came) == canonical(&values));
    let records_came = board
        .records(&records)
        .await
        .is_ok_and(|came| exact(&came) == exact(&records));
    values_came && records_came
}

/// Compares a value that was sent with the `repr` that came back. Gives the difference, if there is one.
pub fn difference_of_repr(value: &Value, repr: &[u8]) -> Option<String> {
    compare(
        &canonical(value),
        from_repr::<Value>(repr).map(|value| canonical(&value)),
    )
}

fn compare<E: Display>(sent: &str, returned: Result<String, E>) -> Option<String> {
    match returned {
        Ok(returned) if returned == sent => None,
        Ok(returned) => Some(format!("sent {sent}\n came {returned}")),
        Err(error) => Some(format!("sent {sent}\n {error}")),
    }
}

/// A board that gives back what it is sent.
#[belay::device]
pub trait Echo {
    /// Gives back any value.
    ///
    /// ```python
    /// return value
    /// ```
    #[task(timeout_ms = 60_000)]
    async fn any(&self, value: &Value) -> Result<Value>;

    /// Gives back a value of this type.
    ///
    /// ```python
    /// return value
    /// ```
    #[task(timeout_ms = 60_000)]
    async fn typed(&self, value: &Typed) -> Result<Typed>;

    /// Gives back many of them.
    ///
    /// ```python
    /// return values
    /// ```
    #[task(timeout_ms = 60_000)]
    async fn records(&self, values: &[Typed]) -> Result<Vec<Typed>>;

    /// Gives back text, alone and as a key.
    ///
    /// ```python
    /// return text, {text: [text]}
    /// ```
    #[task(timeout_ms = 60_000)]
    async fn text(&self, text: &str) -> Result<(String, BTreeMap<String, Vec<String>>)>;

    /// Gives back bytes.
    ///
    /// ```python
    /// return data
    /// ```
    #[task(timeout_ms = 60_000)]
    async fn data(&self, data: &Bytes) -> Result<Bytes>;

    /// Gives back text, bytes and numbers beside each other.
    ///
    /// ```python
    /// return text, data, list(row)
    /// ```
    #[task(timeout_ms = 60_000)]
    async fn pair(&self, text: &str, data: &Bytes, row: &[u32; 24]) -> Result<(String, Bytes, Vec<u32>)>;

    /// Gives back bytes as a key.
    ///
    /// ```python
    /// return {data: [data]}
    /// ```
    #[task(timeout_ms = 60_000)]
    async fn data_as_key(&self, data: &Bytes) -> Result<BTreeMap<Bytes, Vec<Bytes>>>;

    /// What the board holds of a double, and what it prints of that.
    ///
    /// ```python
    /// import struct
    /// return struct.pack('<d', value), value
    /// ```
    #[task(timeout_ms = 60_000)]
    async fn double(&self, value: f64) -> Result<(Bytes, f64)>;

    /// What the board holds of a single-precision float, and what it prints of that.
    ///
    /// ```python
    /// import struct
    /// return struct.pack('<f', value), value
    /// ```
    #[task(timeout_ms = 60_000)]
    async fn single(&self, value: f32) -> Result<(Bytes, f32)>;
}

/// A text that is equal for two values if they are identical, to the last bit of a float.
fn exact(value: &impl Serialize) -> String {
    to_literal(value).unwrap_or_else(|error| error.to_string())
}

/// The same, but independent of the order of sets and dicts, which the board may have changed.
fn canonical(value: &Value) -> String {
    exact(&ordered(value))
}

fn ordered(value: &Value) -> Value {
    let all = |elements: &[Value]| elements.iter().map(ordered).collect::<Vec<_>>();
    let sorted = |elements: &[Value]| {
        let mut elements = all(elements);
        elements.sort_by_cached_key(exact);
        elements
    };
    match value {
        Value::List(elements) => Value::List(all(elements)),
        Value::Tuple(elements) => Value::Tuple(all(elements)),
        Value::Set(elements) => Value::Set(sorted(elements)),
        Value::FrozenSet(elements) => Value::FrozenSet(sorted(elements)),
        Value::Dict(entries) => {
            let mut entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| (ordered(key), ordered(value)))
                .collect();
            entries.sort_by_cached_key(|(key, _)| exact(key));
            Value::Dict(entries)
        }
        other => other.clone(),
    }
}

/// One field for each of Rust's types that serde distinguishes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Typed {
    ints: (i8, i16, i32, i64),
    unsigned: (u8, u16, u32, u64),
    wide: (i128, u128),
    single: f32,
    double: f64,
    flag: bool,
    letter: char,
    text: String,
    nothing: (),
    maybe: Option<i32>,
    one: (u8,),
    list: Vec<f64>,
    by_number: BTreeMap<i32, String>,
    by_pair: BTreeMap<(u8, String), bool>,
    data: Bytes,
    samples: Array<i16>,
    levels: Array<f32>,
    exact: Array<f64>,
    command: Command,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Command {
    Stop,
    Speed(u8),
    Move(i8, f32),
    Blink { on_ms: u32, text: String },
}

/// Everything that can make the round trip on a board with these abilities.
pub fn cases(abilities: Abilities) -> BoxedStrategy<Case> {
    let any = values(abilities).prop_map(Case::Any);
    if !abilities.everything {
        return any.boxed();
    }
    prop_oneof![3 => any, 1 => typed(abilities.floats).prop_map(|typed| Case::Typed(Box::new(typed)))].boxed()
}

fn typed(floats: Floats) -> impl Strategy<Value = Typed> {
    let doubles = move || floats_of(floats);
    let numbers = (
        any::<(i8, i16, i32, i64)>(),
        any::<(u8, u16, u32, u64)>(),
        any::<(i128, u128)>(),
    );
    let floats = (singles(), doubles(), vec(doubles(), 0..4));
    let texts = (any::<char>(), text(true), any::<bool>(), any::<Option<i32>>());
    let maps = (
        btree_map(any::<i32>(), text(true), 0..3),
        btree_map((any::<u8>(), text(true)), any::<bool>(), 0..3),
    );
    let blocks = (
        vec(any::<u8>(), 0..60).prop_map(Bytes),
        vec(any::<i16>(), 0..5).prop_map(Array),
        vec(singles(), 0..5).prop_map(Array),
        vec(doubles(), 0..5).prop_map(Array),
    );
    let command = prop_oneof![
        Just(Command::Stop),
        any::<u8>().prop_map(Command::Speed),
        (any::<i8>(), singles()).prop_map(|(x, y)| Command::Move(x, y)),
        (any::<u32>(), text(true)).prop_map(|(on_ms, text)| Command::Blink { on_ms, text }),
    ];
    (numbers, floats, texts, maps, blocks, command).prop_map(
        |(numbers, floats, texts, maps, blocks, command)| {
            let ((ints, unsigned, wide), (single, double, list)) = (numbers, floats);
            let ((letter, text, flag, maybe), (by_number, by_pair)) = (texts, maps);
            let (data, samples, levels, exact) = blocks;
            Typed {
                ints,
                unsigned,
                wide,
                single,
                double,
                flag,
                letter,
                text,
                nothing: (),
                maybe,
                one: (unsigned.0,),
                list,
                by_number,
                by_pair,
                data,
                samples,
                levels,
                exact,
                command,
            }
        },
    )
}

/// The doubles that a board with these floats can represent.
fn floats_of(floats: Floats) -> BoxedStrategy<f64> {
    match floats {
        Floats::Double => doubles().boxed(),
        Floats::Single => singles().prop_map(f64::from).boxed(),
        Floats::Coarse => coarse().boxed(),
    }
}

/// Doubles of every kind: all bits, measured values of few digits, subnormals, and the special ones.
fn doubles() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(|bits| number(f64::from_bits(bits), f64::NAN)),
        -1000.0..1000.0,
        (-100_000..100_000_i32).prop_map(|thousandths| f64::from(thousandths) / 1000.0),
        (0..1_u64 << 52).prop_map(f64::from_bits),
        prop::sample::select(vec![
            0.0,
            -0.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            f64::MAX,
            1e23
        ]),
    ]
}

/// Replaces other NaNs by the usual one: Python does not distinguish them, and no other bit pattern comes back from
/// every board.
#[expect(clippy::eq_op, reason = "only a NaN is not itself")]
fn number<F: PartialEq + Copy>(float: F, nan: F) -> F {
    if float == float { float } else { nan }
}

fn singles() -> impl Strategy<Value = f32> {
    prop_oneof![
        any::<u32>().prop_map(|bits| number(f32::from_bits(bits), f32::NAN)),
        -1000.0..1000.0_f32,
        (0..1_u32 << 23).prop_map(f32::from_bits),
        prop::sample::select(vec![0.0, -0.0, f32::INFINITY, f32::NAN, f32::MAX, 7.038_531e-26]),
    ]
}

/// Numbers that a board prints with all their digits in single precision.
fn coarse() -> impl Strategy<Value = f64> {
    (-9999..9999_i32, 0..3_i32).prop_map(|(digits, places)| f64::from(digits) / 10_f64.powi(places))
}

fn text(unicode: bool) -> BoxedStrategy<String> {
    let ascii = prop_oneof![
        "[ -~]{0,12}",
        vec(0..128_u8, 0..12).prop_map(|bytes| bytes.into_iter().map(char::from).collect()),
    ];
    if !unicode {
        return ascii.boxed();
    }
    prop_oneof![ascii, vec(any::<char>(), 0..8).prop_map(String::from_iter)].boxed()
}

fn ints(abilities: Abilities) -> BoxedStrategy<Value> {
    let small = prop_oneof![-10..300_i64, any::<i32>().prop_map(i64::from)].prop_map(Value::from);
    if !abilities.everything {
        return small.boxed();
    }
    let long = "-?[1-9][0-9]{0,80}"
        .prop_map(|digits| BigInt::from_decimal(&digits).map_or(Value::None, Value::from));
    prop_oneof![
        small,
        any::<i64>().prop_map(Value::from),
        any::<i128>().prop_map(Value::from),
        long
    ]
    .boxed()
}

/// Values that can be keys, without numbers that are equal but have different types, since they would be one key.
fn keys(abilities: Abilities) -> BoxedStrategy<Value> {
    let plain = prop_oneof![
        ints(abilities),
        text(abilities.unicode).prop_map(Value::from),
        vec(any::<u8>(), 0..6).prop_map(Value::Bytes),
        Just(Value::None),
    ];
    let tuples = vec(plain.clone(), 0..3).prop_map(Value::Tuple);
    prop_oneof![4 => plain, 1 => tuples].boxed()
}

fn distinct(elements: Vec<Value>) -> Vec<Value> {
    let by_text: BTreeMap<_, _> = elements.into_iter().map(|value| (exact(&value), value)).collect();
    by_text.into_values().collect()
}

fn arrays(abilities: Abilities) -> BoxedStrategy<Value> {
    fn of<T: Into<Value> + Copy>(code: TypeCode, elements: &[T]) -> Value {
        Value::Array(code, elements.iter().map(|&element| element.into()).collect())
    }
    let small = prop_oneof![
        vec(any::<i8>(), 0..6).prop_map(|elements| of(TypeCode::I8, &elements)),
        vec(any::<u8>(), 0..6).prop_map(|elements| of(TypeCode::U8, &elements)),
        vec(any::<i16>(), 0..6).prop_map(|elements| of(TypeCode::I16, &elements)),
        vec(any::<u16>(), 0..6).prop_map(|elements| of(TypeCode::U16, &elements)),
        vec(any::<i32>(), 0..6).prop_map(|elements| of(TypeCode::I32, &elements)),
        vec(any::<u32>(), 0..6).prop_map(|elements| of(TypeCode::U32, &elements)),
    ];
    if abilities.floats == Floats::Coarse {
        return small.boxed();
    }
    let doubles = move || floats_of(abilities.floats);
    prop_oneof![
        small,
        vec(any::<i64>(), 0..6).prop_map(|elements| of(TypeCode::I64, &elements)),
        vec(any::<u64>(), 0..6).prop_map(|elements| of(TypeCode::U64, &elements)),
        vec(singles(), 0..6).prop_map(|elements| of(TypeCode::F32, &elements)),
        vec(doubles(), 0..6).prop_map(|elements| of(TypeCode::F64, &elements)),
    ]
    .boxed()
}

/// Values of every Python type that the board has.
pub fn values(abilities: Abilities) -> BoxedStrategy<Value> {
    let floats = floats_of(abilities.floats);
    let plain = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        ints(abilities),
        floats.prop_map(Value::Float),
        text(abilities.unicode).prop_map(Value::from),
        vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
    ];
    let plain = if abilities.everything {
        prop_oneof![
            12 => plain,
            2 => vec(any::<u8>(), 0..40).prop_map(Value::ByteArray),
            2 => arrays(abilities),
            1 => vec(keys(abilities), 0..4).prop_map(|elements| Value::Set(distinct(elements))),
            1 => vec(keys(abilities), 0..4).prop_map(|elements| Value::FrozenSet(distinct(elements))),
        ]
        .boxed()
    } else {
        plain.boxed()
    };
    plain
        .prop_recursive(3, 12, 4, move |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::List),
                vec(inner.clone(), 0..4).prop_map(Value::Tuple),
                vec((keys(abilities), inner), 0..4).prop_map(|entries| {
                    let by_text: BTreeMap<_, _> = entries
                        .into_iter()
                        .map(|(key, value)| (exact(&key), (key, value)))
                        .collect();
                    Value::Dict(by_text.into_values().collect())
                }),
            ]
        })
        .boxed()
}
