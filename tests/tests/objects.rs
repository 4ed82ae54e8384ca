//! Objects that stay on the board: handles, what can be done with them, and the release of objects without a handle.

use std::collections::BTreeMap;
use std::time::Duration;

use belay::prelude::*;
use belay::{CallPath, ErrorKind};
use belay_sim::Board;
use belay_tests::{connected_with, soon};
use futures_util::TryStreamExt as _;
use serde::Deserialize;

#[path = "objects/board.rs"]
mod board;
#[path = "objects/faults.rs"]
mod faults;
#[path = "objects/lifetime.rs"]
mod lifetime;
#[path = "objects/proxies.rs"]
mod proxies;
#[path = "objects/typed.rs"]
mod typed;

/// A bench with devices on it.
#[belay::device]
pub trait Bench {
    /// ```python
    /// class Motor:
    ///     def __init__(self, name):
    ///         self.name = name
    ///         self.speed = 0
    ///         self.log = [1, 2]
    ///
    ///     def turn(self, by, times=1):
    ///         self.speed += by * times
    ///         return self.speed
    ///
    ///     def fail(self):
    ///         raise ValueError("stuck")
    ///
    ///     def steps(self, many):
    ///         try:
    ///             for step in range(many):
    ///                 yield step / 3
    ///         finally:
    ///             self.name = "closed"
    ///
    ///     def wait(self):
    ///         import time
    ///         time.sleep(60)
    ///
    /// class Full:
    ///     def __init__(self):
    ///         self.room = bytearray(50000)
    /// ```
    #[setup]
    async fn classes(&self) -> Result<()>;

    /// ```python
    /// return Motor(name)
    /// ```
    #[task]
    async fn motor(&self, name: &str) -> Result<Remote>;

    /// ```python
    /// return Motor("perhaps") if some else None
    /// ```
    #[task]
    async fn perhaps(&self, some: bool) -> Result<Option<Remote>>;

    /// ```python
    /// return Motor("never") if some else None
    /// ```
    #[task]
    async fn never_none(&self, some: bool) -> Result<Remote>;

    /// ```python
    /// return [Motor(str(number)) for number in range(many)]
    /// ```
    #[task]
    async fn motors(&self, many: u32) -> Result<Vec<Remote>>;

    /// ```python
    /// for number in range(many):
    ///     yield Motor(str(number))
    /// ```
    #[task]
    fn each(&self, many: u32) -> impl Stream<Item = Result<Remote>>;

    /// ```python
    /// return 1 / 3, Motor("pair")
    /// ```
    #[task]
    async fn pair(&self) -> Result<(f64, Remote)>;

    /// ```python
    /// return {"left": Motor("left"), "right": Motor("right")}
    /// ```
    #[task]
    async fn named(&self) -> Result<BTreeMap<String, Remote>>;

    /// ```python
    /// return {"motor": Motor("fields"), "reading": 0.1, "other": Motor("unread"), "inner": [(Motor("deep"), 7)]}
    /// ```
    #[task]
    async fn fields(&self) -> Result<Fields>;

    /// ```python
    /// return motor.turn(by)
    /// ```
    #[task]
    async fn turn(&self, motor: &Remote, by: i32) -> Result<i32>;

    /// ```python
    /// return [motor.name for motor in motors] + [of[key].name for key in sorted(of)] + [pair[0].name]
    /// ```
    #[task]
    async fn names(
        &self,
        motors: Vec<Remote>,
        of: BTreeMap<String, Remote>,
        pair: (Remote, u8),
    ) -> Result<Vec<String>>;

    /// ```python
    /// return Motor(text).turn(len(data)) + motor.speed
    /// ```
    #[task]
    async fn beside_long(&self, text: &str, motor: &Remote, data: belay::python::Bytes) -> Result<usize>;

    /// ```python
    /// motor.name = "in the thread" if motor is of_setup else "another"
    /// ```
    #[thread]
    async fn in_thread(&self, motor: &Remote) -> Result<ThreadHandle>;

    /// ```python
    /// of_setup = given
    /// ```
    #[setup]
    async fn in_setup(&self, given: Remote) -> Result<()>;

    /// ```python
    /// return Full()
    /// ```
    #[task]
    async fn full(&self) -> Result<Remote>;

    /// ```python
    /// yielded = Full()
    /// while True:
    ///     yield Full()
    /// ```
    #[task]
    fn full_ones(&self) -> impl Stream<Item = Result<Remote>>;

    /// ```python
    /// import time
    /// time.sleep(delay)
    /// return Full()
    /// ```
    #[task]
    async fn full_later(&self, delay: u32) -> Result<Remote>;
}

/// What has objects among other things.
#[derive(Debug, Deserialize)]
pub struct Fields {
    motor: Remote,
    reading: f64,
    inner: Vec<(Remote, u8)>,
}

/// A board that has the trait.
async fn bench(path: CallPath) -> (Board, BenchDevice) {
    let (board, device) = connected_with(|builder| builder.call_path(path)).await;
    let bench = BenchDevice::attach(&device).await.unwrap();
    (board, bench)
}

/// How many objects the board keeps because they have handles.
async fn kept(bench: &BenchDevice) -> usize {
    let session = bench.device().session();
    loop {
        let count = "len(table) if 'table' in globals() else 0";
        match session.evaluate("_objects", count).await {
            Ok(count) => return count.to().unwrap(),
            // A Ctrl-C that a flipped bit has made, or one for a call that has just been dropped.
            Err(error) => assert!(matches!(error.kind(), ErrorKind::Interrupted), "{error:?}"),
        }
    }
}

/// Waits until the board keeps so many.
async fn until_kept(bench: &BenchDevice, wanted: usize) {
    let reached = async {
        while kept(bench).await != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(&format!("{wanted} objects on the board"), reached).await;
}

async fn an_object_stays_on_the_board_and_is_used_again(path: CallPath) {
    let (_board, bench) = bench(path).await;
    let motor = bench.motor("left").await.unwrap();
    assert_eq!(motor.call::<i32>("turn", (3,)).await.unwrap(), 3);
    assert_eq!(motor.call::<i32>("turn", (2, 5)).await.unwrap(), 13);
    assert_eq!(bench.turn(&motor, 7).await.unwrap(), 20);
    assert_eq!(motor.get::<i32>("speed").await.unwrap(), 20);
    motor.set("speed", &-1).await.unwrap();
    assert_eq!(bench.turn(&motor, 0).await.unwrap(), -1);
    assert_eq!(motor.get::<String>("name").await.unwrap(), "left");
    assert!(motor.repr().await.unwrap().starts_with("<Motor object"));
    let log: Remote = motor.get("log").await.unwrap();
    log.call::<()>("append", (vec![1.5, 0.1],)).await.unwrap();
    assert_eq!(log.len().await.unwrap(), 3);
    assert_eq!(log.item::<u8>(&1).await.unwrap(), 2);
    let inner: Remote = log.item(&-1).await.unwrap();
    assert_eq!(inner.value::<Vec<f64>>().await.unwrap(), [1.5, 0.1]);
    log.set_item(&0, "first").await.unwrap();
    assert!(log.contains("first").await.unwrap());
    log.remove_item(&1).await.unwrap();
    assert!(!log.contains(&2).await.unwrap());
    assert_eq!(log.len().await.unwrap(), 2);
    let class: Remote = motor.get("__class__").await.unwrap();
    let other: Remote = class.invoke(("made here",)).await.unwrap();
    assert_eq!(other.get::<String>("name").await.unwrap(), "made here");
    assert_eq!(motor.get::<String>("name").await.unwrap(), "left");
}

async fn objects_come_in_lists_tuples_dicts_fields_and_streams(path: CallPath) {
    let (_board, bench) = bench(path).await;
    let name = async |motor: &Remote| motor.get::<String>("name").await.unwrap();
    let motors = bench.motors(40).await.unwrap();
    assert_eq!(name(&motors[39]).await, "39");
    assert_eq!(motors.len(), 40);
    let each: Vec<Remote> = bench.each(100).try_collect().await.unwrap();
    assert_eq!((each.len(), name(&each[99]).await), (100, "99".to_owned()));
    let (third, motor) = bench.pair().await.unwrap();
    assert_eq!((third, name(&motor).await), (1.0 / 3.0, "pair".to_owned()));
    let by_name = bench.named().await.unwrap();
    assert_eq!(name(&by_name["right"]).await, "right");
    let fields = bench.fields().await.unwrap();
    assert_eq!(
        (name(&fields.motor).await, fields.reading),
        ("fields".to_owned(), 0.1)
    );
    assert_eq!(
        (name(&fields.inner[0].0).await, fields.inner[0].1),
        ("deep".to_owned(), 7)
    );
    assert!(bench.perhaps(false).await.unwrap().is_none());
    assert_eq!(
        name(&bench.perhaps(true).await.unwrap().unwrap()).await,
        "perhaps"
    );
    let names = bench
        .names(motors[..2].to_vec(), by_name, (motor, 1))
        .await
        .unwrap();
    assert_eq!(names, ["0", "1", "left", "right", "pair"]);
}

async fn a_method_that_is_a_generator_is_a_stream(path: CallPath) {
    let (_board, bench) = bench(path).await;
    let motor = bench.motor("left").await.unwrap();
    let steps: Vec<f64> = motor.stream::<f64>("steps", (100,)).try_collect().await.unwrap();
    assert_eq!((steps.len(), steps[50]), (100, 50.0 / 3.0));
    motor.set("name", "open").await.unwrap();
    let mut steps = motor.stream::<f64>("steps", (10_000,));
    steps.try_next().await.unwrap();
    drop(steps);
    let closed = async {
        while motor.get::<String>("name").await.unwrap() != "closed" {
            tokio::task::yield_now().await;
        }
    };
    soon("the generator is closed", closed).await;
    let list: Remote = bench.device().execute_as("[(1, 'a'), (2, 'b')]").await.unwrap();
    let items: Vec<(u8, String)> = list.iter::<(u8, String)>().try_collect().await.unwrap();
    assert_eq!(items, [(1, "a".to_owned()), (2, "b".to_owned())]);
}

async fn expressions_and_a_traits_own_names_can_be_had_as_objects(path: CallPath) {
    let (_board, bench) = bench(path).await;
    let class: Remote = bench.execute_as("Motor").await.unwrap();
    let motor: Remote = class.invoke(("by class",)).await.unwrap();
    assert_eq!(bench.turn(&motor, 2).await.unwrap(), 2);
    let globals: Remote = bench.execute_as("globals()").await.unwrap();
    globals.set_item("found", &motor).await.unwrap();
    assert_eq!(
        bench.execute_as::<String>("found.name").await.unwrap(),
        "by class"
    );
    let both: (Remote, u8) = bench.execute_as("(found, 7)").await.unwrap();
    assert_eq!(both.1, 7);
    let os: Remote = bench.device().execute_as("__import__('sys')").await.unwrap();
    assert!(!os.get::<String>("platform").await.unwrap().is_empty());
}

async fn what_an_object_raises_is_an_error_with_its_traceback(path: CallPath) {
    let (_board, bench) = bench(path).await;
    let motor = bench.motor("left").await.unwrap();
    let error = motor.call::<()>("fail", ()).await.unwrap_err();
    let raised = error.exception().expect("an exception");
    assert_eq!(
        (raised.type_name.as_str(), raised.message.as_str()),
        ("ValueError", "stuck")
    );
    let frame = raised.traceback.last().expect("a frame");
    assert_eq!(frame.function.as_deref(), Some("fail"));
    assert!(frame.rust.is_some(), "its line in this file is known: {raised:?}");
    let error = motor.get::<u8>("nothing").await.unwrap_err();
    assert_eq!(error.exception().unwrap().type_name, "AttributeError");
    let error = motor.item::<u8>(&3).await.unwrap_err();
    assert_eq!(error.exception().unwrap().type_name, "TypeError");
    let error = motor.get::<u8>("name").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Value(_)), "{error:?}");
    let error = bench.never_none(false).await.unwrap_err();
    assert!(error.to_string().contains("None"), "{error}");
    for name in ["", "a.b", "x()", "name\n", "__import__('os')"] {
        let error = motor.get::<u8>(name).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::NoSuchName { .. }),
            "{name}: {error:?}"
        );
        let error = motor.call::<u8>(name, ()).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::NoSuchName { .. }),
            "{name}: {error:?}"
        );
    }
    // Keys that are no Python names can be used with `item`.
    let text: Remote = bench.device().execute_as("{'a b': 1}").await.unwrap();
    assert_eq!(text.item::<u8>("a b").await.unwrap(), 1);
    assert_eq!(motor.call::<i32>("turn", (1,)).await.unwrap(), 1, "all goes on");
}

async fn objects_go_beside_what_is_sent_apart_from_the_call(path: CallPath) {
    let (_board, bench) = bench(path).await;
    let motor = bench.motor("left").await.unwrap();
    motor.set("speed", &1000).await.unwrap();
    let (text, data) = ("long ".repeat(50), vec![7; 500].into());
    assert_eq!(bench.beside_long(&text, &motor, data).await.unwrap(), 1500);
}

belay_tests::on_both_runtimes! { over both paths:
    an_object_stays_on_the_board_and_is_used_again
    objects_come_in_lists_tuples_dicts_fields_and_streams
    a_method_that_is_a_generator_is_a_stream
    expressions_and_a_traits_own_names_can_be_had_as_objects
    what_an_object_raises_is_an_error_with_its_traceback
    objects_go_beside_what_is_sent_apart_from_the_call
}
