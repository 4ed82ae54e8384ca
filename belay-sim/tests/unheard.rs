//! Output without a listener. This test is the only one of its program: a child process that another test started at
//! the wrong moment would inherit the port, and keep it open a little longer than the client.

mod common;

use belay_sim::Board;
use common::Client;

#[test]
fn what_nobody_hears_is_lost() {
    let board = Board::unix().start_blocking().expect("the unix board starts");
    let mut first = Client::raw(board.port());
    // Files tell the board when to print, and the test when this is done. The board prints more than any buffer holds,
    // so that by then the first part must have been discarded while nobody listened.
    first.send(
        b"import os, time\nprint('waiting')\nwhile 'go' not in os.listdir(): time.sleep_ms(1)\n\
          print('unheard')\nfor i in range(300): print('x' * 1000)\nopen('done', 'w').close()\x04",
    );
    first.until(b"waiting\r\n");
    drop(first);
    std::fs::write(board.directory().join("go"), "").expect("writable");
    common::eventually("the board prints", || board.directory().join("done").exists());
    let mut second = Client::open(board.port());
    second.send(b"\x01");
    let seen = second.until(common::RAW);
    assert!(!String::from_utf8_lossy(&seen).contains("unheard"));
}
