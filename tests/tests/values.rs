//! Values on real boards: hostile ones have no side effects, and lost precision is known.

use std::sync::{Arc, Mutex};

use belay::{Device, DeviceBuilder};
use belay_runtime::python::{Bytes, TypeCode, Value};
use belay_runtime::transport::{Address, Connector, StreamTransport, TransportError};
use belay_sim::Board;
use belay_tests::connected;
use belay_tests::values::{Abilities, Echo as _, EchoDevice, Floats, cases, differences, values};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Text that would do harm if any of it were taken for code, for an answer of the board, or for a control character.
fn hostile_texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "'",
        "\"",
        "\\",
        "\\'",
        "'''",
        "\"\"\"",
        "\\\\'",
        "\\x41",
        "\\u0041",
        "\\N{DIGIT ONE}",
        "{}",
        "%s%n",
        "$(id)",
        "`id`",
        "')",
        "'), __import__('os').remove('/main.py'), ('",
        "\\'),__import__('sys').exit(),('",
        "__import__('machine').reset()",
        "x'\nimport sys\nsys.exit()\n'",
        "#",
        "# comment\n",
        ";",
        "\n",
        "\r\n",
        "\r",
        "\t",
        "\0",
        "\x01",
        "\x02",
        "\x03",
        "\x04",
        "\x05",
        "\x05A\x01",
        "\r\x03",
        "\r\x01",
        "\x04\x04>",
        "OK\x04\x04>",
        "raw REPL; CTRL-B to exit\r\n>",
        "MPY: soft reboot\r\n",
        ">>> ",
        "... ",
        "=== ",
        "MicroPython v1.26.1",
        "R\x01\u{80}\0\x01",
        "Traceback (most recent call last):\r\n  File \"<stdin>\", line 1\r\nKeyboardInterrupt: \r\n",
        "None",
        "nan",
        "<Pin 4>",
        "B('QUJD')",
        "_belay",
        "S(1)",
        "f0(1)",
        "\x02",
        "\x020o1\x03",
        "\x1b[2J",
        "\x1b]0;x\x1b\\",
        "\x7f",
        "\u{80}",
        "\u{a0}",
        "é",
        "\u{2028}\u{2029}",
        "\u{202e}abc",
        "\u{feff}",
        "\u{ffff}",
        "\u{10ffff}",
        "😀",
        "e\u{301}",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push((0..128_u8).map(char::from).collect());
    texts.push("'\\\"".repeat(500));
    texts.push("\x03".repeat(300));
    texts.push("\x04".repeat(300));
    // Repeated until they are too long to be written into the call itself.
    let long: Vec<String> = texts
        .iter()
        .map(|text| text.repeat(100 / text.len() + 1))
        .collect();
    texts.extend(long);
    texts
}

/// The same as bytes, and bytes that are no valid text.
fn hostile_bytes() -> Vec<Bytes> {
    let mut all: Vec<Vec<u8>> = vec![
        b"\xed\xa0\x80".to_vec(),
        b"\xed\xb0\x80\xed\xa0\x80".to_vec(),
        b"\xff\xfe".to_vec(),
        b"\xc3".to_vec(),
        (0..=255).collect(),
        vec![3; 4096],
        vec![4; 4096],
        vec![b'\''; 700],
    ];
    all.extend(hostile_texts().into_iter().map(String::into_bytes));
    all.into_iter().map(Bytes).collect()
}

async fn echo(device: &Device) -> EchoDevice {
    device.attach().await.expect("the trait attaches")
}

/// The names in the board's namespaces: they change if any code in a value was executed.
async fn footprint(device: &Device) -> String {
    let names = "sorted(__import__('__main__').__dict__), sorted(__import__('sys').modules)";
    // The first query itself imports modules, so only the second answer is stable.
    let _ = device.execute_as::<Value>(names).await;
    let names: Value = device.execute_as(names).await.expect("the board says");
    names.to_string()
}

#[tokio::test]
async fn hostile_text_comes_back_as_it_was_and_does_nothing_else() {
    let (_board, device) = connected().await;
    let echo = echo(&device).await;
    echo.text("a first call deploys what is called")
        .await
        .expect("it returns");
    let before = footprint(&device).await;
    for text in hostile_texts() {
        let (alone, within) = echo
            .text(&text)
            .await
            .unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(alone, text);
        assert_eq!(within.get(&text), Some(&vec![text.clone()]), "{text:?}");
    }
    assert_eq!(footprint(&device).await, before);
    device.close().await.expect("it closes");
}

#[tokio::test]
async fn hostile_bytes_come_back_as_they_were_and_do_nothing_else() {
    let (_board, device) = connected().await;
    let echo = echo(&device).await;
    echo.data(&Bytes::default()).await.expect("it returns");
    let before = footprint(&device).await;
    for data in hostile_bytes() {
        assert_eq!(echo.data(&data).await.expect("it returns"), data);
        let within = echo.data_as_key(&data).await.expect("it returns");
        assert_eq!(within.get(&data), Some(&vec![data.clone()]));
    }
    assert_eq!(footprint(&device).await, before);
    device.close().await.expect("it closes");
}

#[tokio::test]
async fn hostile_values_beside_each_other_do_nothing_else() {
    let (_board, device) = connected().await;
    let echo = echo(&device).await;
    echo.pair("", &Bytes::default(), &[0; 24])
        .await
        .expect("it returns");
    let before = footprint(&device).await;
    for (text, data) in hostile_texts()
        .into_iter()
        .zip(hostile_bytes().into_iter().cycle())
    {
        let row = std::array::from_fn(|at| {
            if at == 5 {
                data.len().to_le_bytes()[0].into()
            } else {
                1 << at
            }
        });
        let came = echo.pair(&text, &data, &row).await.expect("it returns");
        assert_eq!(came, (text, data, row.to_vec()));
    }
    assert_eq!(footprint(&device).await, before);
    device.close().await.expect("it closes");
}

#[tokio::test]
async fn hostile_results_of_the_boards_own_making_come_back_as_they_are() {
    let (_board, device) = connected().await;
    for text in hostile_texts() {
        let codes: Vec<u32> = text.chars().map(u32::from).collect();
        let made: String = device
            .execute_as(&format!("''.join(chr(c) for c in {codes:?})"))
            .await
            .unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(made, text);
    }
    device.close().await.expect("it closes");
}

/// A device, and a copy of all bytes that its board has sent so far.
async fn overheard(board: &Board) -> (Device, Arc<Mutex<Vec<u8>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (port, log) = (board.port().to_owned(), Arc::clone(&heard));
    let connector = Connector::new("the board", move || {
        let (address, log) = (Address::serial(port.as_str()), Arc::clone(&log));
        async move {
            let (mut from_board, mut to_board) = tokio::io::split(address.open().await?);
            let (near, far) = tokio::io::duplex(1 << 16);
            let (mut from_host, mut to_host) = tokio::io::split(far);
            tokio::spawn(async move { tokio::io::copy(&mut from_host, &mut to_board).await });
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = from_board.read(&mut buffer).await {
                    log.lock().expect("nobody panics").extend(&buffer[..count]);
                    to_host
                        .write_all(&buffer[..count])
                        .await
                        .expect("the host listens");
                }
            });
            Ok::<_, TransportError>(StreamTransport::new(near, "the board"))
        }
    });
    let device = DeviceBuilder::over(connector)
        .connect()
        .await
        .expect("it answers");
    (device, heard)
}

#[tokio::test]
async fn the_frames_of_this_very_conversation_are_values_like_any_other() {
    let board = belay_tests::unix().await;
    let (device, heard) = overheard(&board).await;
    let echo = echo(&device).await;
    for _ in 0..20 {
        let sent = heard.lock().expect("nobody panics").clone();
        let begin = sent.iter().rposition(|&byte| byte == 2).expect("a frame begins");
        let frame = String::from_utf8(sent[begin..].to_vec()).expect("frames are text");
        assert!(frame.ends_with('\x03'), "{frame:?}");
        let (alone, within) = echo.text(&frame).await.expect("it returns");
        assert_eq!(alone, frame);
        assert_eq!(within.get(&frame), Some(&vec![frame.clone()]));
        let data = Bytes(frame.into_bytes());
        assert_eq!(echo.data(&data).await.expect("it returns"), data);
    }
    device.close().await.expect("it closes");
}

#[tokio::test]
async fn a_lone_surrogate_is_an_error_that_says_what_to_do() {
    let (_board, device) = connected().await;
    let error = device
        .execute_as::<String>("chr(0xd800)")
        .await
        .expect_err("it is no string in Rust");
    assert!(error.to_string().contains("\\ud800"), "{error}");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("encode()")),
        "{error:?}"
    );
    device.close().await.expect("it closes");
}

#[tokio::test]
async fn the_board_forgets_all_that_it_was_sent() {
    let (_board, device) = connected().await;
    let echo = echo(&device).await;
    let free = "(__import__('gc').collect(), __import__('gc').mem_free())[1]";
    let send = async |numbers: std::ops::Range<u32>| {
        for number in numbers {
            let text = Value::from(format!("n{number}"));
            let letter = char::from_u32(0x4e00 + number).expect("a Chinese character");
            let numbers = |code, count| Value::Array(code, vec![number.into(); count]);
            let value = Value::from(vec![
                text.clone(),
                letter.into(),
                numbers(TypeCode::U16, 1),
                numbers(TypeCode::U16, 3),
                numbers(TypeCode::U32, 1),
                numbers(TypeCode::U64, 1),
                Value::Bytes(number.to_le_bytes().to_vec()),
                Value::ByteArray(number.to_le_bytes().to_vec()),
                Value::Dict(vec![(text, number.into())]),
            ]);
            let returned = echo.any(&value).await.expect("it returns");
            assert_eq!(returned, value);
        }
        device.execute_as::<i64>(free).await.expect("the board says")
    };
    let before = send(0..500).await;
    let after = send(500..2500).await;
    // If short string literals were interned, each would take 20 bytes for ever.
    assert!(
        before - after < 10_000,
        "{before} bytes were free, and {after} after 2,000 calls"
    );
    device.close().await.expect("it closes");
}

const DOUBLES: [f64; 12] = [
    0.1,
    0.3,
    1.0 / 3.0,
    1e23,
    5e-324,
    2.225_073_858_507_201e-308,
    f64::MAX,
    f64::MIN_POSITIVE,
    -1_234.567_890_123_456_7,
    419.600_133_750_647_7,
    9_007_199_254_740_993.0,
    1e-22,
];

#[tokio::test]
async fn a_board_with_doubles_holds_and_returns_every_bit() {
    let (_board, device) = connected().await;
    let echo = echo(&device).await;
    for value in DOUBLES {
        let (held, returned) = echo.double(value).await.expect("it returns");
        assert_eq!(held.0, value.to_le_bytes(), "{value:e}");
        assert_eq!(returned.to_bits(), value.to_bits(), "{value:e}");
    }
    device.close().await.expect("it closes");
}

/// How many values are sent in one call.
const BATCH: usize = 50;

#[tokio::test]
async fn twenty_thousand_values_of_every_type_come_back_as_they_were() {
    let (_board, device) = connected().await;
    let echo = echo(&device).await;
    let strategy = cases(Abilities::ALL);
    let mut runner = TestRunner::deterministic();
    for _ in 0..20_000 / BATCH {
        let batch: Vec<_> = (0..BATCH)
            .map(|_| strategy.new_tree(&mut runner).expect("a value").current())
            .collect();
        assert_eq!(differences(&batch, &echo).await, [""; 0]);
    }
    device.close().await.expect("it closes");
}

/// All values that this board can represent survive the round trip.
async fn round_trips(device: &Device, abilities: Abilities, count: usize) {
    let echo = echo(device).await;
    let mut runner = TestRunner::deterministic();
    for _ in 0..count {
        let case = values(abilities)
            .new_tree(&mut runner)
            .expect("a value")
            .current();
        let difference = belay_tests::values::Case::Any(case).difference(&echo).await;
        assert_eq!(difference, None);
    }
}

#[tokio::test]
async fn a_board_with_single_precision_gets_and_gives_each_single_to_the_last_bit() {
    let board = Board::mps2().start().await.expect("the board starts");
    let device = Device::connect(board.port()).await.expect("it answers");
    let echo = echo(&device).await;
    for value in [
        0.1_f32,
        1.0 / 3.0,
        8_388_609.5,
        1e-30,
        f32::MIN_POSITIVE,
        f32::MAX,
    ] {
        let (held, returned) = echo.single(value).await.expect("it returns");
        assert_eq!(held.0, value.to_le_bytes(), "{value:e}");
        assert_eq!(returned.to_bits(), value.to_bits(), "{value:e}");
    }
    let abilities = Abilities {
        floats: Floats::Single,
        everything: false,
        unicode: true,
    };
    round_trips(&device, abilities, 300).await;
    device.close().await.expect("it closes");
}

/// Replaces floats by ones that 30-bit floats represent exactly.
fn with_short_floats(value: Value) -> Value {
    let all = |values: Vec<Value>| values.into_iter().map(with_short_floats).collect();
    match value {
        Value::Float(float) if float.is_finite() => {
            Value::Float((float * 8.0).rem_euclid(800.0).trunc() / 8.0)
        }
        Value::List(values) => Value::List(all(values)),
        Value::Tuple(values) => Value::Tuple(all(values)),
        Value::Dict(items) => Value::Dict(
            items
                .into_iter()
                .map(|(key, value)| (key, with_short_floats(value)))
                .collect(),
        ),
        other => other,
    }
}

#[tokio::test]
async fn a_board_like_circuitpython_returns_all_but_the_last_digits_of_floats() {
    let board = Board::circuitpython_like()
        .start()
        .await
        .expect("the board starts");
    let device = Device::connect(board.port()).await.expect("it answers");
    let echo = echo(&device).await;
    for value in [0.1_f32, 1.0 / 3.0, 16_777_215.0, 1e-30, 1e30, 3.0, -0.5] {
        let (_, returned) = echo.single(value).await.expect("it returns");
        let error = ((returned - value) / value).abs();
        assert!(error < 3e-6, "{value:e} came back as {returned:e}");
    }
    let abilities = Abilities {
        floats: Floats::Coarse,
        everything: false,
        unicode: true,
    };
    let mut runner = TestRunner::deterministic();
    for _ in 0..500 {
        let case = values(abilities)
            .new_tree(&mut runner)
            .expect("a value")
            .current();
        let case = belay_tests::values::Case::Any(with_short_floats(case));
        assert_eq!(case.difference(&echo).await, None);
    }
    device.close().await.expect("it closes");
}
