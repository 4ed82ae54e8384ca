use belay::prelude::*;

#[belay::device]
trait Board {
    /// Reads.
    ///
    /// ```circuitpython
    /// return 1
    /// ```
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
