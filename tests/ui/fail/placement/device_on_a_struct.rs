#![allow(unused_imports)]

use belay::prelude::*;

#[belay::device]
struct Board {
    pin: u8,
}

fn main() {
    let _ = Board { pin: 25 }.pin;
}
