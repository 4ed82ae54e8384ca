use belay::prelude::*;

#[belay::device]
trait Door {
    #[event(name = "moves")]
    fn moved(&self) -> impl Stream<Item = Result<bool>>;
}

fn main() {}
