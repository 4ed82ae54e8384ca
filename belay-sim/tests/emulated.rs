//! The boards that QEMU emulates, each with its peculiarities.

mod common;

use std::time::Duration;

use belay_sim::Board;
use common::{Client, RAW, Watched, one_emulator};

#[test]
fn mps2_runs_code_and_speaks_raw_paste() {
    let _one = one_emulator();
    let board = Board::mps2().start_blocking().expect("the mps2 board starts");
    let mut client = Client::raw(board.port());
    assert_eq!(client.exec("print(6 * 7)"), "42\r\n");
    client.send(b"\x05A\x01");
    client.until(b"R\x01\x80\x00\x01");
    client.send(b"print('pasted')\x04");
    client.until(b"\x04pasted\r\n\x04\x04>");
    assert!(client.run("import time").1.contains("ImportError"));
}

#[test]
fn mps2_ignores_ctrl_c() {
    let _one = one_emulator();
    let mut board = Board::mps2().start_blocking().expect("the mps2 board starts");
    let mut client = Client::raw(board.port());
    client.send(b"print('go')\nwhile True: pass\x04");
    client.until(b"go\r\n");
    client.send(b"\x03");
    assert_eq!(client.within(Duration::from_millis(300)), b"");
    board.restart().expect("restarts");
    client.until(b">>> ");
}

#[test]
fn mps2_takes_its_port_away_when_it_resets() {
    let _one = one_emulator();
    let board = Board::mps2().start_blocking().expect("the mps2 board starts");
    let mut client = Client::raw(board.port());
    client.send(b"import machine\nmachine.reset()\x04");
    client.until_gone();
}

#[test]
#[cfg(feature = "cli")]
fn mps2_ends_with_the_program_that_holds_it() {
    let _one = one_emulator();
    let mut holder = common::Holder::start(&["mps2"]);
    let boards = holder.children();
    assert_eq!(boards.len(), 1);
    holder.child.kill().expect("it runs");
    assert!(boards[0].has_ended_within(common::DEADLINE));
}

#[test]
fn microbit_knows_no_raw_paste_and_resets_softly() {
    let _one = one_emulator();
    let board = Board::microbit()
        .start_blocking()
        .expect("the microbit board starts");
    let process = Watched::new(board.process_id());
    let mut client = Client::raw(board.port());
    assert_eq!(client.exec("print(6 * 7)"), "42\r\n");
    client.send(b"\x05A\x01");
    client.until(RAW);
    assert!(client.run("import json").1.contains("ImportError"));
    client.send(b"print('go')\nwhile True: pass\x04");
    client.until(b"go\r\n");
    client.send(b"\x03");
    assert!(client.outcome().1.contains("KeyboardInterrupt"));
    client.send(b"\x04");
    let text = client.until(RAW);
    assert!(String::from_utf8_lossy(&text).starts_with("OK\r\nsoft reboot\r\n"));
    drop(board);
    assert!(process.has_ended_within(Duration::ZERO));
}
