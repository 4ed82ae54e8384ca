//! Threads on the board that ask.

use super::*;

on_both_runtimes! {
    a_thread_asks_while_the_board_is_idle_and_while_it_is_busy
    a_thread_that_waits_for_the_host_can_be_stopped
}

async fn a_thread_asks_while_the_board_is_idle_and_while_it_is_busy() {
    let (_board, logger, store) = start().await;
    let handle = logger.background(20).await.unwrap();
    assert_eq!(logger.measure("main", 20).await.unwrap(), 20);
    soon("the thread's end", handle.join()).await.unwrap();
    let all: Vec<f64> = (0..20).map(f64::from).collect();
    assert_eq!(store.of("thread"), all);
    assert_eq!(store.of("main").len(), 20);
    logger.close().await.unwrap();
}

async fn a_thread_that_waits_for_the_host_can_be_stopped() {
    let (_board, logger, store) = start().await;
    let handle = logger.stuck().await.unwrap();
    soon("the host function to begin", store.begun.notified()).await;
    assert_eq!(
        logger.add(1, 2).await.unwrap(),
        3,
        "the board takes calls meanwhile"
    );
    soon("the thread's end", handle.stop(PATIENCE)).await.unwrap();
    logger.close().await.unwrap();
}
