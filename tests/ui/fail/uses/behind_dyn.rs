use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn read(&self) -> Result<u8>;
}

async fn read(board: &dyn Board) -> Result<u8> {
    board.read().await
}

fn main() {}
