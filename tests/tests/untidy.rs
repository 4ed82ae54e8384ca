//! Boards whose programs have made a mess of Python's names, of exceptions, or of the host's objects there. Everything
//! works as on a tidy board, over both call paths and with the small agent.

use belay::prelude::*;
use belay::python::Value;
use belay::transport::Address;
use belay::{CallPath, DeviceException, ErrorKind};
use belay_sim::{Board, Builder};
use belay_tests::{AGENT_LAID_OPEN, PATIENCE, soon};
use futures_util::TryStreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A heap that is too small for the resident agent.
const SMALL_KB: u32 = 44;

/// Runs a test with every agent, each on a suitable board.
macro_rules! with_every_agent {
    ($($test:ident)*) => {
        mod agent {
            $(#[tokio::test] async fn $test() { super::$test(super::Way::Agent).await; })*
        }
        mod raw_repl {
            $(#[tokio::test] async fn $test() { super::$test(super::Way::RawRepl).await; })*
        }
        mod small {
            $(#[tokio::test] async fn $test() { super::$test(super::Way::Small).await; })*
        }
        mod on_several_threads {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $test() { super::$test(super::Way::Agent).await; })*
        }
    };
}

with_every_agent! {
    names_that_main_gave_another_meaning_change_nothing
    builtins_that_main_replaced_change_nothing
    builtins_that_a_body_replaces_change_nothing_of_what_the_host_sends
    a_body_that_ran_out_of_memory_deep_inside_runs_once
    a_function_that_another_program_removed_is_deployed_again
    an_exception_that_cannot_be_made_text_keeps_its_type_and_traceback
    an_exception_with_an_odd_message_keeps_its_type
    a_result_that_looks_like_nothing_is_an_error_at_once
    a_body_may_take_the_agent_out_of_the_global_names
    a_heap_that_a_body_left_locked_is_unlocked
    bytes_arrive_as_what_they_are_at_every_size
    input_is_refused_at_once
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Agent,
    RawRepl,
    Small,
}

impl Way {
    fn board(self) -> Builder {
        match self {
            Self::Small => Board::unix().heap_kb(SMALL_KB),
            _ => Board::unix(),
        }
    }

    async fn connect(self, board: &Board) -> Device {
        let builder = Device::builder(board.port());
        let device = match self {
            Self::Agent => builder.call_path(CallPath::Agent),
            Self::RawRepl => builder.call_path(CallPath::RawRepl),
            Self::Small => builder,
        };
        let device = soon("connecting", device.connect())
            .await
            .expect("the board answers");
        let path = device.capabilities().call_path;
        assert_eq!(path == CallPath::Agent, self == Self::Agent);
        device
    }

    async fn start(self) -> (Board, Device) {
        let board = self.board().start().await.expect("a board");
        let device = self.connect(&board).await;
        (board, device)
    }
}

/// Methods that leave a mess, and some that do not.
#[belay::device]
pub trait Untidy {
    /// ```python
    /// started = len("started")
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// return len(str(a)) + max(b, 0) + started
    /// ```
    #[task]
    async fn add(&self, a: i32, b: i32) -> Result<i32>;

    /// ```python
    /// return list(map(str, [text][:len(numbers) + 1]))
    /// ```
    #[task]
    async fn same(&self, text: &str, numbers: Vec<f64>) -> Result<Vec<String>>;

    /// ```python
    /// raise ValueError(isinstance(1, int))
    /// ```
    #[task]
    async fn fail(&self) -> Result<()>;

    /// ```python
    /// for i in range(n):
    ///     yield i
    /// ```
    #[task]
    fn count(&self, n: u32) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// with open("ran", "a") as file:
    ///     file.write(text)
    /// def first():
    ///     second()
    /// def second():
    ///     third()
    /// def third():
    ///     l = None
    ///     while True:
    ///         l = (l,)
    /// first()
    /// ```
    #[task]
    async fn exhaust(&self, text: &str) -> Result<()>;

    /// ```python
    /// try:
    ///     with open("ran") as file:
    ///         return len(file.read())
    /// except OSError:
    ///     return 0
    /// ```
    #[task]
    async fn runs(&self) -> Result<u32>;

    /// ```python
    /// class Awkward(ValueError):
    ///     def __str__(self):
    ///         raise kinds[kind]("no text")
    ///     __repr__ = __str__
    /// kinds = {"mild": TypeError, "wild": BaseException, "exit": SystemExit, "memory": MemoryError}
    /// raise Awkward(Awkward())
    /// ```
    #[task]
    async fn fail_awkwardly(&self, kind: &str) -> Result<()>;

    /// ```python
    /// if kind == "code":
    ///     raise OSError(0xFFFFFFFF)
    /// if kind == "large":
    ///     raise OSError(1 << 70)
    /// if kind == "half":
    ///     raise ValueError("a" + chr(0xD800) + "\\ud800" + "b")
    /// if kind == "wide":
    ///     raise ValueError(chr(0xE4) + chr(0x20AC) + chr(0x1F600))
    /// raise ValueError(bytes(range(32)).decode())
    /// ```
    #[task]
    async fn fail_oddly(&self, kind: &str) -> Result<()>;

    /// ```python
    /// class Thing:
    ///     def __repr__(self):
    ///         return "<\x02\x03\x04\n>"
    /// return Thing()
    /// ```
    #[task]
    async fn thing(&self) -> Result<u32>;

    /// ```python
    /// import __main__
    /// del __main__._belay
    /// return 1
    /// ```
    #[task]
    async fn remove(&self) -> Result<u32>;

    /// ```python
    /// import __main__
    /// __main__._belay = 5
    /// return 1
    /// ```
    #[task]
    async fn replace(&self) -> Result<u32>;

    /// ```python
    /// import micropython
    /// for _ in range(times):
    ///     micropython.heap_lock()
    /// return times
    /// ```
    #[task]
    async fn lock(&self, times: u32) -> Result<u32>;

    /// ```python
    /// import micropython
    /// micropython.heap_lock()
    /// return items
    /// ```
    #[task]
    async fn lock_with(&self, items: Vec<u32>) -> Result<Vec<u32>>;

    /// ```python
    /// made = bytes([7] * size)
    /// if kind == "bytes":
    ///     return made
    /// if kind == "bytearray":
    ///     return bytearray(made)
    /// return memoryview(made)
    /// ```
    #[task]
    async fn made(&self, kind: &str, size: u32) -> Result<Value>;

    /// ```python
    /// made = bytes([7] * size)
    /// yield made
    /// yield bytearray(made)
    /// yield memoryview(made)
    /// ```
    #[task]
    fn all_made(&self, size: u32) -> impl Stream<Item = Result<Value>>;

    /// ```python
    /// return globals()["input"]("name? ")
    /// ```
    #[task]
    async fn ask(&self) -> Result<String>;
}

/// Uses every feature.
async fn use_all(device: &Device) -> Result<()> {
    let untidy = UntidyDevice::attach(device).await?;
    for number in 0..3 {
        assert_eq!(untidy.add(1000, number).await?, 4 + number + 7);
    }
    assert_eq!(untidy.same("ä", vec![f64::INFINITY, 0.5]).await?, ["ä"]);
    let error = untidy.fail().await.expect_err("it raises");
    assert_eq!(raised(&error).message, "True");
    assert!(raised(&error).rust_line().is_some(), "{error:?}");
    assert_eq!(
        untidy.count(50).try_collect::<Vec<_>>().await?,
        (0..50).collect::<Vec<_>>()
    );
    assert_eq!(device.execute_as::<u32>("len('four')").await?, 4);
    Ok(())
}

fn raised(error: &Error) -> &DeviceException {
    error.exception().unwrap_or_else(|| panic!("{error}"))
}

/// A `main.py` that replaces every name that Python defines.
const NAMES: &str =
    "import builtins\nfor _n in [n for n in dir(builtins) if n[0] != '_']: globals()[_n] = 5\n";
const NAMES_AND_BUILTINS: &str = "\
import builtins as _b
_g = globals()
_s = setattr
for _n in [n for n in dir(_b) if n[0] != '_']:
    _g[_n] = 5
    _s(_b, _n, 5)
";

async fn names_that_main_gave_another_meaning_change_nothing(way: Way) {
    let board = way.board().file("main.py", NAMES).start().await.expect("a board");
    let device = way.connect(&board).await;
    soon("all of it", use_all(&device)).await.unwrap();
    device.close().await.unwrap();
    let again = way.connect(&board).await;
    soon("all of it", use_all(&again)).await.unwrap();
    again.close().await.unwrap();
}

async fn builtins_that_main_replaced_change_nothing(way: Way) {
    let board = way
        .board()
        .file("main.py", NAMES_AND_BUILTINS)
        .start()
        .await
        .expect("a board");
    let device = way.connect(&board).await;
    soon("all of it", use_all(&device)).await.unwrap();
    device.close().await.unwrap();
    let again = way.connect(&board).await;
    soon("all of it", use_all(&again)).await.unwrap();
    again.close().await.unwrap();
}

/// A body that replaces builtins that the host's own expressions use.
#[belay::device]
pub trait Replacing {
    /// ```python
    /// import builtins
    /// for name in "bytearray", "float", "frozenset", "set", "str":
    ///     setattr(builtins, name, 5)
    /// ```
    #[task]
    async fn replace(&self) -> Result<()>;

    /// ```python
    /// return value
    /// ```
    #[task]
    async fn echo(&self, value: Value) -> Result<Value>;
}

async fn builtins_that_a_body_replaces_change_nothing_of_what_the_host_sends(way: Way) {
    let (board, device) = way.start().await;
    let replacing = ReplacingDevice::attach(&device).await.unwrap();
    soon("the body", replacing.replace()).await.unwrap();
    for value in [
        Value::Str("ä".into()),
        Value::Float(f64::INFINITY),
        Value::Set(Vec::new()),
        Value::FrozenSet(vec![Value::Int(1)]),
        Value::ByteArray(vec![7; 3]),
    ] {
        assert_eq!(
            soon("an answer", replacing.echo(value.clone())).await.unwrap(),
            value
        );
    }
    let printed = soon("the output", device.execute("print('done')")).await.unwrap();
    assert_eq!(printed.trim(), "done");
    device.close().await.unwrap();
    drop(board);
}

/// A thread that uses builtins.
#[belay::device]
pub trait Beside {
    /// ```python
    /// global turns
    /// while True:
    ///     turns = max(turns, 0) + 1
    /// ```
    #[thread]
    async fn turn(&self) -> Result<ThreadHandle>;

    /// ```python
    /// turns = 0
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;
}

#[tokio::test]
async fn threads_run_and_stop_whatever_main_made_of_the_names() {
    let board = Board::unix()
        .file("main.py", NAMES_AND_BUILTINS)
        .start()
        .await
        .expect("a board");
    let device = Way::Agent.connect(&board).await;
    let beside = BesideDevice::attach(&device).await.unwrap();
    let handle = beside.turn().await.unwrap();
    soon("the end of the thread", handle.stop(PATIENCE))
        .await
        .unwrap();
    device.close().await.unwrap();
}

/// Types a program as another tool would, and waits for its end.
async fn another_program_runs(board: &Board, source: &str) {
    let address: Address = board.port().parse().unwrap();
    let mut port = address.open().await.unwrap();
    port.write_all(b"\r\x03\x03\r\x01").await.unwrap();
    let mut seen = Vec::new();
    let running = async {
        while !seen.ends_with(b"CTRL-B to exit\r\n>") {
            seen.push(port.read_u8().await.unwrap());
        }
        for line in source.split_inclusive('\n') {
            port.write_all(line.as_bytes()).await.unwrap();
        }
        port.write_all(b"\x04").await.unwrap();
        while !seen.ends_with(b"OK\x04\x04>") {
            seen.push(port.read_u8().await.unwrap());
        }
    };
    soon("the end of it", running).await;
    port.close(PATIENCE).await;
}

/// On the oldest boards the agent has no memory to protect itself from changes in `builtins`, but it is protected from
/// names that `main.py` assigns.
#[tokio::test]
async fn the_oldest_board_goes_on_when_names_have_another_meaning() {
    let board = Board::microbit().start().await.expect("a board");
    another_program_runs(
        &board,
        "len=repr=print=eval=exec=str=BaseException=globals=dict=5\n",
    )
    .await;
    for _ in 0..2 {
        let device = soon("connecting", Device::connect(board.port())).await.unwrap();
        assert_eq!(device.execute_as::<u32>("len('ab')").await.unwrap(), 2);
        assert_eq!(device.execute("print(str(2))").await.unwrap().trim(), "2");
        let error = device.execute_as::<u32>("int('x')").await.unwrap_err();
        assert!(raised(&error).is("ValueError"), "{error:?}");
        device.close().await.unwrap();
    }
}

async fn a_body_that_ran_out_of_memory_deep_inside_runs_once(way: Way) {
    let (_board, device) = way.start().await;
    let untidy = UntidyDevice::attach(&device).await.unwrap();
    // A function that can be evicted to free memory.
    untidy.add(1, 1).await.unwrap();
    untidy.thing().await.unwrap_err();
    let error = untidy.exhaust("x").await.expect_err("it ran out of memory");
    assert!(raised(&error).is("MemoryError"), "{error:?}");
    assert_eq!(untidy.runs().await.unwrap(), 1);
    device.close().await.unwrap();
}

async fn a_function_that_another_program_removed_is_deployed_again(way: Way) {
    let board = match way {
        Way::Small => way.board(),
        _ => way.board().file("main.py", AGENT_LAID_OPEN),
    };
    let board = board.start().await.expect("a board");
    let device = way.connect(&board).await;
    let untidy = UntidyDevice::attach(&device).await.unwrap();
    untidy.add(1, 1).await.unwrap();
    untidy.same("a", Vec::new()).await.unwrap();
    let misses = device.session().deployment_stats().misses;
    let names = if way == Way::Small { "_belay" } else { "names" };
    let removed =
        format!("import __main__\nn=__main__.{names}\nprint([n['U'](key) for key in list(n['F'])])");
    device.execute(&removed).await.unwrap();
    assert_eq!(untidy.add(1, 1).await.unwrap(), 9);
    assert_eq!(untidy.same("a", Vec::new()).await.unwrap(), ["a"]);
    assert_eq!(device.session().deployment_stats().misses, misses + 2);
    device.close().await.unwrap();
}

async fn an_exception_that_cannot_be_made_text_keeps_its_type_and_traceback(way: Way) {
    let (_board, device) = way.start().await;
    let untidy = UntidyDevice::attach(&device).await.unwrap();
    for kind in ["mild", "wild", "exit", "memory"] {
        let failing = soon(kind, untidy.fail_awkwardly(kind)).await;
        let error = failing.expect_err("it raises");
        let exception = raised(&error);
        assert_eq!(exception.type_name, "Awkward", "{kind}");
        assert!(exception.rust_line().is_some(), "{kind}: {error:?}");
        assert_eq!(untidy.add(1, 1).await.unwrap(), 9);
    }
    device.close().await.unwrap();
}

async fn an_exception_with_an_odd_message_keeps_its_type(way: Way) {
    let (_board, device) = way.start().await;
    let untidy = UntidyDevice::attach(&device).await.unwrap();
    for (kind, class, message, errno) in [
        ("code", "OSError", "4294967295", Some(-1)),
        ("large", "OSError", "1180591620717411303424", None),
        ("half", "ValueError", "a\u{fffd}\\ud800b", None),
        ("wide", "ValueError", "ä€😀", None),
        ("control", "ValueError", "\0\u{1}\u{2}\u{3}\u{4}", None),
    ] {
        let failing = soon(kind, untidy.fail_oddly(kind)).await;
        let error = failing.expect_err("it raises");
        let exception = raised(&error);
        assert_eq!(exception.type_name, class, "{kind}");
        assert!(exception.message.starts_with(message), "{kind}: {exception:?}");
        assert_eq!(exception.errno, errno, "{kind}");
        assert!(exception.rust_line().is_some(), "{kind}: {error:?}");
    }
    device.close().await.unwrap();
}

async fn a_result_that_looks_like_nothing_is_an_error_at_once(way: Way) {
    let (_board, device) = way.start().await;
    let untidy = UntidyDevice::attach(&device).await.unwrap();
    let error = soon("an error", untidy.thing())
        .await
        .expect_err("it is no number");
    assert!(matches!(error.kind(), ErrorKind::Value(_)), "{error:?}");
    assert_eq!(untidy.add(1, 1).await.unwrap(), 9);
    device.close().await.unwrap();
}

async fn a_body_may_take_the_agent_out_of_the_global_names(way: Way) {
    let (_board, device) = way.start().await;
    let untidy = UntidyDevice::attach(&device).await.unwrap();
    for _ in 0..2 {
        assert_eq!(untidy.remove().await.unwrap(), 1);
        assert_eq!(soon("an answer", untidy.add(1, 1)).await.unwrap(), 9);
        assert_eq!(untidy.replace().await.unwrap(), 1);
        assert_eq!(soon("an answer", untidy.add(1, 1)).await.unwrap(), 9);
    }
    device.close().await.unwrap();
}

async fn a_heap_that_a_body_left_locked_is_unlocked(way: Way) {
    let (_board, device) = way.start().await;
    let untidy = UntidyDevice::attach(&device).await.unwrap();
    for times in [1, 3] {
        assert_eq!(soon("an answer", untidy.lock(times)).await.unwrap(), times);
        let items: Vec<u32> = (0..40).collect();
        let same = soon("an answer", untidy.lock_with(items.clone()));
        assert_eq!(same.await.unwrap(), items);
        assert_eq!(
            soon("an answer", untidy.same("a", vec![0.5])).await.unwrap(),
            ["a"]
        );
    }
    device.close().await.unwrap();
}

async fn bytes_arrive_as_what_they_are_at_every_size(way: Way) {
    let (_board, device) = way.start().await;
    let untidy = UntidyDevice::attach(&device).await.unwrap();
    for size in [0, 1, 39, 40, 41, 42, 400] {
        let plain = vec![7; usize::try_from(size).unwrap()];
        let expected = [
            Value::Bytes(plain.clone()),
            Value::ByteArray(plain.clone()),
            Value::Bytes(plain),
        ];
        for (kind, expected) in ["bytes", "bytearray", "memoryview"].into_iter().zip(&expected) {
            assert_eq!(
                &untidy.made(kind, size).await.unwrap(),
                expected,
                "{kind} of {size}"
            );
        }
        assert_eq!(
            untidy.all_made(size).try_collect::<Vec<_>>().await.unwrap(),
            expected
        );
    }
    device.close().await.unwrap();
}

async fn input_is_refused_at_once(way: Way) {
    let (_board, device) = way.start().await;
    let untidy = UntidyDevice::attach(&device).await.unwrap();
    let error = soon("an error", untidy.ask())
        .await
        .expect_err("there is no input");
    assert!(raised(&error).is("EOFError"), "{error:?}");
    assert!(raised(&error).message.contains("input"), "{error:?}");
    let error = soon("an error", device.execute("globals()['input']()"))
        .await
        .expect_err("there is no input");
    assert!(raised(&error).is("EOFError"), "{error:?}");
    assert_eq!(untidy.add(1, 1).await.unwrap(), 9);
    device.close().await.unwrap();
}
