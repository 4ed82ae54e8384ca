//! Programs can open, close and share the port.

mod common;

use std::{thread, time::Duration};

use belay_sim::Board;
use common::{Client, Watched};

fn board() -> Board {
    Board::unix().start_blocking().expect("the unix board starts")
}

#[test]
fn a_second_client_may_open_the_port_after_the_first_has_closed_it() {
    let board = board();
    for _ in 0..20 {
        let mut client = Client::raw(board.port());
        assert_eq!(client.exec("print(1)"), "1\r\n");
    }
}

#[test]
fn an_exclusive_lock_ends_with_the_client_that_took_it() {
    let board = board();
    let mut first = Client::raw(board.port());
    first.lock();
    let path = board.port();
    assert!(common::is_locked(path), "the lock keeps others out");
    first.exec("print(1)");
    drop(first);
    common::eventually("the lock goes", || !common::is_locked(path));
    Client::raw(path).exec("print(1)");
}

#[test]
fn who_stays_hears_the_board_however_many_came_at_the_same_time_and_left() {
    let board = board();
    for _ in 0..5 {
        let mut first = Client::raw(board.port());
        first.send(b"import time\ntime.sleep_ms(300)\nprint('e' + 'nd')\n\x04");
        // If clients open the port at the same time, the kernel reports fewer events than there are clients.
        let mut others: Vec<_> = (0..8).map(|_| Client::open(board.port())).collect();
        let last = others.pop();
        others.push(first);
        for one in others {
            drop(one);
            thread::sleep(Duration::from_millis(5));
        }
        last.expect("one who stays").until(b"end");
    }
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_line_does_not_confuse_the_next() {
    let board = board();
    let mut first = Client::raw(board.port());
    first.send(b"print('unfin");
    drop(first);
    let mut second = Client::raw(board.port());
    assert_eq!(second.exec("print(2)"), "2\r\n");
}

#[test]
fn a_board_that_vanishes_hangs_up_and_comes_back_under_another_name() {
    let mut board = board();
    let old = board.port().to_owned();
    let mut client = Client::raw(&old);
    client.exec("x = 5");
    board.vanish().expect("vanishes");
    client.until_gone();
    board.appear().expect("appears");
    assert_ne!(board.port(), old);
    let mut client = Client::raw(board.port());
    assert_eq!(client.exec("print(x)"), "5\r\n");
}

#[test]
fn nobody_gets_the_name_of_a_port_that_was_unplugged() {
    let unplugged = board();
    let old = unplugged.port().to_owned();
    unplugged.vanish().expect("vanishes");
    let others: Vec<Board> = (0..4).map(|_| board()).collect();
    assert!(
        others.iter().all(|other| other.port() != old),
        "who waits for it would take another for it"
    );
}

#[test]
fn dropping_a_board_ends_its_process_and_its_port() {
    let board = board();
    let (process, port) = (Watched::new(board.process_id()), board.port().to_owned());
    let mut client = Client::raw(&port);
    drop(board);
    assert!(process.has_ended_within(Duration::ZERO));
    client.until_gone();
}

#[test]
fn a_panic_ends_the_board() {
    let board = board();
    let process = Watched::new(board.process_id());
    let failing = thread::spawn(move || {
        let _board = board;
        panic!("as a failing test would");
    });
    assert!(failing.join().is_err());
    assert!(process.has_ended_within(Duration::ZERO));
}

#[test]
#[cfg(feature = "cli")]
fn killing_the_program_that_holds_a_board_ends_the_board() {
    let mut holder = common::Holder::start(&["unix"]);
    let mut client = Client::raw(&holder.port);
    client.send(b"print('go')\nwhile True: pass\x04");
    client.until(b"go\r\n");
    let boards = holder.children();
    assert_eq!(boards.len(), 1, "the program holds one board");
    holder.child.kill().expect("it runs");
    holder.child.wait().expect("it was killed");
    assert!(boards[0].has_ended_within(common::DEADLINE));
    client.until_gone();
}

#[test]
#[cfg(feature = "cli")]
fn ctrl_c_ends_the_program_and_removes_the_boards_files() {
    let mut holder = common::Holder::start(&["unix"]);
    let boards = holder.children();
    holder.interrupt();
    assert!(holder.child.wait().expect("it ends").success());
    assert!(boards[0].has_ended_within(common::DEADLINE));
    let prefix = format!("belay-board-{}-", holder.child.id());
    let left = std::fs::read_dir(std::env::temp_dir())
        .expect("there is one")
        .flatten();
    assert_eq!(
        left.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
            .count(),
        0
    );
}

#[tokio::test]
async fn starting_can_be_awaited() {
    let board = Board::unix().start().await.expect("starts");
    Client::raw(board.port()).exec("print(1)");
}

#[test]
#[cfg(feature = "cli")]
fn a_micropython_that_is_none_is_refused_with_a_reason() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_belay-sim"))
        .arg("unix")
        .env("BELAY_MICROPYTHON", "/bin/true")
        .output()
        .expect("runs");
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("BELAY_MICROPYTHON is /bin/true, which is no MicroPython"),
        "{text}"
    );
}

#[test]
fn a_heap_in_which_nothing_fits_is_refused() {
    let error = Board::unix().heap_kb(8).start_blocking().expect_err("too small");
    assert_eq!(
        error.to_string(),
        "a heap of 8 KB is too small for a board; 16 KB is the least"
    );
    let board = Board::unix().heap_kb(16).start_blocking().expect("just enough");
    assert_eq!(Client::raw(board.port()).exec("print(1)"), "1\r\n");
}
