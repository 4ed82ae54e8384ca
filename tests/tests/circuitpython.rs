//! What is different on CircuitPython, tested on the CircuitPython-like board.

use std::time::Duration;

use belay::prelude::*;
use belay::python::Value;
use belay::{CallPath, ErrorKind, ReconnectPolicy, ResetPolicy};
use belay_runtime::transport::Address;
use belay_sim::Board;
use belay_tests::{over_both_paths, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

/// A lamp on the board's own pin.
#[belay::device]
pub trait Lamp {
    /// ```python
    /// import board, digitalio
    /// led = digitalio.DigitalInOut(board.LED)
    /// led.direction = digitalio.Direction.OUTPUT
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// led.value = on
    /// return led.value
    /// ```
    #[task]
    async fn set(&self, on: bool) -> Result<bool>;

    /// ```python
    /// led.deinit()
    /// ```
    #[teardown]
    async fn shut(&self) -> Result<()>;
}

/// Values that go to the board and come back.
#[belay::device]
pub trait Odd {
    /// ```python
    /// return value
    /// ```
    #[task(timeout_ms = 30_000)]
    async fn echo(&self, value: &Value) -> Result<Value>;

    /// ```python
    /// return len(numbers), sum(numbers), numbers
    /// ```
    #[task(timeout_ms = 30_000)]
    async fn numbers(&self, numbers: &[u32]) -> Result<(usize, u64, Vec<u32>)>;

    /// ```python
    /// raise ValueError("ä€😀")
    /// ```
    #[task]
    async fn refuse(&self) -> Result<()>;

    /// ```python
    /// import supervisor
    /// supervisor.reload()
    /// ```
    #[task]
    async fn reload(&self) -> Result<()>;

    /// ```python
    /// import microcontroller
    /// microcontroller.reset()
    /// ```
    #[task]
    async fn reset_chip(&self) -> Result<()>;

    /// ```python
    /// while True:
    ///     pass
    /// ```
    #[task(timeout_ms = 50)]
    async fn spin(&self) -> Result<()>;
}

/// Bodies that ask the host.
#[belay::device]
pub trait Asks {
    /// Half of `of`.
    #[host]
    async fn half(&self, of: u32) -> Result<u32>;

    /// ```python
    /// return [half(2 * n) for n in range(many)]
    /// ```
    #[task]
    async fn halves(&self, many: u32) -> Result<Vec<u32>>;

    /// ```python
    /// return a + b
    /// ```
    #[task]
    async fn add(&self, a: u32, b: u32) -> Result<u32>;
}

struct Halves;

impl AsksHost for Halves {
    async fn half(&self, of: u32) -> Result<u32> {
        Ok(of / 2)
    }
}

async fn with(files: &[(&str, &str)]) -> Board {
    let mut builder = Board::circuitpython_like();
    for (name, text) in files {
        builder = builder.file(*name, *text);
    }
    builder.start().await.unwrap()
}

async fn connected(board: &Board, path: CallPath) -> Device {
    let builder = Device::builder(board.port()).call_path(path);
    builder.connect().await.unwrap()
}

async fn text_of_all_kinds_comes_back_as_it_was(path: CallPath) {
    let board = with(&[]).await;
    let device = connected(&board, path).await;
    let odd = OddDevice::attach(&device).await.unwrap();
    for text in [
        "ä€😀",
        "\u{7f}\u{80}\u{a0}\u{2028}\u{feff}",
        "'\"\\\n\r\t\x03\x04",
        "",
    ] {
        let text = Value::Str(text.to_owned());
        let nested = Value::Dict(vec![(text.clone(), Value::List(vec![text.clone()]))]);
        for value in [text, nested] {
            assert_eq!(odd.echo(&value).await.unwrap(), value);
        }
    }
    let error = odd.refuse().await.unwrap_err();
    let exception = error.exception().expect("the board's");
    assert_eq!(
        (exception.type_name.as_str(), exception.message.as_str()),
        ("ValueError", "ä€😀")
    );
    assert!(exception.rust_line().is_some(), "{exception:?}");
    device.close().await.unwrap();
}

async fn long_and_deep_literals_fit_onto_the_pystack(path: CallPath) {
    let board = with(&[]).await;
    let device = connected(&board, path).await;
    let odd = OddDevice::attach(&device).await.unwrap();
    for count in [0, 1, 127, 128, 129, 256, 257, 400, 10_000] {
        let numbers: Vec<u32> = (0..count).collect();
        let sum = numbers.iter().map(|&number| u64::from(number)).sum();
        let came = odd.numbers(&numbers).await.unwrap();
        assert_eq!(came, (numbers.len(), sum, numbers), "{count}");
    }
    // Each level has 150 numbers and the next level as its last element.
    let mut deep = Value::from(7);
    for _ in 0..5 {
        let mut list = vec![Value::from(1); 150];
        list.push(deep);
        deep = Value::List(list);
    }
    assert_eq!(odd.echo(&deep).await.unwrap(), deep);
    for count in [128, 129, 400] {
        let numbers: Vec<Value> = (0..count).map(Value::from).collect();
        let items = numbers
            .iter()
            .map(|number| (number.clone(), number.clone()))
            .collect();
        for value in [
            Value::Tuple(numbers.clone()),
            Value::Set(numbers.clone()),
            Value::Dict(items),
        ] {
            let came = odd.echo(&value).await.unwrap();
            if !matches!(value, Value::Set(_)) {
                assert_eq!(came, value, "{count}");
            }
        }
    }
    device.close().await.unwrap();
}

/// `supervisor.reload()` raises an exception in the body. It is reported like any other, and the board keeps running.
async fn a_reload_in_a_task_is_an_exception_of_it(path: CallPath) {
    let board = with(&[]).await;
    let device = connected(&board, path).await;
    let odd = OddDevice::attach(&device).await.unwrap();
    let error = soon("the end of the task", odd.reload()).await.unwrap_err();
    let exception = error.exception().unwrap_or_else(|| panic!("{error}"));
    assert_eq!(exception.type_name, "ReloadException");
    assert_eq!(odd.echo(&Value::from(1)).await.unwrap(), Value::from(1));
    device.close().await.unwrap();
}

async fn a_reset_in_a_task_is_noticed_and_lived_through(path: CallPath) {
    let board = with(&[("code.py", "print('started')")]).await;
    let builder = Device::builder(board.port())
        .call_path(path)
        .reconnect(ReconnectPolicy::attempts(5));
    let device = builder.connect().await.unwrap();
    let lamp = LampDevice::attach(&device).await.unwrap();
    assert!(lamp.set(true).await.unwrap());
    let odd = OddDevice::attach(&device).await.unwrap();
    let error = soon("the end of the task", odd.reset_chip()).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::FateUnknown(_) | ErrorKind::Reset),
        "{error}"
    );
    assert!(soon("the next call", lamp.set(true)).await.unwrap());
    device.close().await.unwrap();
}

/// A program that was killed has left the pin in use; only a new interpreter frees it.
async fn a_pin_that_a_killed_program_had_is_free_after_a_soft_reset(path: CallPath) {
    let board = with(&[]).await;
    let mut port = Address::serial(board.port()).open().await.unwrap();
    let claim = "import board,digitalio\nled=digitalio.DigitalInOut(board.LED)\nprint('taken')";
    let taken = async {
        let mut received = String::new();
        // Where an earlier attempt has claimed the pin already, this one raises "in use".
        while !received.contains("taken") && !received.contains("in use") {
            // The board may have only just started, and then takes the first bytes for the key that opens the REPL.
            port.write_all(format!("\r\x03\x01{claim}\x04").as_bytes())
                .await
                .unwrap();
            let mut piece = [0; 1024];
            while let Ok(came) = timeout(Duration::from_millis(300), port.read(&mut piece)).await {
                received.push_str(&String::from_utf8_lossy(&piece[..came.unwrap()]));
            }
        }
    };
    soon("the pin", taken).await;
    drop(port);
    let device = connected(&board, path).await;
    let error = LampDevice::attach(&device).await.expect_err("the pin is in use");
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    assert!(cause.is_some_and(|cause| cause.contains("LED in use")), "{error}");
    let _ = device.close().await;
    let mut port = Address::serial(board.port()).open().await.unwrap();
    port.write_all(format!("\x01{claim}\x04").as_bytes())
        .await
        .unwrap();
    drop(port);
    let builder = Device::builder(board.port()).call_path(path);
    let builder = builder.reset_on_connect(ResetPolicy::Soft);
    let device = soon("a connection", builder.connect()).await.unwrap();
    let lamp = LampDevice::attach(&device).await.unwrap();
    assert!(lamp.set(true).await.unwrap());
    device.close().await.unwrap();
}

async fn whatever_the_boards_own_program_does_the_host_connects(path: CallPath) {
    for program in [
        "print('done')",
        "while True:\n    pass",
        "import time\nwhile True:\n    print('busy')\n    time.sleep(0.01)",
        "while True:\n    try:\n        while True: pass\n    except KeyboardInterrupt:\n        break\nprint('caught')\nwhile True: pass",
        "raise ValueError('no')",
        "input()",
        "import sys\nsys.exit()",
        "f(",
    ] {
        let board = with(&[("code.py", program)]).await;
        let device = soon(program, Device::builder(board.port()).call_path(path).connect()).await;
        let device = device.unwrap_or_else(|error| panic!("{program}: {error}"));
        assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42, "{program}");
        device.close().await.unwrap();
    }
}

async fn safe_mode_and_a_drive_that_is_written_to_change_nothing(path: CallPath) {
    let board = with(&[("code.py", "print('started')")]).await;
    let device = connected(&board, path).await;
    let odd = OddDevice::attach(&device).await.unwrap();
    std::fs::write(board.directory().join("code.py"), "while True: pass").unwrap();
    // Auto-reload would restart the board three quarters of a second after the file has changed.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(odd.echo(&Value::from(1)).await.unwrap(), Value::from(1));
    device
        .execute("import microcontroller\nmicrocontroller.on_next_reset(microcontroller.RunMode.SAFE_MODE)")
        .await
        .unwrap();
    odd.reset_chip().await.unwrap_err();
    let _ = device.close().await;
    let device = connected(&board, path).await;
    let safe = "__import__('supervisor').runtime.safe_mode_reason";
    assert!(device.execute_as::<bool>(safe).await.unwrap());
    device.close().await.unwrap();
}

async fn boot_py_gives_the_file_system_to_the_board(path: CallPath) {
    let boot = "import storage\nstorage.disable_usb_drive()";
    let board = with(&[("boot.py", boot)]).await;
    let device = connected(&board, path).await;
    assert!(device.capabilities().file_system && !device.capabilities().read_only);
    device.execute("open('note', 'w').close()").await.unwrap();
    device.close().await.unwrap();

    let board = with(&[]).await;
    let device = connected(&board, path).await;
    let error = device.execute("open('note', 'w').close()").await.unwrap_err();
    assert_eq!(
        error.exception().and_then(|exception| exception.errno),
        Some(30),
        "{error}"
    );
    device.close().await.unwrap();
}

async fn a_deadline_ends_a_busy_task_at_once(path: CallPath) {
    let board = with(&[]).await;
    let device = connected(&board, path).await;
    let odd = OddDevice::attach(&device).await.unwrap();
    for _ in 0..5 {
        let error = soon("the deadline", odd.spin()).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error}");
        assert_eq!(odd.echo(&Value::from(1)).await.unwrap(), Value::from(1));
    }
    device.close().await.unwrap();
}

over_both_paths! {
    text_of_all_kinds_comes_back_as_it_was
    long_and_deep_literals_fit_onto_the_pystack
    a_reload_in_a_task_is_an_exception_of_it
    a_reset_in_a_task_is_noticed_and_lived_through
    a_pin_that_a_killed_program_had_is_free_after_a_soft_reset
    whatever_the_boards_own_program_does_the_host_connects
    safe_mode_and_a_drive_that_is_written_to_change_nothing
    boot_py_gives_the_file_system_to_the_board
    a_deadline_ends_a_busy_task_at_once
}

#[tokio::test]
async fn a_body_that_waits_for_the_host_has_the_pystack_to_refuse_what_was_written_ahead() {
    let board = with(&[]).await;
    let asks = AsksDevice::builder(board.port()).host(Halves);
    let asks = asks.connect().await.unwrap();
    // These calls deploy the functions. Later calls need no deployment, and so all of them can be in flight at once.
    assert_eq!(asks.halves(1).await.unwrap(), [0]);
    assert_eq!(asks.add(0, 0).await.unwrap(), 0);
    let asking = (0..5).map(|_| asks.halves(4));
    let others = (0..20).map(|n| asks.add(n, 1));
    let all = futures_util::future::join(
        futures_util::future::try_join_all(asking),
        futures_util::future::try_join_all(others),
    );
    let (asked, others) = soon("the answers", all).await;
    assert_eq!(asked.unwrap(), vec![vec![0, 1, 2, 3]; 5]);
    assert_eq!(others.unwrap(), (1..=20).collect::<Vec<u32>>());
    asks.close().await.unwrap();
}
