//! Wrong uses, and what is said of them.

use crate::harness::{Desk, command, said};

#[test]
fn what_cannot_be_done_is_said_with_what_to_do() {
    let desk = Desk::new();
    assert!(
        desk.belay(["fs", "cat", ":nope"])
            .bad(1)
            .contains("there is no `/nope`")
    );
}

#[test]
fn without_a_board_the_ways_to_name_one_are_told() {
    let here = std::env::temp_dir();
    let text = said(command(&here, ["-p", "/dev/no-such-port", "info"]), "").bad(3);
    assert!(
        text.contains("there is no port") && text.contains("belay ports"),
        "{text}"
    );
}
