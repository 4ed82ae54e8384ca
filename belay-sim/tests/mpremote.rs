//! MicroPython's own tool can use the port like that of a board. `cargo xtask test` installs it.

mod common;

use std::{env, fs, process::Command};

use belay_sim::Board;

/// Runs mpremote on a board and returns what it prints.
fn mpremote(board: &Board, arguments: &[&str]) -> String {
    let program = env::var_os("BELAY_MPREMOTE").expect(
        "this test needs mpremote, which `cargo xtask test` installs; or set BELAY_MPREMOTE to the path of yours",
    );
    let output = Command::new(program)
        .args(["connect", board.port()])
        .args(arguments)
        .output()
        .expect("mpremote can be run");
    let (text, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "mpremote {arguments:?} failed:\n{text}\n{errors}"
    );
    text.into_owned()
}

#[test]
fn mpremote_executes_copies_lists_and_resets() {
    let board = Board::unix().start_blocking().expect("the unix board starts");
    assert_eq!(mpremote(&board, &["exec", "print(1)"]), "1\r\n");
    assert_eq!(mpremote(&board, &["eval", "6 * 7"]), "42\r\n");
    let local = tempfile::tempdir().expect("a directory");
    let path = local.path().join("here.txt");
    fs::write(&path, "from the host").expect("writable");
    mpremote(&board, &["fs", "cp", path.to_str().expect("text"), ":there.txt"]);
    let list = mpremote(&board, &["fs", "ls"]);
    assert!(list.contains("there.txt"), "{list}");
    assert_eq!(mpremote(&board, &["fs", "cat", ":there.txt"]), "from the host");
    mpremote(&board, &["exec", "kept = 1"]);
    mpremote(&board, &["soft-reset"]);
    assert_eq!(
        mpremote(&board, &["exec", "print('kept' in globals())"]),
        "False\r\n"
    );
    // After a hard reset the port is still there.
    mpremote(&board, &["reset"]);
    assert_eq!(mpremote(&board, &["exec", "print(2)"]), "2\r\n");
}
