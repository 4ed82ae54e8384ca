//! Tasks: deployed once, called many times; results, errors, options and streams.

use std::collections::BTreeMap;
use std::time::Duration;

use belay::prelude::*;
use belay::{ErrorKind, Phase};
use belay_tests::{connected, connected_with, soon};
use futures_util::StreamExt;

#[belay::device]
pub trait Calculator {
    /// ```python
    /// calls = 0
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// global calls
    /// calls += 1
    /// return a + b
    /// ```
    #[task]
    async fn add(&self, a: i64, b: i64) -> Result<i64>;

    /// ```python
    /// return value
    /// ```
    #[task]
    async fn echo(
        &self,
        value: &BTreeMap<String, Vec<Option<f64>>>,
    ) -> Result<BTreeMap<String, Vec<Option<f64>>>>;

    /// ```python
    /// return add(a, a)
    /// ```
    #[task]
    async fn double(&self, a: i64) -> Result<i64>;

    /// ```python
    /// return double(double(a))
    /// ```
    #[task]
    async fn quadruple(&self, a: i64) -> Result<i64>;

    /// ```python
    /// print("about to fail")
    /// raise OSError(5)
    /// ```
    #[task]
    async fn fail(&self) -> Result<()>;

    /// ```python
    /// return "text"
    /// ```
    #[task]
    async fn text(&self) -> Result<u8>;

    /// ```python
    /// import time
    /// time.sleep_ms(60000)
    /// ```
    #[task(timeout_ms = 200)]
    async fn sleep(&self) -> Result<()>;

    /// ```python
    /// return calls
    /// ```
    #[task(cache = false)]
    async fn call_count(&self) -> Result<u32>;

    /// ```python
    /// return name in globals()
    /// ```
    #[task]
    async fn has(&self, name: &str) -> Result<bool>;

    /// ```python
    /// try:
    ///     for i in range(limit):
    ///         yield i
    /// finally:
    ///     global calls
    ///     calls = -1
    /// ```
    #[task]
    fn count(&self, limit: u32) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// for i in range(limit):
    ///     yield i
    /// raise ValueError("the end")
    /// ```
    #[task(cache = false, exclusive)]
    fn count_alone(&self, limit: u32) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// return 1
    /// ```
    #[task(timeout_ms = 100)]
    async fn hurried(&self) -> Result<u8>;

    /// ```python
    /// return bytes(size)
    /// ```
    #[task]
    async fn zeros(&self, size: usize) -> Result<Vec<u8>>;
}

belay_tests::on_both_runtimes! {
    a_method_is_sent_once_and_called_many_times
    structured_values_come_back_as_they_went
    what_a_method_uses_is_deployed_before_it
    an_exception_names_its_type_its_errno_and_the_rust_line
    a_result_of_another_type_is_told_with_the_method
    a_call_that_takes_too_long_is_interrupted_and_the_next_one_works
    a_call_that_is_dropped_is_interrupted_and_the_next_one_works
    what_is_not_cached_leaves_nothing_behind
    a_stream_gives_items_and_ends
    a_stream_that_is_dropped_closes_its_generator
    an_exclusive_uncached_stream_tells_the_exception_after_its_items
    a_call_that_others_leave_no_room_for_says_that_it_was_not_sent
    bytes_of_any_size_come_back
    code_is_executed_and_expressions_are_evaluated
    the_default_timeout_is_the_builders
}

async fn a_method_is_sent_once_and_called_many_times() {
    let (_board, device) = connected().await;
    let calculator = CalculatorDevice::attach(&device).await.unwrap();
    for i in 0..20 {
        assert_eq!(calculator.add(i, -1).await.unwrap(), i - 1);
    }
    let stats = device.session().deployment_stats();
    assert_eq!((stats.misses, stats.hits, stats.evictions), (1, 19, 0));
    assert!(stats.bytes > 0 && stats.time > Duration::ZERO);
    assert_eq!(device.session().deployed(), 1);
    device.close().await.unwrap();
}

async fn structured_values_come_back_as_they_went() {
    let (_board, device) = connected().await;
    let calculator = CalculatorDevice::attach(&device).await.unwrap();
    let value = BTreeMap::from([
        ("quotes ' \" \\ and \x04\u{1}\n".to_owned(), vec![Some(0.1), None]),
        ("ümläut".to_owned(), vec![]),
    ]);
    assert_eq!(calculator.echo(&value).await.unwrap(), value);
    device.close().await.unwrap();
}

async fn what_a_method_uses_is_deployed_before_it() {
    let (_board, device) = connected().await;
    let calculator = CalculatorDevice::attach(&device).await.unwrap();
    assert_eq!(calculator.quadruple(3).await.unwrap(), 12);
    assert_eq!(device.session().deployed(), 3);
    device.close().await.unwrap();
}

async fn an_exception_names_its_type_its_errno_and_the_rust_line() {
    let (_board, device) = connected().await;
    let calculator = CalculatorDevice::attach(&device).await.unwrap();
    let error = calculator.fail().await.unwrap_err();
    assert_eq!(error.method(), Some("Calculator.fail"));
    assert_eq!(error.device(), Some(device.session().name()));
    let exception = error.exception().expect("an exception of the board");
    assert!(exception.is("OSError"), "{exception:?}");
    assert_eq!(exception.errno, Some(5));
    let line = exception.rust_line().expect("the line of the body");
    let source = include_str!("tasks.rs");
    let text = source.lines().nth(usize::try_from(line.line).unwrap() - 1);
    assert_eq!(text.map(str::trim), Some("/// raise OSError(5)"));
    assert!(line.file.ends_with("tasks.rs"));
    device.close().await.unwrap();
}

async fn a_result_of_another_type_is_told_with_the_method() {
    let (_board, device) = connected().await;
    let calculator = CalculatorDevice::attach(&device).await.unwrap();
    let error = calculator.text().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Value(_)), "{error}");
    assert!(error.to_string().contains("Calculator.text"), "{error}");
    assert!(error.to_string().contains("u8"), "{error}");
    device.close().await.unwrap();
}

async fn a_call_that_takes_too_long_is_interrupted_and_the_next_one_works() {
    let (_board, device) = connected().await;
    let calculator = CalculatorDevice::attach(&device).await.unwrap();
    let error = calculator.sleep().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error}");
    assert_eq!(error.phase(), Some(Phase::Execute));
    assert_eq!(calculator.add(1, 2).await.unwrap(), 3);
    device.close().await.unwrap();
}

async fn a_call_that_is_dropped_is_interrupted_and_the_next_one_works() {
    let (_board, device) = connected().await;
    let calculator = CalculatorDevice::attach(&device).await.unwrap();
    for _ in 0..5 {
        let dropped = tokio::time::timeout(Duration::from_millis(20), calculator.sleep()).await;
        assert!(dropped.is_err());
        assert_eq!(calculator.add(1, 2).await.unwrap(), 3);
    }
    device.close().await.unwrap();
}

async fn what_is_not_cached_leaves_nothing_behind() {
    let (_board, device) = connected().await;
    let calculator = CalculatorDevice::attach(&device).await.unwrap();
    calculator.add(1, 1).await.unwrap();
    for _ in 0..3 {
        assert_eq!(calculator.call_count().await.unwrap(), 1);
    }
    assert_eq!(device.session().deployed(), 1, "only `add` stays");
    assert!(!calculator.has("call_count").await.unwrap());
    assert!(calculator.has("add").await.unwrap());
    device.close().await.unwrap();
}

async fn a_stream_gives_items_and_ends() {
    let (_board, device) = connected().await;
    let calculator = CalculatorDevice::attach(&device).await.unwrap();
    let items: Vec<u32> = calculator.count(500).map(Result::unwrap).collect().await;
    assert_eq!(items, (0..500).collect::<Vec<_>>());
    device.close().await.unwrap();
}

async fn a_stream_that_is_dropped_closes_its_generator() {
    let (_board, device) = connected().await;
    let calculator = CalculatorDevice::attach(&device).await.unwrap();
    let mut items = calculator.count(1_000_000);
    assert_eq!(items.next().await.unwrap().unwrap(), 0);
    drop(items);
    let closed = async {
        while calculator.call_count().await.ok().is_some() {
            tokio::task::yield_now().await;
        }
    };
    // -1 is no `u32`: the generator's `finally` has run.
    soon("the generator's end", closed).await;
    device.close().await.unwrap();
}

async fn an_exclusive_uncached_stream_tells_the_exception_after_its_items() {
    let (_board, device) = connected().await;
    let calculator = CalculatorDevice::attach(&device).await.unwrap();
    let items: Vec<_> = calculator.count_alone(3).collect().await;
    assert_eq!(items.len(), 4);
    let error = items.into_iter().last().unwrap().unwrap_err();
    assert_eq!(error.method(), Some("Calculator.count_alone"));
    assert!(error.exception().unwrap().rust_line().is_some(), "{error}");
    assert_eq!(calculator.add(1, 1).await.unwrap(), 2, "the device is free again");
    device.close().await.unwrap();
}

async fn a_call_that_others_leave_no_room_for_says_that_it_was_not_sent() {
    let (_board, device) = connected().await;
    let calculator = CalculatorDevice::attach(&device).await.unwrap();
    let mut items = std::pin::pin!(calculator.count_alone(3));
    assert_eq!(items.next().await.unwrap().unwrap(), 0);
    let error = soon("the end of its wait", calculator.hurried())
        .await
        .unwrap_err();
    let limit = Duration::from_millis(100);
    assert!(
        matches!(error.kind(), ErrorKind::Busy { waited } if *waited == limit),
        "{error:?}"
    );
    assert!(error.is_retryable());
    device.close().await.unwrap();
}

async fn bytes_of_any_size_come_back() {
    let (_board, device) = connected().await;
    let calculator = CalculatorDevice::attach(&device).await.unwrap();
    for size in [0, 1, 40, 41, 1_000, 20_000] {
        assert_eq!(calculator.zeros(size).await.unwrap(), vec![0; size]);
    }
    device.close().await.unwrap();
}

async fn code_is_executed_and_expressions_are_evaluated() {
    let (_board, device) = connected().await;
    let printed = device
        .execute("x = [1, 2]\nfor i in x:\n    print('line', i)")
        .await
        .unwrap();
    assert_eq!(printed.lines().collect::<Vec<_>>(), ["line 1", "line 2"]);
    assert_eq!(device.execute_as::<Vec<u8>>("x + [3]").await.unwrap(), [1, 2, 3]);
    let error = device.execute("raise KeyError('k')").await.unwrap_err();
    assert!(error.exception().unwrap().is("KeyError"), "{error}");
    let error = device.execute("this is no Python").await.unwrap_err();
    assert!(error.exception().unwrap().is("SyntaxError"), "{error}");
    device.close().await.unwrap();
}

async fn the_default_timeout_is_the_builders() {
    let (_board, device) = connected_with(|builder| builder.timeout(Duration::from_millis(300))).await;
    let error = device.execute("import time\ntime.sleep(60)").await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Timeout { after, .. } if *after == Duration::from_millis(300)),
        "{error}"
    );
    assert_eq!(device.execute_as::<u8>("7").await.unwrap(), 7);
    device.close().await.unwrap();
}
