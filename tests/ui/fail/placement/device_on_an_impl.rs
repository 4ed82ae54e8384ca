#![allow(unused_imports)]

use belay::prelude::*;

struct Board;

#[belay::device]
impl Board {
    fn pin(&self) -> u8 {
        25
    }
}

fn main() {
    Board.pin();
}
