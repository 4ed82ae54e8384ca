//! Ends while a body waits for the host: of its caller, its board, its device.

use super::*;

on_both_runtimes! {
    a_caller_that_is_gone_ends_the_host_function_with_the_body
    a_device_that_is_closed_ends_what_waits
    a_device_that_is_closed_ends_what_asks_on_whatever_it_is_told
    a_board_that_is_reset_ends_what_waits_and_asks_again
    a_session_that_comes_back_asks_again
}

/// A call that is waiting for the host, once the host function is running.
async fn waiting(logger: &LoggerDevice, store: &Store) -> tokio::task::JoinHandle<Result<()>> {
    let waits = logger.clone();
    let call = tokio::spawn(async move { waits.waits().await });
    soon("the host function to begin", store.begun.notified()).await;
    call
}

async fn ended(store: &Store, times: u32) {
    soon("the host function to be dropped", store.begun.notified()).await;
    assert_eq!(store.dropped.load(Ordering::SeqCst), times);
    assert_eq!(store.calls.load(Ordering::SeqCst), times);
}

async fn a_caller_that_is_gone_ends_the_host_function_with_the_body() {
    let (_board, logger, store) = start().await;
    for times in 1..=3 {
        waiting(&logger, &store).await.abort();
        ended(&store, times).await;
        assert_eq!(soon("an answer", logger.add(1, 2)).await.unwrap(), 3);
        assert_eq!(logger.measure("after", 2).await.unwrap(), 2 * times);
    }
    logger.close().await.unwrap();
}

async fn a_device_that_is_closed_ends_what_waits() {
    let (board, logger, store) = start().await;
    let call = waiting(&logger, &store).await;
    soon("closing", logger.close()).await.unwrap();
    let error = soon("an error", call).await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Closed), "{error:?}");
    ended(&store, 1).await;
    assert_eq!(store.of("teardown"), [1.0]);
    let again = connect(&board, &store).await;
    assert_eq!(again.add(1, 2).await.unwrap(), 3);
    assert_eq!(again.measure("again", 2).await.unwrap(), 2);
    again.close().await.unwrap();
}

/// A body that asks again and again, whatever exception it gets, until it is ended.
#[belay::device]
pub trait Persistent {
    #[host]
    async fn never(&self) -> Result<(), Full>;

    /// ```python
    /// for _ in range(times):
    ///     try:
    ///         never()
    ///     except BaseException:
    ///         pass
    /// ```
    #[task]
    async fn asks_on(&self, times: u32) -> Result<()>;

    /// ```python
    /// return a + b
    /// ```
    #[task]
    async fn add(&self, a: u32, b: u32) -> Result<u32>;
}

/// Host functions that never answer, but signal when they are called.
#[derive(Default)]
pub(crate) struct Never(Notify);

impl PersistentHost for Never {
    async fn never(&self) -> Result<(), Full> {
        self.0.notify_one();
        std::future::pending().await
    }
}

async fn a_device_that_is_closed_ends_what_asks_on_whatever_it_is_told() {
    let board = Board::unix().start().await.expect("a board");
    for times in [3, 6, 12, 40] {
        let never = Arc::new(Never::default());
        let connecting = PersistentDevice::builder(board.port()).host(Arc::clone(&never));
        let asker = soon("connecting", connecting.connect()).await.unwrap();
        assert_eq!(asker.add(1, 2).await.unwrap(), 3);
        let asks = asker.clone();
        let call = tokio::spawn(async move { asks.asks_on(times).await });
        soon("the host function to begin", never.0.notified()).await;
        soon("closing", asker.close()).await.unwrap();
        soon("an error", call).await.unwrap().unwrap_err();
    }
}

async fn a_board_that_is_reset_ends_what_waits_and_asks_again() {
    let (_board, logger, store) = start().await;
    let call = waiting(&logger, &store).await;
    soon("a reset", logger.device().reset()).await.unwrap();
    let error = soon("an error", call).await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Reset), "{error:?}");
    ended(&store, 1).await;
    assert_eq!(store.of("setup"), [0.5, 0.5], "the setups have asked again");
    assert_eq!(logger.measure("after", 3).await.unwrap(), 3);
    logger.close().await.unwrap();
}

async fn a_session_that_comes_back_asks_again() {
    let mut board = Board::unix().start().await.expect("a board");
    let store = Arc::new(Store::default());
    // The board comes back under another port name.
    let folder = tempfile::tempdir().unwrap();
    let port = folder.path().join("port");
    std::os::unix::fs::symlink(board.port(), &port).unwrap();
    let connecting = LoggerDevice::builder(port.to_str().unwrap())
        .reconnect(belay::ReconnectPolicy::attempts(20))
        .host(Arc::clone(&store))
        .connect();
    let logger = soon("connecting", connecting).await.unwrap();
    let call = waiting(&logger, &store).await;
    board.vanish().unwrap();
    let error = soon("an error", call).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("lost"), "{error:?}");
    ended(&store, 1).await;
    std::fs::remove_file(&port).unwrap();
    std::os::unix::fs::symlink(board.appear().unwrap(), &port).unwrap();
    let session = logger.device().session();
    session.connection(PATIENCE).await.expect("it comes back");
    assert_eq!(logger.measure("after", 3).await.unwrap(), 3);
    logger.close().await.unwrap();
}
