use belay::prelude::*;

#[belay::device]
trait Door {
    /// ```python
    /// moved = 0
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    #[event]
    fn moved(&self) -> impl Stream<Item = Result<bool>>;
}

fn main() {}
