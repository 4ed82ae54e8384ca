use belay::prelude::*;

#[belay::device]
trait Board {
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
