use belay::prelude::*;

#[belay::device]
trait Door {
    /// ```python
    /// print("moved")
    /// ```
    #[event]
    fn moved(&self) -> impl Stream<Item = Result<bool>>;
}

fn main() {}
