use belay::prelude::*;

#[belay::device]
trait Board {
    #[doc = include_str!("read.py")]
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
