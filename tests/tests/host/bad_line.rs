//! Questions and answers that the line loses, damages and repeats: each runs once.

use super::*;
use belay_sim::{Direction, Fault, Rates};

/// How many calls there are, each of which asks this often.
const CALLS: u32 = 12;
const ASKS: u32 = 4;

/// Each byte of a question and of an answer is hit once, in each way.
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

/// An answer that is longer than what the board has room for is damaged, and a byte is lost of what is sent in its place.
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
                // The line makes a Ctrl-C of one bit.
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
