use belay::prelude::*;

#[belay::device]
trait Board {
    /// Reads the sensor, which takes a while.
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
