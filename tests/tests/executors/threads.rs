//! Threads: starting, listing, stopping and joining them; noticing their ends; limits and restarts.

use std::time::Duration;

use belay::prelude::*;
use belay::{ErrorKind, SessionEvent, ThreadError, ThreadState};
use belay_tests::{PATIENCE, connected, connected_with, soon, unix};
use tokio::task::JoinSet;

#[belay::device]
pub trait Worker {
    /// ```python
    /// ticks = [0]
    /// log = []
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// import time
    /// try:
    ///     while True:
    ///         ticks[0] += step
    ///         time.sleep_ms(1)
    /// finally:
    ///     log.append("finally")
    /// ```
    #[thread]
    async fn tick(&self, step: u32) -> Result<ThreadHandle>;

    /// ```python
    /// import time
    /// while True:
    ///     time.sleep_ms(1)
    /// ```
    #[thread(name = "brief", max_runtime_ms = 50)]
    async fn brief(&self) -> Result<ThreadHandle>;

    /// ```python
    /// for i in range(3):
    ///     log.append(i)
    /// ```
    #[thread]
    async fn short(&self) -> Result<ThreadHandle>;

    /// ```python
    /// kinds = {"mild": TypeError, "wild": BaseException, "exit": SystemExit, "memory": MemoryError}
    /// class Awkward(ValueError):
    ///     def __str__(self):
    ///         raise kinds[kind]("no text")
    ///     __repr__ = __str__
    /// raise Awkward(Awkward())
    /// ```
    #[thread]
    async fn fail_awkwardly(&self, kind: &str) -> Result<ThreadHandle>;

    /// ```python
    /// log.append("try")
    /// raise ValueError("worn out")
    /// ```
    #[thread]
    async fn wear_out(&self) -> Result<ThreadHandle>;

    /// ```python
    /// log.append("try")
    /// raise ValueError("again and again")
    /// ```
    #[thread(auto_restart = 2)]
    async fn stubborn(&self) -> Result<ThreadHandle>;

    /// ```python
    /// import time
    /// log.append("deaf")
    /// while not done:
    ///     time.sleep_ms(1)
    /// ```
    #[thread(stop = "manual")]
    async fn deaf(&self, done: Vec<u8>) -> Result<ThreadHandle>;

    /// ```python
    /// return ticks[0]
    /// ```
    #[task]
    async fn count(&self) -> Result<u32>;

    /// ```python
    /// return log
    /// ```
    #[task]
    async fn logged(&self) -> Result<Vec<String>>;

    /// ```python
    /// return len(log)
    /// ```
    #[task]
    async fn log_length(&self) -> Result<usize>;

    /// ```python
    /// import time
    /// before = ticks[0]
    /// time.sleep_ms(50)
    /// return ticks[0] - before
    /// ```
    #[task(exclusive)]
    async fn ticks_while_alone(&self) -> Result<u32>;
}

belay_tests::on_both_runtimes! {
    threads_that_many_tasks_start_and_join_at_once_all_end_as_they_did
    a_thread_runs_beside_tasks_until_its_handle_stops_it
    one_of_a_name_runs_at_a_time
    a_thread_that_ends_is_noticed_without_being_asked_for
    a_thread_that_raises_gives_its_traceback_to_its_handle_and_as_an_event
    whatever_a_thread_raises_that_cannot_say_what_it_is_its_type_and_traceback_are_told
    a_thread_is_restarted_as_often_as_it_says
    a_thread_ends_when_its_time_is_over
    threads_wait_while_an_exclusive_task_runs
    an_exclusive_task_that_is_dropped_lets_the_threads_go
    a_thread_without_stop_points_is_an_error_and_a_reset_only_if_allowed
    a_later_program_finds_stops_and_does_not_resend_what_an_earlier_one_left
    closing_the_device_stops_what_was_left_running
    a_board_whose_slots_are_taken_says_so
    a_thread_whose_start_is_interrupted_does_not_go_on_without_anybody
    an_error_of_the_body_at_its_first_line_is_its_own
}

async fn a_thread_runs_beside_tasks_until_its_handle_stops_it() {
    let (_board, device) = connected().await;
    let worker = WorkerDevice::attach(&device).await.unwrap();
    let handle = worker.tick(1).await.unwrap();
    assert_eq!(handle.name(), "Worker.tick");
    assert!(handle.is_running());
    let before = worker.count().await.unwrap();
    let moved = async { while worker.count().await.unwrap() <= before {} };
    soon("a tick", moved).await;
    let active = device.threads().active().await.unwrap();
    assert_eq!(active.len(), 1);
    assert_eq!(
        (active[0].id, active[0].state),
        (handle.id(), ThreadState::Running)
    );
    handle.stop(PATIENCE).await.unwrap();
    assert_eq!(handle.state(), ThreadState::Stopped);
    handle.join().await.unwrap();
    assert_eq!(
        worker.logged().await.unwrap(),
        ["finally"],
        "its `finally` has run"
    );
    let after = worker.count().await.unwrap();
    assert_eq!(worker.count().await.unwrap(), after);
    assert!(device.threads().active().await.unwrap().is_empty());
    device.close().await.unwrap();
}

async fn one_of_a_name_runs_at_a_time() {
    let (_board, device) = connected().await;
    let worker = WorkerDevice::attach(&device).await.unwrap();
    let handle = worker.tick(1).await.unwrap();
    let error = worker.tick(1).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Thread(ThreadError::AlreadyRunning { name }) if name == "Worker.tick"),
        "{error}"
    );
    assert!(error.is_retryable());
    handle.stop(PATIENCE).await.unwrap();
    worker.tick(1).await.unwrap();
    device.close().await.unwrap();
}

async fn a_thread_that_ends_is_noticed_without_being_asked_for() {
    let (_board, device) = connected().await;
    let mut events = device.session().events();
    let worker = WorkerDevice::attach(&device).await.unwrap();
    let handle = worker.short().await.unwrap();
    soon("the end", handle.join()).await.unwrap();
    assert_eq!(handle.state(), ThreadState::Finished);
    let event = soon("the event", events.next()).await.unwrap();
    assert!(
        matches!(&event, SessionEvent::Thread { thread, exception: None } if thread.id == handle.id()),
        "{event:?}"
    );
    device.close().await.unwrap();
}

async fn a_thread_that_raises_gives_its_traceback_to_its_handle_and_as_an_event() {
    let (_board, device) = connected().await;
    let mut events = device.session().events();
    let worker = WorkerDevice::attach(&device).await.unwrap();
    let handle = worker.wear_out().await.unwrap();
    let error = soon("the end", handle.join()).await.unwrap_err();
    let exception = error.exception().expect("an exception");
    assert!(exception.is("ValueError"));
    assert_eq!(exception.message, "worn out");
    assert!(exception.rust_line().unwrap().file.ends_with("threads.rs"));
    assert_eq!(handle.state(), ThreadState::Failed);
    let event = soon("the event", events.next()).await.unwrap();
    let SessionEvent::Thread { exception, .. } = event else {
        panic!("{event:?}")
    };
    assert_eq!(exception.unwrap().message, "worn out");
    device.close().await.unwrap();
}

async fn whatever_a_thread_raises_that_cannot_say_what_it_is_its_type_and_traceback_are_told() {
    let (_board, device) = connected().await;
    let worker = WorkerDevice::attach(&device).await.unwrap();
    for kind in ["mild", "wild", "exit", "memory"] {
        let handle = worker.fail_awkwardly(kind).await.unwrap();
        let error = soon("the end", handle.join()).await.unwrap_err();
        let exception = error.exception().expect("an exception");
        assert!(exception.is("Awkward"), "{kind}: {error:?}");
        let line = exception.rust_line().expect("a traceback");
        assert!(line.file.ends_with("threads.rs"), "{kind}: {line:?}");
        assert_eq!(handle.state(), ThreadState::Failed, "{kind}");
    }
    device.close().await.unwrap();
}

async fn a_thread_is_restarted_as_often_as_it_says() {
    let (_board, device) = connected().await;
    let worker = WorkerDevice::attach(&device).await.unwrap();
    let handle = worker.stubborn().await.unwrap();
    let error = soon("the end", handle.join()).await.unwrap_err();
    assert_eq!(error.exception().unwrap().message, "again and again");
    assert_eq!(handle.info().restarts, 2);
    assert_eq!(worker.log_length().await.unwrap(), 3);
    device.close().await.unwrap();
}

async fn a_thread_ends_when_its_time_is_over() {
    let (_board, device) = connected().await;
    let worker = WorkerDevice::attach(&device).await.unwrap();
    let handle = worker.brief().await.unwrap();
    assert_eq!(handle.name(), "brief");
    soon("the end", handle.join()).await.unwrap();
    assert_eq!(handle.state(), ThreadState::Stopped);
    assert!(handle.info().run_time >= Duration::from_millis(50));
    device.close().await.unwrap();
}

async fn threads_wait_while_an_exclusive_task_runs() {
    let (_board, device) = connected().await;
    let worker = WorkerDevice::attach(&device).await.unwrap();
    let handle = worker.tick(1).await.unwrap();
    assert_eq!(worker.ticks_while_alone().await.unwrap(), 0);
    let before = worker.count().await.unwrap();
    let moved = async { while worker.count().await.unwrap() <= before {} };
    soon("a tick after it", moved).await;
    handle.stop(PATIENCE).await.unwrap();
    device.close().await.unwrap();
}

async fn an_exclusive_task_that_is_dropped_lets_the_threads_go() {
    let (_board, device) = connected().await;
    let worker = WorkerDevice::attach(&device).await.unwrap();
    let handle = worker.tick(1).await.unwrap();
    // Some calls are dropped before the threads are paused, some meanwhile, and the last one afterwards.
    for micros in (0..4_000).step_by(100).chain([20_000]) {
        let dropped = tokio::time::timeout(Duration::from_micros(micros), worker.ticks_while_alone()).await;
        assert!(dropped.is_err());
        let before = worker.count().await.unwrap();
        let moved = async { while worker.count().await.unwrap() <= before {} };
        soon("a tick after it", moved).await;
    }
    handle.stop(PATIENCE).await.unwrap();
    device.close().await.unwrap();
}

/// A thread that has begun, since one that is stopped before never runs.
async fn started_deaf(worker: &WorkerDevice) -> ThreadHandle {
    let handle = worker.deaf(vec![]).await.unwrap();
    let begun = async { while worker.log_length().await.unwrap() == 0 {} };
    soon("its beginning", begun).await;
    handle
}

async fn a_thread_without_stop_points_is_an_error_and_a_reset_only_if_allowed() {
    let (_board, device) = connected().await;
    let worker = WorkerDevice::attach(&device).await.unwrap();
    let handle = started_deaf(&worker).await;
    let error = handle.stop(Duration::from_millis(100)).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Thread(ThreadError::StillRunning { .. })),
        "{error}"
    );
    assert!(error.to_string().contains("Worker.deaf"), "{error}");
    assert_eq!(handle.state(), ThreadState::Stopping);
    drop(device);

    let (_board, device) = connected_with(|builder| builder.reset_for_threads(true)).await;
    let worker = WorkerDevice::attach(&device).await.unwrap();
    let handle = started_deaf(&worker).await;
    let epoch = device.session().epoch();
    handle.stop(Duration::from_millis(100)).await.unwrap();
    assert_eq!(handle.state(), ThreadState::Lost);
    assert_eq!(device.session().epoch(), epoch + 1);
    assert_eq!(worker.count().await.unwrap(), 0, "the setups have run again");
    device.close().await.unwrap();
}

async fn a_later_program_finds_stops_and_does_not_resend_what_an_earlier_one_left() {
    let board = unix().await;
    let port = board.port().to_owned();
    // A killed program ends without closing its device: its runtime is shut down in the middle.
    let killed = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let worker = runtime.block_on(async {
            let worker = WorkerDevice::connect(port).await.unwrap();
            worker.tick(1).await.unwrap();
            worker.count().await.unwrap();
            worker
        });
        runtime.shutdown_background();
        drop(worker);
    });
    killed.await.unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    let active = device.threads().active().await.unwrap();
    assert_eq!(active.len(), 1);
    assert_eq!(active[0].name, "Worker.tick");
    let worker = WorkerDevice::attach(&device).await.unwrap();
    worker.count().await.unwrap();
    let stats = device.session().deployment_stats();
    assert_eq!((stats.bytes, stats.adopted), (0, 1));
    device.threads().stop_all(PATIENCE).await.unwrap();
    assert!(device.threads().active().await.unwrap().is_empty());
    device.close().await.unwrap();
}

async fn closing_the_device_stops_what_was_left_running() {
    let board = unix().await;
    let device = Device::connect(board.port()).await.unwrap();
    let worker = WorkerDevice::attach(&device).await.unwrap();
    let handle = worker.tick(1).await.unwrap();
    device.close().await.unwrap();
    assert!(!handle.is_running());
    let device = Device::connect(board.port()).await.unwrap();
    assert!(device.threads().active().await.unwrap().is_empty());
    device.close().await.unwrap();
}

/// Replaces the board's `_thread` module.
async fn with_another_thread_module(device: &Device, class: &str) {
    let code = format!("import sys\nclass Module:\n    {class}\nsys.modules['_thread'] = Module");
    device.execute(&code).await.unwrap();
}

async fn a_board_whose_slots_are_taken_says_so() {
    // Each port of MicroPython has a message of its own; which one does not matter.
    for raised in ["OSError: core1 in use", "RuntimeError: no room"] {
        let (_board, device) = connected().await;
        let (class, message) = raised.split_once(": ").unwrap();
        let start = format!("def start_new_thread(*arguments):\n        raise {class}('{message}')");
        with_another_thread_module(&device, &start).await;
        let worker = WorkerDevice::attach(&device).await.unwrap();
        let error = worker.tick(1).await.unwrap_err();
        let ErrorKind::Thread(ThreadError::NoSlot { name, exception }) = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(
            (name.as_str(), exception.to_string().as_str()),
            ("Worker.tick", raised)
        );
        assert!(error.to_string().contains("no further thread"), "{error}");
        assert!(error.to_string().contains(raised), "{error}");
        assert!(device.threads().active().await.unwrap().is_empty());
        device.close().await.unwrap();
    }
}

async fn a_thread_whose_start_is_interrupted_does_not_go_on_without_anybody() {
    // The Ctrl-C interrupts the start before the thread exists, or just after.
    for (before, behind) in [("raise KeyboardInterrupt", ""), ("", "raise KeyboardInterrupt")] {
        let (_board, device) = connected().await;
        let module = format!(
            "import _thread as real
    get_ident = real.get_ident
    allocate_lock = real.allocate_lock
    interrupted = []
    def start_new_thread(body, arguments, interrupted=interrupted, real=real):
        first = not interrupted
        interrupted.append(1)
        if first:
            {}
        real.start_new_thread(body, arguments)
        if first:
            {}",
            if before.is_empty() { "pass" } else { before },
            if behind.is_empty() { "pass" } else { behind },
        );
        with_another_thread_module(&device, &module).await;
        let worker = WorkerDevice::attach(&device).await.unwrap();
        let error = worker.tick(1).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Interrupted), "{error:?}");
        let idle = async { while !device.threads().active().await.unwrap().is_empty() {} };
        soon("that no thread runs", idle).await;
        // A running thread ticks each millisecond, so one of these calls would notice it.
        let ticks = worker.count().await.unwrap();
        for _ in 0..100 {
            assert_eq!(worker.count().await.unwrap(), ticks);
        }
        assert_eq!(worker.ticks_while_alone().await.unwrap(), 0);
        // The thread's name is free again.
        let thread = worker.tick(1).await.unwrap();
        thread.stop(PATIENCE).await.unwrap();
        device.close().await.unwrap();
    }
}

async fn an_error_of_the_body_at_its_first_line_is_its_own() {
    let (_board, device) = connected().await;
    let worker = WorkerDevice::attach(&device).await.unwrap();
    device.execute("x = 1").await.unwrap();
    let handle = worker.wear_out().await.unwrap();
    assert!(soon("the end", handle.join()).await.is_err());
    // The thread's name is free again.
    let handle = worker.wear_out().await.unwrap();
    assert!(soon("the end", handle.join()).await.is_err());
    assert!(handle.last_exception().is_some());
    device.close().await.unwrap();
}

async fn threads_that_many_tasks_start_and_join_at_once_all_end_as_they_did() {
    let (_board, device) = connected().await;
    let swarm = SwarmDevice::attach(&device).await.unwrap();
    let mut tasks = JoinSet::new();
    for who in 0..8_u32 {
        let swarm = swarm.clone();
        tasks.spawn(async move {
            for n in 0..40 {
                let thread = swarm.fail(who * 100 + n).await.unwrap();
                let error = soon("the end", thread.join()).await.unwrap_err();
                let exception = error.exception().unwrap_or_else(|| panic!("{error:?}"));
                assert_eq!(exception.message, (who * 100 + n).to_string());
            }
        });
    }
    tasks.join_all().await;
    device.close().await.unwrap();
}

#[belay::device]
trait Swarm {
    /// ```python
    /// raise ValueError(n)
    /// ```
    #[thread(multiple)]
    async fn fail(&self, n: u32) -> Result<ThreadHandle>;
}
