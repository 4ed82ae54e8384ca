//! Items that the line loses, damages and repeats: each arrives once, in order.

use super::*;
use belay_sim::{Direction, Fault, Rates};

/// Each kind of fault is injected at many bytes of a question, of a batch, and of the items that the body has yielded
/// before.
#[tokio::test]
async fn a_conversation_goes_on_whichever_byte_is_hit() {
    let (board, reader) = start().await;
    assert_eq!(converse(&reader, 2).await.unwrap(), [1, 3, -1]);
    for direction in Direction::BOTH {
        for fault in [Fault::Drop, Fault::Flip(0), Fault::Repeat] {
            for nth in (0..150).step_by(10) {
                board.cable().once(direction, nth, fault).unwrap();
                let given = soon("an answer", converse(&reader, 3)).await;
                assert_eq!(given.unwrap(), [1, 3, 6, -1], "{direction:?} {fault:?} {nth}");
                assert_eq!(reader.add(1, 2).await.unwrap(), 3);
            }
        }
    }
    reader.close().await.unwrap();
}

/// Sends a number each time the total of the numbers before has come.
async fn converse(reader: &ReaderDevice, many: u32) -> Result<Vec<i64>> {
    let (say, mut said) = mpsc::unbounded_channel();
    let mut totals = Box::pin(reader.totals(stream::poll_fn(move |cx| said.poll_recv(cx))));
    let mut say = Some(say);
    let mut given = Vec::new();
    let mut next = 1;
    loop {
        if next <= many {
            // Sending fails only when the body has ended.
            let _ = say.as_ref().map(|say| say.send(next));
        } else {
            say = None;
        }
        next += 1;
        match totals.try_next().await? {
            Some(total) => given.push(total),
            None => return Ok(given),
        }
    }
}

on_both_runtimes! {
    each_item_arrives_once_and_in_order_on_a_bad_line
}

async fn each_item_arrives_once_and_in_order_on_a_bad_line() {
    const CALLS: u32 = 10;
    let (board, reader) = start().await;
    // Checks that the function is deployed: a source that is too long for such a line would not arrive.
    assert_eq!(reader.first(1, stream::iter(0..1)).await.unwrap(), [0]);
    assert_eq!(converse(&reader, 1).await.unwrap(), [1, -1]);
    let rates = Rates {
        drop: 0.0002,
        flip: 0.0002,
        repeat: 0.0002,
        ..Rates::default()
    };
    // A flipped bit can turn a byte into Ctrl-C.
    let interrupted = |error: &Error| {
        let raised = error
            .exception()
            .is_some_and(|raised| raised.is("KeyboardInterrupt"));
        raised || matches!(error.kind(), ErrorKind::Interrupted)
    };
    for (direction, seed) in Direction::BOTH.into_iter().zip(7..) {
        board.cable().set_rates(direction, rates, seed).unwrap();
    }
    for call in 0..CALLS {
        match soon("the items", reader.first(200, stream::iter(call..call + 200))).await {
            Ok(found) => assert_eq!(found, (call..call + 200).collect::<Vec<u32>>()),
            Err(error) => assert!(interrupted(&error), "{error:?}"),
        }
        match soon("the totals", converse(&reader, 10)).await {
            Ok(given) => assert_eq!(given, [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, -1]),
            Err(error) => assert!(interrupted(&error), "{error:?}"),
        }
    }
    for direction in Direction::BOTH {
        board.cable().set_rates(direction, Rates::default(), 0).unwrap();
    }
    assert_eq!(reader.add_up(stream::iter(0..100)).await.unwrap(), total(100));
    reader.close().await.unwrap();
}
