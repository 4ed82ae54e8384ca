//! How long objects are kept: exactly as long as they have a handle.

use std::sync::{Arc, Mutex};

use super::*;
use belay::{ReconnectPolicy, SessionState};
use belay_tests::{following, until_state};

/// The board's free memory after a garbage collection.
async fn free(bench: &BenchDevice) -> u64 {
    let collected = "(__import__('gc').collect(), __import__('gc').mem_free())[1]";
    bench.execute_as(collected).await.unwrap()
}

async fn what_nobody_has_is_collected(path: CallPath) {
    let (_board, bench) = bench(path).await;
    drop(bench.motor("first").await.unwrap());
    until_kept(&bench, 0).await;
    let before = free(&bench).await;
    let full = bench.full().await.unwrap();
    let other = full.clone();
    drop(full);
    assert_eq!(kept(&bench).await, 1, "a clone is the same handle");
    let with = free(&bench).await;
    assert!(with + 45_000 < before, "{with} of {before}");
    drop(other);
    until_kept(&bench, 0).await;
    let after = free(&bench).await;
    assert!(after + 10_000 > before, "{after} of {before}");
    let motors = bench.motors(300).await.unwrap();
    assert_eq!(kept(&bench).await, 300);
    let one = motors[150].clone();
    drop(motors);
    until_kept(&bench, 1).await;
    assert_eq!(one.get::<String>("name").await.unwrap(), "150");
}

async fn what_a_call_is_made_with_stays_until_it_has_run(path: CallPath) {
    let (_board, bench) = bench(path).await;
    for _ in 0..30 {
        let motors = bench.motors(2).await.unwrap();
        let pair = (bench.motor("pair").await.unwrap(), 1);
        // While the call waits for its turn, it has the only handles.
        let calls = bench.names(motors, BTreeMap::new(), pair);
        let busy = bench.execute_as::<()>("__import__('time').sleep_ms(30)");
        let (busy, names) = tokio::join!(busy, calls);
        busy.unwrap();
        assert_eq!(names.unwrap(), ["0", "1", "pair"]);
    }
    until_kept(&bench, 0).await;
}

async fn a_stream_that_is_dropped_leaves_what_was_taken_of_it(path: CallPath) {
    let (_board, bench) = bench(path).await;
    let mut each = std::pin::pin!(bench.each(10_000));
    let mut taken = Vec::new();
    while taken.len() < 70 {
        taken.push(each.try_next().await.unwrap().unwrap());
    }
    each.set(bench.each(0));
    until_kept(&bench, 70).await;
    assert_eq!(taken[69].get::<String>("name").await.unwrap(), "69");
    taken.truncate(3);
    until_kept(&bench, 3).await;
    drop(taken);
    // Each handle is dropped as soon as it was used, and its object is released.
    let all: Vec<String> = {
        let names = bench
            .each(150)
            .and_then(|motor| async move { motor.get::<String>("name").await });
        names.try_collect().await.unwrap()
    };
    assert_eq!((all.len(), all[149].as_str()), (150, "149"));
    until_kept(&bench, 0).await;
}

async fn a_call_that_is_dropped_leaves_nothing(path: CallPath) {
    let (_board, bench) = bench(path).await;
    for at in 0..40_u64 {
        let call = bench.motors(20);
        let dropped = tokio::time::timeout(Duration::from_micros(at * 150), call).await;
        if let Ok(motors) = dropped {
            assert_eq!(motors.unwrap().len(), 20);
        }
    }
    let late = bench.full_later(30);
    assert!(
        tokio::time::timeout(Duration::from_millis(200), late)
            .await
            .is_err()
    );
    until_kept(&bench, 0).await;
    let motor = bench.motor("still there").await.unwrap();
    assert_eq!(motor.get::<String>("name").await.unwrap(), "still there");
    let waits = motor.within(Duration::from_millis(300));
    let error = waits.call::<()>("wait", ()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error:?}");
    assert_eq!(kept(&bench).await, 1);
}

async fn what_is_dropped_at_once_does_not_fill_the_board(path: CallPath) {
    let (_board, bench) = bench(path).await;
    for _ in 0..60 {
        assert_eq!(bench.motors(100).await.unwrap().len(), 100);
    }
    until_kept(&bench, 0).await;
    // Objects whose answers were dropped are released as well.
    for _ in 0..100 {
        let dropped = tokio::time::timeout(Duration::from_millis(2), bench.motors(100)).await;
        if let Ok(motors) = dropped {
            assert_eq!(motors.unwrap().len(), 100);
        }
    }
    until_kept(&bench, 0).await;
}

async fn a_full_board_says_so_and_keeps_nothing(path: CallPath) {
    let (_board, bench) = bench(path).await;
    let error = bench.motors(1_000_000).await.unwrap_err();
    assert_eq!(
        error.exception().map(|raised| raised.type_name.as_str()),
        Some("MemoryError")
    );
    until_kept(&bench, 0).await;
    let mut some = Vec::new();
    let error = loop {
        match bench.full().await {
            Ok(full) => some.push(full),
            Err(error) => break error,
        }
        assert!(some.len() < 1000);
    };
    assert_eq!(
        error.exception().map(|raised| raised.type_name.as_str()),
        Some("MemoryError")
    );
    let number = some.len();
    assert!(number > 3);
    until_kept(&bench, number).await;
    some.clear();
    until_kept(&bench, 0).await;
    assert_eq!(bench.motors(100).await.unwrap().len(), 100);
}

async fn tasks_use_objects_beside_each_other(path: CallPath) {
    let (_board, bench) = bench(path).await;
    let shared = bench.motor("shared").await.unwrap();
    let users = (0..12).map(|user| {
        let (bench, shared) = (bench.clone(), shared.clone());
        tokio::spawn(async move {
            for round in 0..8 {
                let own = bench.motor(&format!("{user} {round}")).await.unwrap();
                shared.call::<i32>("turn", (1,)).await.unwrap();
                assert_eq!(bench.turn(&own, user).await.unwrap(), user);
                let name: String = own.get("name").await.unwrap();
                assert_eq!(name, format!("{user} {round}"));
            }
        })
    });
    for user in users.collect::<Vec<_>>() {
        soon("a task is done", user).await.unwrap();
    }
    assert_eq!(shared.get::<i32>("speed").await.unwrap(), 96);
    until_kept(&bench, 1).await;
}

async fn a_reset_ends_all_handles_and_says_so(path: CallPath) {
    let (_board, bench) = bench(path).await;
    let old = bench.motor("old").await.unwrap();
    bench.device().reset().await.unwrap();
    let gone = |error: Error| {
        assert!(matches!(error.kind(), ErrorKind::ObjectGone), "{error:?}");
        assert!(error.hint().is_some());
    };
    gone(old.get::<String>("name").await.unwrap_err());
    gone(bench.turn(&old, 1).await.unwrap_err());
    gone(old.iter::<u8>().try_next().await.unwrap_err());
    let new = bench.motor("new").await.unwrap();
    gone(new.call::<()>("turn", (&old,)).await.unwrap_err());
    // The old object had the same number: dropping its handle must not release the new one.
    drop(old);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(new.get::<String>("name").await.unwrap(), "new");
    until_kept(&bench, 1).await;
}

async fn objects_are_of_one_device(path: CallPath) {
    let (_board, one) = bench(path).await;
    let (_board, other) = bench(path).await;
    let motor = one.motor("one").await.unwrap();
    let others = other.motor("other").await.unwrap();
    let error = other.turn(&motor, 1).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ObjectElsewhere), "{error:?}");
    let error = others.set("name", &vec![Some(&motor)]).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ObjectElsewhere), "{error:?}");
    let error = other.in_thread(&motor).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ObjectElsewhere), "{error:?}");
    let error = other.in_setup(motor.clone()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ObjectElsewhere), "{error:?}");
    one.in_setup(motor.clone()).await.unwrap();
    let thread = one.in_thread(&motor).await.unwrap();
    soon("the thread ends", thread.join()).await.unwrap();
    assert_eq!(motor.get::<String>("name").await.unwrap(), "in the thread");
    one.close().await.unwrap();
    let error = motor.get::<String>("name").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Closed), "{error:?}");
    assert_eq!(others.get::<String>("name").await.unwrap(), "other");
}

async fn a_program_that_ends_leaves_nothing_to_the_next(path: CallPath) {
    let (board, bench) = bench(path).await;
    let _motors = bench.motors(5).await.unwrap();
    bench.close().await.unwrap();
    let device = Device::builder(board.port())
        .call_path(path)
        .connect()
        .await
        .unwrap();
    let bench = BenchDevice::attach(&device).await.unwrap();
    assert_eq!(kept(&bench).await, 0);
    let motor = bench.motor("next").await.unwrap();
    assert_eq!(motor.get::<String>("name").await.unwrap(), "next");
}

async fn objects_outlive_a_lost_connection(path: CallPath) {
    let mut board = belay_tests::unix().await;
    let port = Arc::new(Mutex::new(board.port().to_owned()));
    let (first, longest) = (Duration::from_millis(20), Duration::from_millis(100));
    let policy = ReconnectPolicy::attempts(200).back_off(first, longest);
    let builder = following(&port).call_path(path).reconnect(policy);
    let device = builder.connect().await.unwrap();
    let bench = BenchDevice::attach(&device).await.unwrap();
    let motor = bench.motor("left").await.unwrap();
    let other = bench.motor("other").await.unwrap();
    motor.call::<i32>("turn", (5,)).await.unwrap();
    board.vanish().unwrap();
    until_state(&device, SessionState::Recovering).await;
    drop(other);
    let appeared = board.appear().unwrap().to_owned();
    *port.lock().unwrap() = appeared;
    until_state(&device, SessionState::Ready).await;
    if device.session().epoch() > 0 {
        // The line was so bad at first that the board was reset.
        let error = motor.get::<u8>("speed").await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::ObjectGone), "{error:?}");
        return;
    }
    assert_eq!(motor.call::<i32>("turn", (1,)).await.unwrap(), 6);
    assert_eq!(bench.turn(&motor, 1).await.unwrap(), 7);
    drop(bench.motor("more").await.unwrap());
    until_kept(&bench, 1).await;
}

belay_tests::on_both_runtimes! { over both paths:
    what_nobody_has_is_collected
    what_a_call_is_made_with_stays_until_it_has_run
    a_stream_that_is_dropped_leaves_what_was_taken_of_it
    a_call_that_is_dropped_leaves_nothing
    what_is_dropped_at_once_does_not_fill_the_board
    a_full_board_says_so_and_keeps_nothing
    tasks_use_objects_beside_each_other
    a_reset_ends_all_handles_and_says_so
    objects_are_of_one_device
    a_program_that_ends_leaves_nothing_to_the_next
    objects_outlive_a_lost_connection
}
