//! Questions and answers that the line loses, damages and repeats: each question runs its host function once.

use super::*;
use belay_sim::{Direction, Fault, Rates};

/// How many calls there are, and how many questions each asks.
const CALLS: u32 = 12;
const ASKS: u32 = 4;

/// Each kind of fault is injected once at many bytes of a question and of its answer.
#[tokio::test]
async fn each_question_runs_once_whichever_byte_is_hit() {
    let (board, logger, store) = start().await;
    logger.measure("first", 1).await.unwrap();
    let mut total = 1;
    for direction in Direction::BOTH {
        for fault in [Fault::Drop, Fault::Flip(0), Fault::Repeat] {
            for nth in (0..70).step_by(7) {
                board.cable().once(direction, nth, fault).unwrap();
                total += 1;
                let calling = logger.measure("first", 1);
                assert_eq!(
                    soon("an answer", calling).await.unwrap(),
                    total,
                    "{direction:?} {fault:?} {nth}"
                );
                assert_eq!(logger.add(1, 2).await.unwrap(), 3);
            }
        }
    }
    assert_eq!(store.of("first").len(), total as usize);
    logger.close().await.unwrap();
}

/// The answer is longer than the board's buffer. It is damaged, and a byte of its retransmission is lost.
#[tokio::test]
async fn a_long_answer_that_is_sent_again_gets_there_though_it_loses_a_byte() {
    let (board, logger, _store) = start().await;
    let many = 2000;
    assert_eq!(logger.long_text(many).await.unwrap(), 2 * many);
    for nth in [300, 1500, 3000] {
        let once = |nth, fault| board.cable().once(Direction::ToBoard, nth, fault).unwrap();
        once(nth, Fault::Flip(0));
        once(nth + 4500, Fault::Drop);
        let calling = logger.long_text(many);
        assert_eq!(soon("an answer", calling).await.unwrap(), 2 * many, "{nth}");
    }
    logger.close().await.unwrap();
}

on_both_runtimes! {
    each_question_runs_once_on_a_bad_line
}

fn interrupted(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted)
}

async fn each_question_runs_once_on_a_bad_line() {
    let (board, logger, store) = start().await;
    let rates = Rates {
        drop: 0.001,
        flip: 0.001,
        repeat: 0.001,
        ..Rates::default()
    };
    for seed in 0..2 {
        board.cable().set_rates(Direction::ToBoard, rates, seed).unwrap();
        board
            .cable()
            .set_rates(Direction::ToHost, rates, seed + 100)
            .unwrap();
        for call in 0..CALLS {
            let sensor = format!("{seed} {call}");
            let asking = logger.measure(&sensor, ASKS);
            let (asked, added) = tokio::join!(soon("an answer", asking), soon("an answer", logger.add(1, 2)));
            let ran = u32::try_from(store.of(&sensor).len()).unwrap();
            match asked {
                Ok(total) => assert_eq!((total, ran), (ASKS, ASKS), "{sensor}"),
                // A flipped bit can turn a byte into Ctrl-C.
                Err(error) => assert!(interrupted(&error) && ran <= ASKS, "{error:?}"),
            }
            match added {
                Ok(sum) => assert_eq!(sum, 3),
                Err(error) => assert!(interrupted(&error), "{error:?}"),
            }
        }
    }
    board
        .cable()
        .set_rates(Direction::ToBoard, Rates::default(), 0)
        .unwrap();
    board
        .cable()
        .set_rates(Direction::ToHost, Rates::default(), 0)
        .unwrap();
    logger.close().await.unwrap();
}
