//! What servers and users of boards elsewhere say to each other: whatever comes is refused, or read as what is written the
//! same, and no name of a board leads anywhere else.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize};

// The module itself, without its crate: that would bring Zenoh along, of which nothing is fuzzed here.
#[allow(dead_code, reason = "some of it is for who serves boards, some for who uses them")]
#[path = "../../belay-fleet/src/wire.rs"]
mod wire;

/// What the module knows of its crate.
#[derive(Debug)]
enum FleetError {
    Name(String),
    Network(String),
}

impl FleetError {
    fn network(error: impl std::fmt::Display) -> Self {
        Self::Network(error.to_string())
    }
}

/// That what is read is written as what is read as the same.
fn is_read_again<T: Serialize + for<'a> Deserialize<'a>>(bytes: &[u8]) {
    let Some(what) = wire::read::<T>(bytes) else { return };
    assert!(bytes.len() <= wire::MOST_SAID);
    let written = wire::write(&what);
    // Some signs are longer when they are written.
    if written.len() <= wire::MOST_SAID {
        let again = wire::read::<T>(&written).expect("it is read again");
        assert_eq!(wire::write(&again), written);
    }
}

fuzz_target!(|came: &[u8]| {
    if let Some(piece) = wire::Piece::read(came) {
        assert!(piece == wire::Piece::End || piece.write() == came);
        assert_eq!(wire::Piece::read(&piece.write()), Some(piece));
    }
    is_read_again::<wire::Question>(came);
    is_read_again::<wire::Answer>(came);
    let Ok(text) = std::str::from_utf8(came) else { return };
    if let Some(board) = wire::board(text) {
        assert_eq!(board, text);
        let names: Vec<&str> = board.split('/').collect();
        let ["belay", host, name] = names[..] else { panic!("{names:?}") };
        assert!(matches!(wire::key(host, name), Ok(key) if key == board));
    }
    match text.split_once('/').map(|(host, name)| wire::key(host, name)) {
        Some(Ok(key)) => assert_eq!(wire::board(&key), Some(&*key)),
        Some(Err(FleetError::Name(wrong))) => assert!(wrong.chars().count() <= 64),
        Some(Err(FleetError::Network(why))) => panic!("{why}"),
        None => {}
    }
});
