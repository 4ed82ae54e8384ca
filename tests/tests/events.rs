//! Events: each subscriber receives what bodies tell once and in order, and every loss is reported.

use std::pin::{Pin, pin};
use std::time::Duration;

use belay::prelude::*;
use belay::{CallPath, Deadlines, DeviceBuilder, ErrorKind, EventLoss, Phase, ReconnectPolicy, SessionState};
use belay_sim::{Board, Direction, Fault};
use belay_tests::{connected, connected_with, soon, unix, until_state};
use futures_util::StreamExt as _;

/// A bell that says what happens to it.
#[belay::device]
pub trait Bell {
    /// ```python
    /// rung("opened")
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// for n in range(first, first + count):
    ///     counted(n)
    /// return count
    /// ```
    #[task]
    async fn tell(&self, first: u32, count: u32) -> Result<u32>;

    /// ```python
    /// for n in range(count):
    ///     counted(n)
    /// rung("done")
    /// ```
    #[thread]
    async fn tell_beside(&self, count: u32) -> Result<ThreadHandle>;

    /// ```python
    /// import time
    /// n = 0
    /// while True:
    ///     counted(n)
    ///     n += 1
    ///     time.sleep_ms(1)
    /// ```
    #[thread]
    async fn tick(&self) -> Result<ThreadHandle>;

    /// ```python
    /// rung(text)
    /// ```
    #[task]
    async fn ring(&self, text: &str) -> Result<()>;

    /// As a hard interrupt handler would.
    ///
    /// ```python
    /// import micropython
    /// micropython.heap_lock()
    /// counted(3)
    /// counted(4)
    /// micropython.heap_unlock()
    /// ```
    #[task]
    async fn interrupt_hard(&self) -> Result<()>;

    /// ```python
    /// import micropython, time
    /// micropython.heap_lock()
    /// for n in range(count):
    ///     counted(n)
    /// micropython.heap_unlock()
    /// time.sleep_ms(1)
    /// counted(count)
    /// ```
    #[task]
    async fn interrupt_too_often(&self, count: u32) -> Result<()>;

    /// ```python
    /// counted(1)
    /// counted("two")
    /// counted(3)
    /// ```
    #[task]
    async fn mix(&self) -> Result<()>;

    /// ```python
    /// class Sly:
    ///     def __repr__(self):
    ///         raise ValueError("no text")
    /// counted(1)
    /// try:
    ///     counted(Sly())
    /// except ValueError:
    ///     counted(2)
    /// ```
    #[task]
    async fn mumble(&self) -> Result<()>;

    /// ```python
    /// return [n for n in range(count)]
    /// ```
    #[task]
    async fn numbers(&self, count: u32) -> Result<Vec<u32>>;

    /// ```python
    /// ticked()
    /// whole((1, "a", [2.5, None], b"\x00\xff"))
    /// exact(0.1 + 0.2)
    /// ```
    #[task]
    async fn tell_all_kinds(&self) -> Result<()>;

    /// ```python
    /// rung("closed")
    /// ```
    #[teardown]
    async fn shut(&self) -> Result<()>;

    /// How far it has counted.
    #[event]
    fn counted(&self) -> impl Stream<Item = Result<u32>>;

    /// What the bell says.
    #[event]
    fn rung(&self) -> impl Stream<Item = Result<String>>;

    #[event]
    fn ticked(&self) -> impl Stream<Item = Result<()>>;

    #[event]
    fn whole(&self) -> impl Stream<Item = Result<(u8, String, Vec<Option<f64>>, belay::python::Bytes)>>;

    #[event]
    fn exact(&self) -> impl Stream<Item = Result<f64>>;
}

belay_tests::on_both_runtimes! {
    over both paths:
    events_of_a_task_are_heard_in_order_by_all_who_subscribed_before
    nothing_is_heard_of_what_was_told_before_or_is_told_afterwards
    values_of_all_kinds_come_as_they_are
    one_that_is_no_such_value_is_an_error_of_its_own
    an_event_in_a_hard_interrupt_handler_is_put_off
    a_subscriber_that_does_not_keep_up_is_told_how_much_it_missed
}

mod on_a_path_of_its_own {
    use super::*;

    belay_tests::on_both_runtimes! {
        a_thread_tells_while_long_answers_come_and_nothing_breaks
        what_the_line_loses_is_counted_whether_or_not_something_follows
        a_subscription_goes_on_after_a_reset_and_says_that_events_may_be_missing
        what_is_listened_to_while_the_line_carries_nothing_is_heard_when_it_does_again
        without_a_reconnection_it_ends_with_the_reason
        closing_ends_it_behind_what_the_teardowns_tell
        what_a_program_that_died_listened_to_is_silenced
        several_traits_and_subscribers_have_their_own
    }
}

async fn bell(path: CallPath) -> (Board, BellDevice) {
    let (board, device) = connected_with(|builder| builder.call_path(path)).await;
    let bell = BellDevice::attach(&device).await.unwrap();
    (board, bell)
}

/// The next so many items.
async fn next<T>(events: &mut Pin<&mut impl Stream<Item = Result<T>>>, count: usize) -> Vec<Result<T>> {
    let mut items = Vec::new();
    while items.len() < count {
        items.push(soon("an event", events.next()).await.expect("it goes on"));
    }
    items
}

async fn values<T>(events: &mut Pin<&mut impl Stream<Item = Result<T>>>, count: usize) -> Vec<T> {
    let items = next(events, count).await;
    items.into_iter().map(|item| item.expect("an event")).collect()
}

fn lost(item: Option<&Result<u32>>) -> Option<(Option<u64>, EventLoss)> {
    match item?.as_ref().err()?.kind() {
        ErrorKind::EventsLost { lost, why } => Some((*lost, *why)),
        _ => None,
    }
}

async fn events_of_a_task_are_heard_in_order_by_all_who_subscribed_before(path: CallPath) {
    let (_board, bell) = bell(path).await;
    let (mut first, mut second) = (pin!(bell.counted()), pin!(bell.counted()));
    assert_eq!(bell.tell(0, 100).await.unwrap(), 100);
    let mut third = pin!(bell.counted());
    bell.tell(100, 3).await.unwrap();
    let all: Vec<u32> = (0..103).collect();
    assert_eq!(values(&mut first, 103).await, all);
    assert_eq!(values(&mut second, 103).await, all);
    assert_eq!(values(&mut third, 3).await, [100, 101, 102]);
    bell.device().close().await.unwrap();
}

async fn nothing_is_heard_of_what_was_told_before_or_is_told_afterwards(path: CallPath) {
    let (_board, bell) = bell(path).await;
    bell.tell(0, 5).await.unwrap();
    for round in 1..4 {
        let mut counted = pin!(bell.counted());
        bell.tell(10 * round, 2).await.unwrap();
        assert_eq!(values(&mut counted, 2).await, [10 * round, 10 * round + 1]);
        drop(Box::pin(bell.counted()));
    }
    bell.tell(0, 5).await.unwrap();
    let listening: Vec<(u32, u32)> = { bell.device().tasks() }
        .evaluate_in("_events", "counts()")
        .await
        .unwrap()
        .to()
        .unwrap();
    assert_eq!(listening, [], "nobody listens, so nothing is sent");
    bell.device().close().await.unwrap();
}

async fn values_of_all_kinds_come_as_they_are(path: CallPath) {
    let (_board, bell) = bell(path).await;
    let (mut ticked, mut whole, mut exact) = (pin!(bell.ticked()), pin!(bell.whole()), pin!(bell.exact()));
    bell.tell_all_kinds().await.unwrap();
    assert_eq!(values(&mut ticked, 1).await, [()]);
    let bytes = belay::python::Bytes::from(&[0, 255][..]);
    assert_eq!(
        values(&mut whole, 1).await,
        [(1, "a".to_owned(), vec![Some(2.5), None], bytes)]
    );
    assert_eq!(values(&mut exact, 1).await, [0.1 + 0.2]);
    bell.device().close().await.unwrap();
}

async fn one_that_is_no_such_value_is_an_error_of_its_own(path: CallPath) {
    let (_board, bell) = bell(path).await;
    let mut counted = pin!(bell.counted());
    bell.mix().await.unwrap();
    bell.mumble().await.unwrap();
    let items = next(&mut counted, 5).await;
    let values: Vec<Option<u32>> = items.iter().map(|item| item.as_ref().ok().copied()).collect();
    assert_eq!(values, [Some(1), None, Some(3), Some(1), Some(2)]);
    let error = items[1].as_ref().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Value(_)), "{error}");
    assert_eq!(error.method(), Some("Bell.counted"));
    bell.device().close().await.unwrap();
}

async fn an_event_in_a_hard_interrupt_handler_is_put_off(path: CallPath) {
    let (_board, bell) = bell(path).await;
    let mut counted = pin!(bell.counted());
    bell.interrupt_hard().await.unwrap();
    assert_eq!(values(&mut counted, 2).await, [3, 4]);
    // The board's queue has room for only a few of them.
    bell.interrupt_too_often(100).await.unwrap();
    let mut heard = 0;
    let mut missed = 0;
    loop {
        match soon("an event", counted.next()).await.unwrap() {
            Ok(n) => {
                heard += 1;
                if n == 100 {
                    break;
                }
            }
            error => missed += lost(Some(&error)).and_then(|(lost, _)| lost).unwrap(),
        }
    }
    assert_eq!(heard + missed, 101, "{heard} heard");
    bell.device().close().await.unwrap();
}

async fn a_subscriber_that_does_not_keep_up_is_told_how_much_it_missed(path: CallPath) {
    let settings = |builder: DeviceBuilder| builder.call_path(path).event_backlog(700);
    let (_board, device) = connected_with(settings).await;
    let bell = BellDevice::attach(&device).await.unwrap();
    let mut counted = pin!(bell.counted());
    bell.tell(0, 50).await.unwrap();
    let mut heard = Vec::new();
    let missed = loop {
        let item = soon("an event", counted.next()).await.unwrap();
        match lost(Some(&item)) {
            Some(loss) => break loss,
            None => heard.push(item.unwrap()),
        }
    };
    let kept = heard.len();
    assert_eq!(heard, (0..10).collect::<Vec<u32>>());
    assert_eq!(missed, (Some(50 - kept as u64), EventLoss::Backlog));
    bell.tell(50, 2).await.unwrap();
    assert_eq!(values(&mut counted, 2).await, [50, 51]);
    device.close().await.unwrap();
}

async fn a_thread_tells_while_long_answers_come_and_nothing_breaks() {
    let (_board, device) = connected().await;
    let bell = BellDevice::attach(&device).await.unwrap();
    let mut output = device.output();
    let mut counted = pin!(bell.counted());
    let telling = bell.tell_beside(5_000).await.unwrap();
    while telling.is_running() {
        let numbers = bell.numbers(3_000).await.unwrap();
        assert_eq!(numbers, (0..3_000).collect::<Vec<u32>>());
    }
    telling.join().await.unwrap();
    assert_eq!(
        values(&mut counted, 5_000).await,
        (0..5_000).collect::<Vec<u32>>()
    );
    device.close().await.unwrap();
    assert_eq!(output.next().await, None, "no answer and no event was cut");
}

async fn what_the_line_loses_is_counted_whether_or_not_something_follows() {
    let (board, device) = connected().await;
    let bell = BellDevice::attach(&device).await.unwrap();
    let mut counted = pin!(bell.counted());
    for at in [30, 31, 200, 1_000, 1_200] {
        board.cable().once(Direction::ToHost, at, Fault::Drop).unwrap();
    }
    bell.tell(0, 100).await.unwrap();
    let mut next = 0;
    let mut missed = 0;
    // The last events are lost as well, and no later one would show it.
    while next < 100 {
        let item = soon("an event", counted.next()).await.unwrap();
        if let Some((lost, why)) = lost(Some(&item)) {
            assert_eq!(why, EventLoss::Line);
            missed += lost.unwrap();
            next += u32::try_from(lost.unwrap()).unwrap();
        } else {
            assert_eq!(item.unwrap(), next);
            next += 1;
        }
    }
    assert!(missed > 0);
    let mut rung = pin!(bell.rung());
    // Another frame may be sent first, and lose the byte instead.
    let error = loop {
        board.cable().once(Direction::ToHost, 8, Fault::Drop).unwrap();
        bell.ring("ding").await.unwrap();
        if let Err(error) = soon("the loss", rung.next()).await.unwrap() {
            break error;
        }
    };
    assert_eq!(
        error.to_string(),
        format!(
            "{}: Bell.rung: 1 event is lost: on the line, or on the board for lack of room",
            board.port()
        )
    );
    device.close().await.unwrap();
}

async fn a_subscription_goes_on_after_a_reset_and_says_that_events_may_be_missing() {
    let settings = |builder: DeviceBuilder| builder.reconnect(ReconnectPolicy::attempts(5));
    let (_board, device) = connected_with(settings).await;
    let bell = BellDevice::attach(&device).await.unwrap();
    let (mut counted, mut rung) = (pin!(bell.counted()), pin!(bell.rung()));
    bell.tell(0, 2).await.unwrap();
    device.reset().await.unwrap();
    bell.tell(2, 2).await.unwrap();
    assert_eq!(values(&mut counted, 2).await, [0, 1]);
    let gap = next(&mut counted, 1).await;
    assert_eq!(lost(gap.first()), Some((None, EventLoss::Reconnection)));
    assert_eq!(values(&mut counted, 2).await, [2, 3]);
    let items = next(&mut rung, 2).await;
    assert!(items[0].is_err());
    assert_eq!(items[1].as_ref().unwrap(), "opened", "the setup has run again");
    device.close().await.unwrap();
}

/// The request for the subscription is sent after a call that the board cannot be told to end, so its outcome is
/// unknown.
async fn what_is_listened_to_while_the_line_carries_nothing_is_heard_when_it_does_again() {
    let deadlines = Deadlines::default().with(Phase::Interrupt, Duration::from_millis(300));
    let (board, device) = connected_with(|builder| {
        let builder = builder.call_path(CallPath::Agent).deadlines(deadlines);
        builder.timeout(Duration::from_millis(300))
    })
    .await;
    let bell = BellDevice::attach(&device).await.unwrap();
    assert_eq!(bell.tell(0, 1).await.unwrap(), 1);
    board.cable().cut().unwrap();
    let mut calling = pin!(bell.tell(0, 1));
    // The call has begun before the subscription is requested.
    assert!(futures_util::poll!(&mut calling).is_pending());
    let mut counted = pin!(bell.counted());
    soon("the end of the call", calling).await.unwrap_err();
    board.cable().heal().unwrap();
    // What was told until then is missing, and that is said.
    let gap = soon("a gap", counted.next()).await;
    assert_eq!(lost(gap.as_ref()), Some((None, EventLoss::Line)));
    let heard = async {
        for n in 1.. {
            // The connection may not have recovered yet.
            drop(bell.tell(n, 1).await);
            let Ok(heard) = tokio::time::timeout(Duration::from_millis(50), counted.next()).await else {
                continue;
            };
            match lost(heard.as_ref()) {
                // It was told once more.
                Some(gap) => assert_eq!(gap, (None, EventLoss::Line)),
                None => return heard,
            }
        }
        None
    };
    assert!(soon("an event", heard).await.unwrap().unwrap() > 0);
    device.close().await.unwrap();
}

async fn without_a_reconnection_it_ends_with_the_reason() {
    let (board, device) = connected().await;
    let bell = BellDevice::attach(&device).await.unwrap();
    let mut counted = pin!(bell.counted());
    board.vanish().unwrap();
    let error = soon("the end", counted.next()).await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotHeard(_)), "{error}");
    assert!(soon("the end", counted.next()).await.is_none());
    until_state(&device, SessionState::Faulted).await;
    let mut late = pin!(bell.counted());
    let error = soon("the reason", late.next()).await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotHeard(_)), "{error}");
    assert!(late.next().await.is_none());
    let _ = device.close().await;
}

async fn closing_ends_it_behind_what_the_teardowns_tell() {
    let (_board, device) = connected().await;
    let bell = BellDevice::attach(&device).await.unwrap();
    let mut rung = pin!(bell.rung());
    bell.ring("first").await.unwrap();
    device.close().await.unwrap();
    assert_eq!(values(&mut rung, 1).await, ["first"]);
    assert_eq!(values(&mut rung, 1).await, ["closed"]);
    assert!(soon("the end", rung.next()).await.is_none());
    let mut late = pin!(bell.rung());
    let error = soon("the reason", late.next()).await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Closed), "{error}");
    assert!(late.next().await.is_none());
}

async fn what_a_program_that_died_listened_to_is_silenced() {
    let (mut board, device) = connected().await;
    let bell = BellDevice::attach(&device).await.unwrap();
    let _counted = bell.counted();
    bell.tick().await.unwrap();
    board.vanish().unwrap();
    until_state(&device, SessionState::Faulted).await;
    let port = board.appear().unwrap().to_owned();
    let other = Device::connect(port.as_str()).await.unwrap();
    let silence = async {
        loop {
            let counts = other.tasks().evaluate_in("_events", "counts()").await.unwrap();
            if counts.as_bytes() == b"[]" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("silence", silence).await;
    let bell = BellDevice::attach(&other).await.unwrap();
    let mut counted = pin!(bell.counted());
    let three = values(&mut counted, 3).await;
    assert_eq!(
        three,
        [three[0], three[0] + 1, three[0] + 2],
        "the thread has gone on"
    );
    other.close().await.unwrap();
}

/// Another one, with an event of the same name.
#[belay::device]
pub trait Gong {
    /// ```python
    /// rung("gong")
    /// ```
    #[task]
    async fn strike(&self) -> Result<()>;

    #[event]
    fn rung(&self) -> impl Stream<Item = Result<String>>;
}

async fn several_traits_and_subscribers_have_their_own() {
    let (_board, device) = connected().await;
    let bell = BellDevice::attach(&device).await.unwrap();
    let mut of_bell = pin!(bell.rung());
    let gong = GongDevice::attach(&device).await.unwrap();
    let mut of_gong = pin!(gong.rung());
    gong.strike().await.unwrap();
    bell.ring("bell").await.unwrap();
    assert_eq!(values(&mut of_bell, 1).await, ["bell"]);
    assert_eq!(values(&mut of_gong, 1).await, ["gong"]);
    device.close().await.unwrap();
}

#[tokio::test]
async fn a_board_with_little_memory_cannot_have_a_trait_with_events() {
    let board = Board::unix().heap_kb(40).start().await.unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    let error = GongDevice::attach(&device).await.unwrap_err();
    let ErrorKind::Setup { cause, .. } = error.kind() else {
        panic!("{error}");
    };
    assert!(matches!(cause.kind(), ErrorKind::Unsupported { .. }), "{cause}");
    device.close().await.unwrap();
}

#[tokio::test]
async fn circuitpython_tells_events_from_its_tasks() {
    let board = Board::circuitpython_like().start().await.unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    let gong = GongDevice::attach(&device).await.unwrap();
    let mut rung = pin!(gong.rung());
    gong.strike().await.unwrap();
    assert_eq!(values(&mut rung, 1).await, ["gong"]);
    device.close().await.unwrap();
}

#[tokio::test]
async fn what_is_printed_is_no_event() {
    let board = unix().await;
    let device = Device::connect(board.port()).await.unwrap();
    let bell = BellDevice::attach(&device).await.unwrap();
    let mut counted = pin!(bell.counted());
    bell.execute("for t in range(1 << 5):\n print('\\x02AAAA-u%d 0:99%08x\\x03' % (t, t))")
        .await
        .unwrap();
    bell.tell(1, 1).await.unwrap();
    assert_eq!(values(&mut counted, 1).await, [1]);
    device.close().await.unwrap();
}
