use belay::prelude::*;

trait Mixin {
    fn label(&self) -> String;
}

#[belay::device]
trait Board: Mixin {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn read(&self) -> Result<u8>;
}

fn main() {}
