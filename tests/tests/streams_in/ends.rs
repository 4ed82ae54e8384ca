//! Ends while a body waits for an item: of its caller, its board, its device.

use super::*;

on_both_runtimes! {
    a_caller_that_is_gone_drops_the_stream_and_ends_the_body
    a_device_that_is_closed_drops_the_stream
    a_board_that_is_reset_drops_the_stream_and_reads_the_next_one
    a_session_that_comes_back_drops_the_stream_and_reads_the_next_one
    a_stream_that_calls_the_device_that_waits_for_it_is_told_so
}

/// A call that is waiting for the item after the first ones.
async fn waiting(reader: &ReaderDevice, alive: &Alive) -> tokio::task::JoinHandle<Result<u32>> {
    let (asked, mut is_asked) = mpsc::unbounded_channel();
    let silent = stream::poll_fn(move |_| {
        let _ = asked.send(());
        std::task::Poll::Pending
    });
    let items = alive.of(stream::iter(0..3).chain(silent));
    let reader = reader.clone();
    let call = tokio::spawn(async move { reader.add_up(items).await });
    // The stream is polled twice: for the first items, and for the next one alone.
    for _ in 0..2 {
        soon("the stream to be asked", is_asked.recv()).await;
    }
    call
}

async fn a_caller_that_is_gone_drops_the_stream_and_ends_the_body() {
    let (_board, reader) = start().await;
    let alive = Alive::default();
    for _ in 0..3 {
        waiting(&reader, &alive).await.abort();
        alive.none().await;
        assert_eq!(soon("an answer", reader.add(1, 2)).await.unwrap(), 3);
        assert_eq!(reader.add_up(stream::iter(0..100)).await.unwrap(), total(100));
    }
    reader.close().await.unwrap();
}

async fn a_device_that_is_closed_drops_the_stream() {
    let (board, reader) = start().await;
    let alive = Alive::default();
    let call = waiting(&reader, &alive).await;
    soon("closing", reader.close()).await.unwrap();
    let error = soon("an error", call).await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Closed), "{error:?}");
    alive.none().await;
    let again = connect(&board).await;
    assert_eq!(again.add_up(stream::iter(0..100)).await.unwrap(), total(100));
    again.close().await.unwrap();
}

async fn a_board_that_is_reset_drops_the_stream_and_reads_the_next_one() {
    let (_board, reader) = start().await;
    let alive = Alive::default();
    let call = waiting(&reader, &alive).await;
    soon("a reset", reader.device().reset()).await.unwrap();
    let error = soon("an error", call).await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Reset), "{error:?}");
    alive.none().await;
    assert_eq!(reader.add_up(stream::iter(0..100)).await.unwrap(), total(100));
    reader.close().await.unwrap();
}

async fn a_session_that_comes_back_drops_the_stream_and_reads_the_next_one() {
    let mut board = Board::unix().start().await.expect("a board");
    // The board comes back under another port name.
    let folder = tempfile::tempdir().unwrap();
    let port = folder.path().join("port");
    std::os::unix::fs::symlink(board.port(), &port).unwrap();
    let connecting = ReaderDevice::builder(port.to_str().unwrap())
        .reconnect(belay::ReconnectPolicy::attempts(20))
        .connect();
    let reader = soon("connecting", connecting).await.unwrap();
    let alive = Alive::default();
    let call = waiting(&reader, &alive).await;
    board.vanish().unwrap();
    let error = soon("an error", call).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("lost"), "{error:?}");
    alive.none().await;
    std::fs::remove_file(&port).unwrap();
    std::os::unix::fs::symlink(board.appear().unwrap(), &port).unwrap();
    let session = reader.device().session();
    session
        .connection(belay_tests::PATIENCE)
        .await
        .expect("it comes back");
    assert_eq!(reader.add_up(stream::iter(0..100)).await.unwrap(), total(100));
    reader.close().await.unwrap();
}

async fn a_stream_that_calls_the_device_that_waits_for_it_is_told_so() {
    let (_board, reader) = start().await;
    let device = reader.clone();
    let calling = stream::iter(0..3).then(move |item| {
        let device = device.clone();
        async move { device.add(item, 1).await.map_err(|error| error.to_string()) }
    });
    let found = soon("an answer", reader.caught(calling)).await.unwrap();
    let said = found[0].as_str().unwrap_or_default();
    assert!(
        said.contains("cannot call the device that waits for it"),
        "{found:?}"
    );

    // A device's own stream as the input of its own task: it gives the items that have arrived before, and then an
    // error, since the device is waiting.
    let again: &'static ReaderDevice = Box::leak(Box::new(reader.clone()));
    let mut totals = Box::pin(again.totals(stream::iter(vec![1; 1000])));
    assert_eq!(soon("a total", totals.next()).await.unwrap().unwrap(), 1);
    let totals = totals.map(|total| total.map(|_| 1).map_err(|error| error.to_string()));
    let found = soon("an answer", reader.caught(totals)).await.unwrap();
    let said = found[found.len() - 2].as_str().unwrap_or_default();
    assert!(found.len() < 1000, "{}", found.len());
    assert!(
        said.contains("cannot call the device that waits for it"),
        "{said}"
    );
    assert_eq!(reader.add(1, 2).await.unwrap(), 3);
    reader.close().await.unwrap();
}
