//! Objects over a line that loses, damages and repeats bytes: none is released early, and none is kept for good.

use super::*;
use belay_sim::{Direction, Fault, Rates};

/// Each kind of fault is injected at many bytes of the request that releases objects and of its answer.
#[tokio::test]
async fn what_is_given_back_goes_once_whichever_byte_is_hit() {
    let (board, bench) = bench(CallPath::Agent).await;
    let stays = bench.motor("stays").await.unwrap();
    for direction in Direction::BOTH {
        for fault in [Fault::Drop, Fault::Flip(0), Fault::Repeat] {
            for nth in (0..40).step_by(4) {
                let goes = bench.motor("goes").await.unwrap();
                board.cable().once(direction, nth, fault).unwrap();
                drop(goes);
                until_kept(&bench, 1).await;
                let name = soon("an answer", stays.get::<String>("name")).await;
                assert_eq!(name.unwrap(), "stays", "{direction:?} {fault:?} {nth}");
            }
        }
    }
}

/// Faults are injected in a call that keeps an object, in its answer, and in calls of the object's methods.
#[tokio::test]
async fn an_object_is_kept_once_whichever_byte_is_hit() {
    let (board, bench) = bench(CallPath::Agent).await;
    bench.motor("deployed").await.unwrap();
    for direction in Direction::BOTH {
        for fault in [Fault::Drop, Fault::Flip(0), Fault::Repeat] {
            for nth in (0..60).step_by(4) {
                board.cable().once(direction, nth, fault).unwrap();
                let motors = soon("motors", bench.motors(3)).await.unwrap();
                let turned = soon("an answer", motors[2].call::<i32>("turn", (3,))).await;
                assert_eq!(turned.unwrap(), 3, "{direction:?} {fault:?} {nth}");
                drop(motors);
                until_kept(&bench, 0).await;
            }
        }
    }
}

async fn nothing_is_left_after_a_bad_line() {
    let (board, bench) = bench(CallPath::Agent).await;
    bench.motor("deployed").await.unwrap();
    let rates = Rates {
        drop: 0.001,
        flip: 0.001,
        repeat: 0.001,
        ..Rates::default()
    };
    let bad = |rates: Rates, seed| {
        board.cable().set_rates(Direction::ToBoard, rates, seed).unwrap();
        board
            .cable()
            .set_rates(Direction::ToHost, rates, seed + 100)
            .unwrap();
    };
    for seed in 0..2 {
        bad(rates, seed);
        for round in 0..25_i32 {
            // A flipped bit can turn a byte into Ctrl-C.
            let interrupted = |error: Error| {
                assert!(matches!(error.kind(), ErrorKind::Interrupted), "{error:?}");
            };
            let own = match soon("a motor", bench.motor("own")).await {
                Ok(own) => own,
                Err(error) => {
                    interrupted(error);
                    continue;
                }
            };
            let many = bench.each(20).try_collect::<Vec<_>>();
            let (turned, many) = tokio::join!(own.call::<i32>("turn", (round,)), many);
            match turned {
                Ok(turned) => assert_eq!(turned, round),
                Err(error) => interrupted(error),
            }
            match many {
                Ok(many) => assert_eq!(many.len(), 20),
                Err(error) => interrupted(error),
            }
            drop(tokio::time::timeout(Duration::from_millis(2), bench.motors(10)).await);
        }
    }
    bad(Rates::default(), 0);
    until_kept(&bench, 0).await;
}

belay_tests::on_both_runtimes! { nothing_is_left_after_a_bad_line }
