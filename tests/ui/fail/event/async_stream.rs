#![allow(unused_imports)]

use belay::prelude::*;

#[belay::device]
trait Door {
    #[event]
    async fn moved(&self) -> impl Stream<Item = Result<bool>>;
}

fn main() {}
