//! A stream in and a stream out at once.

use super::*;

on_both_runtimes! {
    what_a_body_yields_is_there_before_it_is_told_the_next_item
    a_conversation_takes_as_long_as_there_is_something_to_say
    a_conversation_that_is_dropped_drops_its_stream
    a_conversation_ends_with_an_error_of_its_stream
    test_task_generators_communicate
}

/// A channel: the sender, and the stream that the body reads.
fn channel<T: Send + 'static>() -> (mpsc::UnboundedSender<T>, impl Stream<Item = T> + Send + 'static) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    (sender, stream::poll_fn(move |cx| receiver.poll_recv(cx)))
}

async fn what_a_body_yields_is_there_before_it_is_told_the_next_item() {
    let (_board, reader) = start().await;
    let (say, items) = channel();
    let mut totals = Box::pin(reader.totals(items));
    say.send(1).unwrap();
    let mut expected = 0;
    for item in 1..200 {
        expected += i64::from(item);
        let total = soon("a total", totals.next()).await.unwrap().unwrap();
        assert_eq!(total, expected);
        say.send(item + 1).unwrap();
    }
    drop(say);
    expected += 200;
    let rest: Vec<i64> = soon("the rest", totals.try_collect()).await.unwrap();
    assert_eq!(rest, [expected, -1]);
    reader.close().await.unwrap();
}

async fn a_conversation_takes_as_long_as_there_is_something_to_say() {
    let (_board, reader) = start().await;
    let totals: Vec<i64> = reader
        .totals(stream::iter(vec![1; 500]))
        .try_collect()
        .await
        .unwrap();
    assert_eq!(totals, (1..=500).chain([-1]).collect::<Vec<i64>>());
    reader.close().await.unwrap();
}

async fn a_conversation_that_is_dropped_drops_its_stream() {
    let (_board, reader) = start().await;
    let alive = Alive::default();
    for _ in 0..3 {
        let silent = stream::iter([1]).chain(stream::pending());
        let mut totals = Box::pin(reader.totals(alive.of(silent)));
        assert_eq!(soon("a total", totals.next()).await.unwrap().unwrap(), 1);
        drop(totals);
        alive.none().await;
        assert_eq!(soon("an answer", reader.add(1, 2)).await.unwrap(), 3);
    }
    let mut totals = Box::pin(reader.totals(alive.of(stream::iter([1, 2]))));
    while let Some(total) = soon("a total", totals.next()).await {
        total.unwrap();
    }
    assert_eq!(alive.count(), 0, "it is over, though somebody holds it");
    drop(totals);
    reader.close().await.unwrap();
}

async fn a_conversation_ends_with_an_error_of_its_stream() {
    let (_board, reader) = start().await;
    let mut asks = Box::pin(reader.asks(stream::iter(["yes".to_owned()])));
    let mut given = Vec::new();
    let error = loop {
        match soon("an item", asks.next()).await.expect("its end is an error") {
            Ok(item) => given.push(item),
            Err(error) => break error,
        }
    };
    assert_eq!(given, [1, 1]);
    assert!(error.exception().is_some(), "{error:?}");
    assert!(soon("the end", asks.next()).await.is_none());
    drop(asks);
    reader.close().await.unwrap();
}

/// A generator that gets a value for each one it yields. (Belay for Python has a test of this name, with `send`.)
#[belay::device]
trait Chat {
    /// ```python
    /// yield x
    /// x = next(sent)
    /// yield x
    /// x = next(sent)
    /// ```
    #[task]
    fn my_gen(&self, x: i64, sent: impl Stream<Item = i64>) -> impl Stream<Item = Result<i64>>;
}

async fn test_task_generators_communicate() {
    let board = Board::unix().start().await.expect("a board");
    let chat = ChatDevice::connect(board.port()).await.unwrap();
    let (say, sent) = channel();
    let mut generator = Box::pin(chat.my_gen(5, sent));
    let mut actual = vec![soon("the first", generator.next()).await.unwrap().unwrap()];
    say.send(25).unwrap();
    actual.push(soon("the second", generator.next()).await.unwrap().unwrap());
    say.send(50).unwrap();
    assert!(soon("the end", generator.next()).await.is_none());
    assert_eq!(actual, [5, 25]);
    drop(generator);
    chat.close().await.unwrap();
}
