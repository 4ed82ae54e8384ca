//! Programs that have no tokio runtime, or that call from outside of it.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};

use belay::prelude::*;
use belay::{ErrorKind, python};
use belay_sim::Board;
use belay_tests::soon;
use futures_util::StreamExt as _;
use tokio::runtime::Runtime;

#[belay::device]
trait Adder {
    /// ```python
    /// base = 40
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// return base + n
    /// ```
    #[task]
    async fn add(&self, n: u32) -> Result<u32>;

    /// ```python
    /// return base + n
    /// ```
    #[task(exclusive)]
    async fn add_alone(&self, n: u32) -> Result<u32>;

    /// ```python
    /// return base + n
    /// ```
    #[task(cache = false)]
    async fn add_uncached(&self, n: u32) -> Result<u32>;

    /// ```python
    /// yield base
    /// ```
    #[task]
    fn numbers(&self) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// import time
    /// while True:
    ///     time.sleep_ms(1)
    /// ```
    #[thread]
    async fn tick(&self) -> Result<ThreadHandle>;

    /// ```python
    /// base = 0
    /// ```
    #[teardown]
    async fn shut(&self) -> Result<()>;
}

/// A waker for the thread that runs a future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, without any runtime.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Arc::new(Unpark(thread::current())).into();
    let (mut future, mut cx) = (pin!(future), Context::from_waker(&waker));
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn connecting_without_a_runtime_is_an_error_that_says_what_is_missing() {
    let board = Board::unix().start_blocking().unwrap();
    let errors = [
        block_on(Device::connect(board.port())).unwrap_err(),
        block_on(AdderDevice::connect(board.port())).unwrap_err(),
        block_on(AdderDevice::builder(board.port()).connect()).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error.kind(), ErrorKind::NoRuntime), "{error:?}");
        assert!(format!("{error:?}").contains("#[tokio::main]"), "{error:?}");
        assert_eq!(error.device(), Some(board.port()));
    }
}

#[test]
fn a_device_can_be_used_from_outside_of_its_runtime_as_long_as_that_runs() {
    let board = Board::unix().start_blocking().unwrap();
    let runtime = Runtime::new().unwrap();
    let adder = runtime.block_on(AdderDevice::connect(board.port())).unwrap();
    assert_eq!(block_on(adder.add(2)).unwrap(), 42);
    assert_eq!(block_on(adder.add_alone(2)).unwrap(), 42);
    assert_eq!(block_on(adder.add_uncached(2)).unwrap(), 42);
    let numbers: Vec<_> = block_on(adder.numbers().map(Result::unwrap).collect());
    assert_eq!(numbers, [40]);
    let thread = block_on(adder.tick()).unwrap();
    block_on(thread.stop(belay_tests::PATIENCE)).unwrap();
    block_on(thread.join()).unwrap();
    block_on(adder.open()).unwrap();
    assert_eq!(
        block_on(adder.execute_as::<python::Value>("base")).unwrap(),
        40_i64.into()
    );
    assert_eq!(block_on(adder.execute("print(base)")).unwrap().trim(), "40");
    assert_eq!(block_on(adder.device().execute_as::<u32>("1 + 1")).unwrap(), 2);
    block_on(adder.device().reset()).unwrap();
    assert_eq!(block_on(adder.add(2)).unwrap(), 42);
    block_on(adder.close()).unwrap();
    runtime.block_on(soon("the end", std::future::ready(())));
}
