use belay::prelude::*;

#[belay::device]
trait Door {
    #[event]
    async fn moved(&self) -> Result<bool>;
}

fn main() {}
