//! Host functions: bodies on the board call functions of the program, each question runs its function once, and the
//! bodies continue with the answers.

use std::error::Error as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use belay::prelude::*;
use belay::python::Bytes;
use belay::{ErrorKind, HostFunctionError};
use belay_sim::Board;
use belay_tests::{PATIENCE, soon};
use futures_util::TryStreamExt as _;
use tokio::sync::{Notify, mpsc};

#[path = "host/bad_line.rs"]
mod bad_line;
#[path = "host/ends.rs"]
mod ends;
#[path = "host/input.rs"]
mod input;
#[path = "host/threads.rs"]
mod threads;

/// Bodies that ask the host.
#[belay::device]
pub trait Logger {
    /// Stores a reading and gives how many there are.
    #[host]
    async fn store(&self, sensor: &str, value: f64) -> Result<u32, Full>;

    /// Gives back its arguments.
    #[host]
    async fn echo(&self, text: String, data: Bytes, pair: (i64, Option<bool>)) -> Result<Echoed, Full>;

    /// A function without parameters.
    #[host]
    async fn now(&self) -> Result<u64, Full>;

    /// Takes a long text, and gives one.
    #[host]
    async fn long(&self, text: &str) -> Result<String, Full>;

    /// Panics.
    #[host]
    async fn panics(&self) -> Result<(), Full>;

    /// Never answers.
    #[host(timeout_ms = 50)]
    async fn too_slow(&self) -> Result<(), Full>;

    /// Never answers; its time-out is the longest that there is.
    #[host(timeout_ms = 18_446_744_073_709_551_615)]
    async fn never(&self) -> Result<(), Full>;

    /// Takes `milliseconds` to answer, which may be longer than the bodies' own time-out.
    #[host]
    async fn slow(&self, milliseconds: u64) -> Result<u64, Full>;

    /// Calls the device that is waiting for it.
    #[host]
    async fn calls_back(&self) -> Result<String, Full>;

    /// ```python
    /// in_setup = store("setup", 0.5)
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// return in_setup
    /// ```
    #[task]
    async fn of_setup(&self) -> Result<u32>;

    /// ```python
    /// total = 0
    /// for i in range(many):
    ///     total = store(sensor, value=i / 4)
    /// return total
    /// ```
    #[task]
    async fn measure(&self, sensor: &str, many: u32) -> Result<u32>;

    /// ```python
    /// for i in range(many):
    ///     yield store("generator", i)
    /// ```
    #[task]
    fn measured(&self, many: u32) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// return echo(text, data, pair), now()
    /// ```
    #[task]
    async fn same(&self, text: &str, data: Bytes, pair: (i64, Option<bool>)) -> Result<(Echoed, u64)>;

    /// ```python
    /// return len(long("x" * many))
    /// ```
    #[task]
    async fn long_text(&self, many: u32) -> Result<u32>;

    /// ```python
    /// try:
    ///     store("full", -1)
    /// except HostError as error:
    ///     return str(error)
    /// ```
    #[task]
    async fn caught(&self) -> Result<String>;

    /// ```python
    /// store("full", -1)
    /// ```
    #[task]
    async fn not_caught(&self) -> Result<()>;

    /// ```python
    /// try:
    ///     store("full", -1)
    /// except HostError:
    ///     pass
    /// panics()
    /// ```
    #[task]
    async fn panicking(&self) -> Result<()>;

    /// ```python
    /// too_slow()
    /// ```
    #[task]
    async fn too_late(&self) -> Result<()>;

    /// ```python
    /// return slow(milliseconds)
    /// ```
    #[task(timeout_ms = 300)]
    async fn patient(&self, milliseconds: u64) -> Result<u64>;

    /// ```python
    /// import time
    /// slow(1)
    /// time.sleep(60)
    /// ```
    #[task(timeout_ms = 300)]
    async fn impatient(&self) -> Result<()>;

    /// ```python
    /// never()
    /// ```
    #[task]
    async fn waits(&self) -> Result<()>;

    /// ```python
    /// store(sensor, 1)
    /// ```
    #[task]
    async fn wrong(&self, sensor: u32) -> Result<()>;

    /// ```python
    /// return calls_back()
    /// ```
    #[task]
    async fn around(&self) -> Result<String>;

    /// ```python
    /// import micropython, time
    /// said = []
    /// def handler(_):
    ///     try:
    ///         store("handler", 1)
    ///     except Exception as error:
    ///         said.append(repr(error))
    /// micropython.schedule(handler, 0)
    /// while not said:
    ///     time.sleep_ms(1)
    /// return said[0]
    /// ```
    #[task]
    async fn from_handler(&self) -> Result<String>;

    /// ```python
    /// for i in range(many):
    ///     store("thread", i)
    /// ```
    #[thread]
    async fn background(&self, many: u32) -> Result<ThreadHandle>;

    /// ```python
    /// never()
    /// ```
    #[thread]
    async fn stuck(&self) -> Result<ThreadHandle>;

    /// ```python
    /// store("teardown", 1)
    /// ```
    #[teardown]
    async fn finish(&self) -> Result<()>;

    /// ```python
    /// return a + b
    /// ```
    #[task]
    async fn add(&self, a: i64, b: i64) -> Result<i64>;
}

/// The arguments of `echo`.
pub type Echoed = (String, Bytes, (i64, Option<bool>));

/// The program's own error type.
#[derive(Debug, PartialEq)]
pub struct Full(&'static str);

impl std::fmt::Display for Full {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the store is full: {}", self.0)
    }
}

impl std::error::Error for Full {}

impl From<Error> for Full {
    fn from(_: Error) -> Self {
        Self("no device")
    }
}

#[derive(Default)]
struct Store {
    readings: Mutex<Vec<(String, f64)>>,
    calls: AtomicU32,
    /// How many futures of host functions were dropped before they were ready.
    dropped: AtomicU32,
    begun: Notify,
    device: Mutex<Option<LoggerDevice>>,
    told: Option<mpsc::UnboundedSender<String>>,
}

impl Store {
    fn of(&self, sensor: &str) -> Vec<f64> {
        let readings = self.readings.lock().unwrap();
        let of = readings.iter().filter(|(other, _)| other == sensor);
        of.map(|(_, value)| *value).collect()
    }

    async fn for_ever(&self) {
        struct Guard<'a>(&'a Store);
        impl Drop for Guard<'_> {
            fn drop(&mut self) {
                self.0.dropped.fetch_add(1, Ordering::SeqCst);
                self.0.begun.notify_one();
            }
        }
        let _guard = Guard(self);
        self.begun.notify_one();
        std::future::pending::<()>().await;
    }
}

impl LoggerHost for Store {
    async fn store(&self, sensor: &str, value: f64) -> Result<u32, Full> {
        if value < 0.0 {
            return Err(Full("no room"));
        }
        if let Some(told) = &self.told {
            let _ = told.send(sensor.to_owned());
        }
        let mut readings = self.readings.lock().unwrap();
        readings.push((sensor.to_owned(), value));
        let of = readings.iter().filter(|(other, _)| other == sensor).count();
        Ok(u32::try_from(of).expect("there are not so many"))
    }

    async fn echo(&self, text: String, data: Bytes, pair: (i64, Option<bool>)) -> Result<Echoed, Full> {
        Ok((text, data, pair))
    }

    async fn now(&self) -> Result<u64, Full> {
        Ok(1 << 40)
    }

    async fn long(&self, text: &str) -> Result<String, Full> {
        Ok(text.replace('x', "yy"))
    }

    async fn panics(&self) -> Result<(), Full> {
        panic!("on purpose")
    }

    async fn too_slow(&self) -> Result<(), Full> {
        self.for_ever().await;
        Ok(())
    }

    async fn never(&self) -> Result<(), Full> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.for_ever().await;
        Ok(())
    }

    async fn slow(&self, milliseconds: u64) -> Result<u64, Full> {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        Ok(milliseconds)
    }

    async fn calls_back(&self) -> Result<String, Full> {
        let device = self.device.lock().unwrap().clone().unwrap();
        let error = device.add(1, 2).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Reentered), "{error:?}");
        let streamed: Result<Vec<u32>> = device.measured(1).try_collect().await;
        let error = streamed.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Reentered), "{error:?}");
        Ok(error.to_string())
    }
}

async fn start() -> (Board, LoggerDevice, Arc<Store>) {
    let board = Board::unix().start().await.expect("a board");
    let store = Arc::new(Store::default());
    let logger = connect(&board, &store).await;
    (board, logger, store)
}

async fn connect(board: &Board, store: &Arc<Store>) -> LoggerDevice {
    let connecting = LoggerDevice::builder(board.port())
        .host(Arc::clone(store))
        .connect();
    soon("connecting", connecting).await.expect("the board answers")
}

/// Both flavours of the runtime.
macro_rules! on_both_runtimes {
    ($($test:ident)*) => {
        mod on_one_thread {
            $(#[tokio::test] async fn $test() { super::$test().await; })*
        }
        mod on_several_threads {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $test() { super::$test().await; })*
        }
    };
}
use on_both_runtimes;

on_both_runtimes! {
    bodies_of_every_kind_ask
    every_value_arrives_as_it_is
    a_failure_is_an_exception_that_a_body_can_catch
    a_failure_that_is_not_caught_has_its_error_as_the_source
    the_time_of_a_host_function_is_its_own
    a_host_function_cannot_call_the_device_that_waits_for_it
    calls_that_were_written_ahead_run_once_behind_those_that_ask
}

async fn bodies_of_every_kind_ask() {
    let (_board, logger, store) = start().await;
    assert_eq!(store.of("setup"), [0.5]);
    assert_eq!(logger.of_setup().await.unwrap(), 1);
    assert_eq!(logger.measure("light", 5).await.unwrap(), 5);
    assert_eq!(store.of("light"), [0.0, 0.25, 0.5, 0.75, 1.0]);
    let measured: Vec<u32> = logger.measured(200).try_collect().await.unwrap();
    assert_eq!(measured, (1..=200).collect::<Vec<u32>>());
    assert_eq!(
        logger.execute("print(store('statement', 7))").await.unwrap(),
        "1\r\n"
    );
    assert_eq!(
        logger.execute_as::<u32>("store('statement', 8)").await.unwrap(),
        2
    );
    logger.close().await.unwrap();
    assert_eq!(store.of("teardown"), [1.0]);
}

async fn every_value_arrives_as_it_is() {
    let (_board, logger, _) = start().await;
    for text in ["", "it's \"no\"\n", "\u{e9}\u{10000}\0", "x\\"] {
        let data = Bytes(text.bytes().chain(0..=255).collect());
        let pair = (-(1 << 50), Some(true));
        let same = logger.same(text, data.clone(), pair).await.unwrap();
        assert_eq!(same, ((text.to_owned(), data, pair), 1 << 40));
    }
    for many in [0, 10, 100, 1000, 20_000] {
        assert_eq!(logger.long_text(many).await.unwrap(), 2 * many);
    }
    logger.close().await.unwrap();
}

async fn a_failure_is_an_exception_that_a_body_can_catch() {
    let (_board, logger, _) = start().await;
    assert_eq!(logger.caught().await.unwrap(), "the store is full: no room");
    logger.close().await.unwrap();
}

async fn a_failure_that_is_not_caught_has_its_error_as_the_source() {
    let (_board, logger, store) = start().await;
    let error = logger.not_caught().await.unwrap_err();
    let raised = error.exception().expect("it was raised on the board");
    assert_eq!(
        (raised.type_name.as_str(), raised.message.as_str()),
        ("HostError", "the store is full: no room")
    );
    assert!(raised.rust_line().is_some(), "{error:?}");
    let source = error.source().and_then(|source| source.downcast_ref::<Full>());
    assert_eq!(source, Some(&Full("no room")), "{error:?}");

    let why = async |error: Error| {
        let source = error
            .source()
            .and_then(|source| source.downcast_ref::<HostFunctionError>());
        source.cloned().unwrap_or_else(|| panic!("{error:?}"))
    };
    let panicked = why(logger.panicking().await.unwrap_err()).await;
    assert_eq!(panicked, HostFunctionError::Panicked("on purpose".into()));
    let late = why(logger.too_late().await.unwrap_err()).await;
    assert_eq!(
        late,
        HostFunctionError::TimedOut {
            after: Duration::from_millis(50)
        }
    );
    assert_eq!(store.dropped.load(Ordering::SeqCst), 1);
    let wrong = why(logger.wrong(7).await.unwrap_err()).await;
    assert!(matches!(wrong, HostFunctionError::Arguments(_)), "{wrong:?}");
    assert_eq!(logger.measure("after", 1).await.unwrap(), 1);
    logger.close().await.unwrap();
}

async fn the_time_of_a_host_function_is_its_own() {
    let (_board, logger, _) = start().await;
    assert_eq!(logger.patient(900).await.unwrap(), 900);
    let error = soon("an error", logger.impatient()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error:?}");
    assert_eq!(logger.patient(1).await.unwrap(), 1);
    logger.close().await.unwrap();
}

async fn a_host_function_cannot_call_the_device_that_waits_for_it() {
    let (_board, logger, store) = start().await;
    *store.device.lock().unwrap() = Some(logger.clone());
    let said = soon("an answer", logger.around()).await.unwrap();
    assert!(
        said.contains("cannot call the device that waits for it"),
        "{said}"
    );
    assert_eq!(logger.add(1, 2).await.unwrap(), 3);
    store.device.lock().unwrap().take();
    logger.close().await.unwrap();
}

async fn calls_that_were_written_ahead_run_once_behind_those_that_ask() {
    let (_board, logger, store) = start().await;
    logger.add(0, 0).await.unwrap();
    logger.measure("ahead", 1).await.unwrap();
    let asking = (0..10).map(|_| logger.measure("ahead", 3));
    let others = (0..30).map(|i| logger.add(i, 1));
    let (asked, others) = futures_util::future::join(
        futures_util::future::try_join_all(asking),
        futures_util::future::try_join_all(others),
    )
    .await;
    let mut asked = asked.unwrap();
    asked.sort_unstable();
    assert_eq!(asked, (1..=10).map(|i| 1 + 3 * i).collect::<Vec<u32>>());
    assert_eq!(others.unwrap(), (1..=30).collect::<Vec<i64>>());
    assert_eq!(store.of("ahead").len(), 31);
    logger.close().await.unwrap();
}

#[tokio::test]
async fn an_interrupt_handler_is_told_to_use_an_event() {
    let (_board, logger, store) = start().await;
    let said = soon("an answer", logger.from_handler()).await.unwrap();
    assert!(said.contains("RuntimeError") && said.contains("event"), "{said}");
    assert!(store.of("handler").is_empty());
    logger.close().await.unwrap();
}
