#![allow(unused_imports)]

use belay::prelude::*;

#[belay::device]
trait Board {
    const PIN: u8;
}

fn main() {}
