//! Whatever a WebSocket server sends, however it is split: memory does not grow, and the result does not depend on the
//! split.

#![no_main]

use belay_runtime::transport::net::{Codec, WebSocket};
use libfuzzer_sys::fuzz_target;

fn decoded(came: &[u8], cut: usize) -> (Vec<u8>, Vec<u8>, bool) {
    let mut socket = WebSocket::new(7);
    let (mut data, mut replies) = (Vec::new(), Vec::new());
    let failed = came
        .chunks(cut)
        .any(|piece| socket.decode(piece, &mut data, &mut replies).is_err());
    (data, replies, failed)
}

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (cut, came) = input;
    let whole = decoded(&came, came.len().max(1));
    assert!(whole.0.len() <= came.len() && whole.1.len() <= 4 * came.len());
    assert_eq!(whole, decoded(&came, usize::from(cut).max(1)));
});
