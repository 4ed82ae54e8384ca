//! Output without a listener. The test is alone in its program: a process that another test starts at the
//! wrong moment would keep the port open a little longer than the client does.

mod common;

use belay_sim::Board;
use common::Client;

#[test]
fn what_nobody_hears_is_lost() {
    let board = Board::unix().start_blocking().expect("the unix board starts");
    let mut first = Client::raw(board.port());
    // Files tell the board when to print and us when it has done so. What it prints is more than any buffer holds, so
    // that what comes first has been taken from it, while nobody is there, before it is done.
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
