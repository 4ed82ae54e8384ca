use belay::prelude::*;

#[belay::device]
trait Board {
    /// Reads.
    #[task(file = "src/no_such_file.py")]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
