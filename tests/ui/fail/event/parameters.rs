use belay::prelude::*;

#[belay::device]
trait Door {
    #[event]
    fn moved(&self, _open: bool) -> impl Stream<Item = Result<bool>>;
}

fn main() {}
