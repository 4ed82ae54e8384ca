//! Whatever a Telnet server sends, however it is split: memory does not grow, the result does not depend on the split,
//! and what is sent can be read back by the same rules.

#![no_main]

use belay_runtime::transport::net::{Codec, Telnet};
use libfuzzer_sys::fuzz_target;

fn decoded(came: &[u8], cut: usize) -> (Vec<u8>, Vec<u8>) {
    let mut telnet = Telnet::with_port();
    telnet.begin(&mut Vec::new());
    let (mut data, mut replies) = (Vec::new(), Vec::new());
    for piece in came.chunks(cut) {
        telnet
            .decode(piece, &mut data, &mut replies)
            .expect("it takes everything");
        let _ = (telnet.is_settled(), telnet.is_held());
    }
    (data, replies)
}

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (cut, came) = input;
    let whole = decoded(&came, came.len().max(1));
    assert!(whole.0.len() <= came.len() && whole.1.len() <= came.len());
    assert_eq!(whole, decoded(&came, usize::from(cut).max(1)));

    let mut sent = Vec::new();
    Telnet::new().encode(&came, &mut sent);
    let (mut arrived, mut replies) = (Vec::new(), Vec::new());
    Telnet::new()
        .decode(&sent, &mut arrived, &mut replies)
        .expect("it takes everything");
    assert_eq!((arrived, replies), (came, Vec::new()));
});
