//! Host code is written against the trait, so that a double can stand in for the board.

use belay::prelude::*;
use futures_util::{StreamExt as _, stream};
use mockall::automock;

/// What the host code needs of a board.
#[belay::device]
#[automock]
pub trait Scale {
    /// ```python
    /// return 12 / times
    /// ```
    #[task]
    async fn grams(&self, times: u32) -> Result<f64>;

    /// ```python
    /// yield times
    /// ```
    #[task]
    fn samples(&self, times: u32) -> impl Stream<Item = Result<u32>>;
}

async fn mean(scale: &impl Scale) -> Result<f64> {
    Ok(f64::midpoint(scale.grams(1).await?, scale.grams(2).await?))
}

/// A fake without mockall, with plain `async fn`s.
struct Fake;

impl Scale for Fake {
    async fn grams(&self, times: u32) -> Result<f64> {
        Ok(f64::from(times))
    }

    fn samples(&self, times: u32) -> impl Stream<Item = Result<u32>> {
        stream::iter((0..times).map(Ok))
    }
}

#[tokio::test]
async fn a_mock_stands_in_for_the_board() {
    let mut scale = MockScale::new();
    scale
        .expect_grams()
        .returning(|times| Box::pin(async move { Ok(10.0 * f64::from(times)) }));
    assert!((mean(&scale).await.expect("a mean") - 15.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_fake_stands_in_for_the_board() {
    assert!((mean(&Fake).await.expect("a mean") - 1.5).abs() < f64::EPSILON);
    let samples: Vec<_> = Fake.samples(3).map(Result::unwrap).collect().await;
    assert_eq!(samples, [0, 1, 2]);
}
