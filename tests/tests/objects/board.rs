//! What differs from board to board.

use super::*;

#[belay::device]
trait Small {
    /// ```python
    /// return [1]
    /// ```
    #[task]
    async fn list(&self) -> Result<Remote>;

    /// ```python
    /// yield [1]
    /// ```
    #[task]
    fn lists(&self) -> impl Stream<Item = Result<Remote>>;
}

#[tokio::test]
async fn a_board_of_a_few_kilobytes_says_that_it_keeps_no_objects() {
    let board = Board::unix().heap_kb(40).start().await.unwrap();
    let small = SmallDevice::connect(board.port()).await.unwrap();
    let unsupported = |error: Error| {
        assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error:?}");
        assert!(
            error.to_string().contains("keeping objects on the board"),
            "{error}"
        );
    };
    unsupported(small.list().await.unwrap_err());
    unsupported(small.lists().try_next().await.unwrap_err());
    unsupported(small.execute_as::<Remote>("[1]").await.unwrap_err());
    assert_eq!(small.execute_as::<Vec<u8>>("[1]").await.unwrap(), [1]);
    small.close().await.unwrap();
}

#[tokio::test]
async fn circuitpython_keeps_objects() {
    let board = Board::circuitpython_like().start().await.unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    let list: Remote = device.execute_as("[0.1, 2]").await.unwrap();
    list.call::<()>("append", ("x",)).await.unwrap();
    assert_eq!(list.len().await.unwrap(), 3);
    let both: (Remote, f32) = device.execute_as("(object(), 0.25)").await.unwrap();
    assert!(both.0.repr().await.unwrap().contains("object"));
    assert_eq!(both.1.to_bits(), 0.25_f32.to_bits());
    device.close().await.unwrap();
}

#[tokio::test]
async fn single_precision_keeps_all_bits_beside_an_object() {
    let board = Board::unix_single().start().await.unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    let third = (1.0_f32 / 3.0).to_bits();
    let (object, value): (Remote, f32) = device.execute_as("(object(), 1 / 3)").await.unwrap();
    assert!(object.repr().await.unwrap().contains("object"));
    assert_eq!(value.to_bits(), third);
    let numbers: Remote = device.execute_as("[1 / 3] * 9").await.unwrap();
    let numbers: Vec<f32> = numbers.value().await.unwrap();
    assert!(numbers.iter().all(|number| number.to_bits() == third));
    device.close().await.unwrap();
}
