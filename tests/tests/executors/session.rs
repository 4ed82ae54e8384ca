//! The session: states, capabilities, context, deployments, and executors of the user's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use belay::prelude::*;
use belay::python::Arguments;
use belay::spec::MethodSpec;
use belay::{
    BoxFuture, BoxStream, CallPath, ErrorKind, Executor, ExecutorFactory, FloatPrecision, Returned, Session,
    SessionEvent, SessionState, TaskExecutor, Tasks,
};
use belay_sim::Direction;
use belay_tests::{connected, connected_with, soon, until_state};
use futures_util::StreamExt as _;

#[belay::device]
pub trait Many {
    /// ```python
    /// return "a" * 3000
    /// ```
    #[task]
    async fn a(&self) -> Result<String>;

    /// ```python
    /// import time
    /// time.sleep_ms(100)
    /// ```
    #[task]
    async fn wait(&self) -> Result<()>;
}

#[tokio::test]
async fn a_board_tells_what_it_can_do() {
    let (_board, device) = connected().await;
    let capabilities = device.capabilities();
    assert_eq!(capabilities.implementation, "micropython");
    assert!(capabilities.version.starts_with("1."), "{capabilities:?}");
    assert!(capabilities.machine.is_some() && capabilities.mpy_version.is_some());
    assert_eq!(capabilities.architecture.as_deref(), Some("x64"));
    assert_eq!(capabilities.float, FloatPrecision::Double);
    assert!(capabilities.threads && capabilities.file_system && capabilities.compile);
    assert!(capabilities.emitters.contains(&"viper".to_owned()));
    assert!(capabilities.free_memory.is_some_and(|free| free > 10_000));
    assert_eq!(capabilities.call_path, CallPath::Agent);
    assert!(
        capabilities.to_string().starts_with("MicroPython 1."),
        "{capabilities}"
    );
    device.close().await.unwrap();
}

#[tokio::test]
async fn a_board_is_asked_what_it_can_do_once_between_two_resets() {
    let board = belay_sim::Board::unix().start().await.unwrap();
    let sent = || board.cable().carried(Direction::ToBoard);
    let told = |device: &Device| {
        let mut capabilities = device.capabilities().as_ref().clone();
        capabilities.free_memory = None;
        capabilities
    };
    let device = Device::connect(board.port()).await.unwrap();
    let (at_first, took) = (told(&device), sent());
    assert!(took > 1500, "{took} bytes");
    device.close().await.unwrap();

    let before = sent();
    let device = Device::connect(board.port()).await.unwrap();
    let took = sent() - before;
    assert!(took < 400, "{took} bytes");
    assert_eq!(told(&device), at_first);

    let before = sent();
    device.reset().await.unwrap();
    let took = sent() - before;
    assert!(took > 1500, "{took} bytes");
    assert_eq!(told(&device), at_first);
    device.close().await.unwrap();
}

belay_tests::on_both_runtimes! {
    the_state_is_busy_while_a_call_runs_and_closed_at_the_end
    the_events_end_when_the_device_is_closed
    events_that_a_listener_did_not_take_in_time_are_counted
    whatever_comes_from_a_board_is_a_stream
    a_reset_voids_what_was_deployed
    both_call_paths_give_the_same
    what_the_board_prints_is_heard
}

async fn the_state_is_busy_while_a_call_runs_and_closed_at_the_end() {
    let (_board, device) = connected().await;
    let many = ManyDevice::attach(&device).await.unwrap();
    assert_eq!(device.session().state(), SessionState::Ready);
    assert!(device.tasks().can_execute());
    let calling = tokio::spawn(async move { many.wait().await });
    until_state(&device, SessionState::Busy).await;
    soon("the call", calling).await.unwrap().unwrap();
    until_state(&device, SessionState::Ready).await;
    device.close().await.unwrap();
    assert_eq!(device.session().state(), SessionState::Closed);
    assert!(!device.tasks().can_execute());
    assert!(device.session().epoch() == 0);
}

async fn the_events_end_when_the_device_is_closed() {
    let (_board, device) = connected().await;
    let mut events = device.session().events();
    device.close().await.unwrap();
    let mut late = device.session().events();
    assert!(soon("the end", events.next()).await.is_none());
    assert!(soon("the end", late.next()).await.is_none());
}

async fn events_that_a_listener_did_not_take_in_time_are_counted() {
    let (_board, device) = connected().await;
    let mut events = device.session().events();
    for _ in 0..300 {
        device.session().send_event(SessionEvent::Lost);
    }
    let first = soon("an event", events.next()).await.unwrap();
    let SessionEvent::Missed(missed) = first else {
        panic!("{first:?}")
    };
    let mut heard = 0;
    device.close().await.unwrap();
    while let Some(event) = events.next().await {
        assert!(matches!(event, SessionEvent::Lost), "{event:?}");
        heard += 1;
    }
    assert_eq!(missed + heard, 300);
}

/// All items of a stream. It accepts any type that is a `Stream`.
async fn all<T>(stream: impl Stream<Item = T>) -> Vec<T> {
    stream.collect().await
}

async fn whatever_comes_from_a_board_is_a_stream() {
    let (_board, device) = connected().await;
    let session = device.session();
    let (output, events, states) = (device.output(), session.events(), session.states());
    device.execute("print('hello')").await.unwrap();
    device.reset().await.unwrap();
    device.close().await.unwrap();
    let printed: String = all(output).await.iter().map(ToString::to_string).collect();
    assert!(printed.contains("hello"), "{printed}");
    let events = all(events).await;
    assert!(matches!(events[0], SessionEvent::Reset), "{events:?}");
    let states = all(states).await;
    assert_eq!(states.last(), Some(&SessionState::Closed), "{states:?}");
}

#[tokio::test]
async fn executors_share_values_by_type() {
    let (_board, device) = connected().await;
    device.tasks().session().context().insert(41_u32);
    assert_eq!(
        device.threads().session().context().get::<u32>().as_deref(),
        Some(&41)
    );
    device.reset().await.unwrap();
    assert!(
        device.session().context().get::<u32>().is_some(),
        "it outlives a reset"
    );
    device.close().await.unwrap();
}

async fn a_reset_voids_what_was_deployed() {
    let (_board, device) = connected().await;
    let many = ManyDevice::attach(&device).await.unwrap();
    many.a().await.unwrap();
    device.reset().await.unwrap();
    assert_eq!(device.session().deployed(), 0);
    many.a().await.unwrap();
    let stats = device.session().deployment_stats();
    assert_eq!((stats.misses, stats.adopted), (2, 0));
    device.close().await.unwrap();
}

async fn both_call_paths_give_the_same() {
    for path in [CallPath::Agent, CallPath::RawRepl] {
        let (_board, device) = connected_with(|builder| builder.call_path(path)).await;
        assert_eq!(device.capabilities().call_path, path);
        let many = ManyDevice::attach(&device).await.unwrap();
        assert_eq!(many.a().await.unwrap().len(), 3_000);
        device.close().await.unwrap();
    }
}

async fn what_the_board_prints_is_heard() {
    let (_board, device) = connected().await;
    let mut output = device.output();
    device.execute("print('hello')").await.unwrap();
    let piece = soon("the output", output.next()).await.unwrap();
    assert!(
        matches!(&piece, belay::Output::Bytes(bytes) if bytes.starts_with(b"hello")),
        "{piece:?}"
    );
    device.close().await.unwrap();
    let rest = async { while output.next().await.is_some() {} };
    soon("the end of the output", rest).await;
}

/// Counts the calls, and passes them on to the runtime's own executor.
#[derive(Debug)]
struct CountingTasks {
    own: Tasks,
    calls: Arc<AtomicUsize>,
}

impl Executor for CountingTasks {
    fn session(&self) -> &Session {
        self.own.session()
    }
}

impl TaskExecutor for CountingTasks {
    fn call(&self, method: &'static MethodSpec, arguments: Arguments) -> BoxFuture<'_, Result<Returned>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if method.name == "wait" {
            return Box::pin(async { Ok(Returned::new("None")) });
        }
        self.own.call(method, arguments)
    }

    fn call_stream(&self, method: &'static MethodSpec, arguments: Arguments) -> BoxStream<Result<Returned>> {
        self.own.call_stream(method, arguments)
    }
}

#[derive(Debug)]
struct Counting(Arc<AtomicUsize>);

impl ExecutorFactory for Counting {
    fn tasks(&self, session: &Session) -> Arc<dyn TaskExecutor> {
        Arc::new(CountingTasks {
            own: Tasks::new(session),
            calls: Arc::clone(&self.0),
        })
    }
}

#[tokio::test]
async fn an_executor_can_be_swapped_for_the_users_own() {
    let calls = Arc::new(AtomicUsize::new(0));
    let factory = Counting(Arc::clone(&calls));
    let (_board, device) = connected_with(|builder| builder.executors(factory)).await;
    let many = ManyDevice::attach(&device).await.unwrap();
    many.a().await.unwrap();
    many.wait().await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(
        device.session().deployed(),
        1,
        "the user's executor answered the other one itself"
    );
    device.close().await.unwrap();
}

#[tokio::test]
async fn a_method_of_a_trait_that_is_not_attached_is_refused() {
    let (_board, device) = connected().await;
    let (_other_board, other) = connected().await;
    let many = ManyDevice::attach(&other).await.unwrap();
    many.a().await.unwrap();
    let method = <ManyDevice as belay::Attach>::SPEC.methods[0];
    let error = device
        .tasks()
        .invoke::<String>(method, Arguments::new())
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotAttached { .. }), "{error}");
    device.close().await.unwrap();
    other.close().await.unwrap();
}
