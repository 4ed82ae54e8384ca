use belay::prelude::*;

type Reading = Result<f64>;

#[belay::device]
trait Board {
    /// ```python
    /// print(5)
    /// ```
    #[task]
    async fn read(&self) -> Reading;
}

fn main() {}
