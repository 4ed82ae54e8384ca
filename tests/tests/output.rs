//! A subscriber gets everything that the board's programs print, and nothing of the protocol.

use std::fs::OpenOptions;
use std::io::Write as _;

use belay::{Device, DeviceOutput, Output};
use belay_runtime::link::{Link, LinkOptions};
use belay_runtime::transport::{Address, Connector};
use belay_sim::Board;
use belay_tests::{CallPath, soon, unix};

/// The last text, so that the tests know when the output is complete.
const LAST: &str = "that is all";

async fn connected(board: &Board, path: CallPath) -> Device {
    let builder = Device::builder(board.port()).call_path(path);
    soon("the connection", builder.connect()).await.unwrap()
}

/// All output, up to [`LAST`].
async fn heard(mut output: DeviceOutput) -> String {
    let mut heard = Vec::new();
    while let Some(piece) = soon("the end of the output", output.next()).await {
        match piece {
            Output::Bytes(bytes) => heard.extend_from_slice(&bytes),
            lost @ Output::Overflow(_) => panic!("{lost}"),
        }
    }
    String::from_utf8_lossy(&heard).replace('\r', "")
}

/// The words of an output without those of the thread, which can print in the middle of a line where no lock is held.
fn but_for_ticks(heard: &str) -> String {
    let others = heard.replace("tick", " ");
    others.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A board whose `boot.py` prints something, and optionally starts a thread that prints.
async fn booting(ticks: bool) -> Board {
    let thread = "import _thread, time, sys\ndef f():\n while 1:\n  sys.stdout.write('tick\\n')\n  time.sleep_ms(3)\n\
                  _thread.start_new_thread(f, ())\n";
    let thread = if ticks { thread } else { "" };
    let boot = format!("import sys\nsys.stdout.write('OK\\nboot says this\\n')\n{thread}");
    Board::unix().file("boot.py", boot).start().await.unwrap()
}

async fn after_a_reset_a_subscriber_has_what_boot_py_prints_and_nothing_else(path: CallPath) {
    let board = booting(false).await;
    let device = connected(&board, path).await;
    let output = device.output();
    device.reset().await.unwrap();
    device.reset().await.unwrap();
    device
        .execute_as::<()>(&format!("print('{LAST}')"))
        .await
        .unwrap();
    device.close().await.unwrap();
    let boot = "OK\nboot says this\n";
    assert_eq!(heard(output).await, format!("{boot}{boot}{LAST}\n"));
}

async fn a_thread_that_prints_is_heard_over_a_reset_and_nothing_else_is(path: CallPath) {
    let board = booting(true).await;
    let device = connected(&board, path).await;
    let output = device.output();
    device.reset().await.unwrap();
    device.close().await.unwrap();
    let heard = heard(output).await;
    assert!(heard.contains("tick\n"), "{heard}");
    assert_eq!(but_for_ticks(&heard), "OK boot says this", "{heard:?}");
}

async fn whoever_listens_as_soon_as_there_is_a_link_hears_nothing_of_how_it_was_made(path: CallPath) {
    let board = unix().await;
    let connector = Connector::from(board.port().parse::<Address>().unwrap());
    // The first connection may still receive what the board prints when it starts.
    connected(&board, path).await.close().await.unwrap();
    for _ in 0..2 {
        let options = LinkOptions::default().with_call_path(path);
        let link = soon("the link", Link::connect(&connector, options))
            .await
            .unwrap();
        let mut output = link.output();
        link.close().await.unwrap();
        let heard = soon("the end of the output", output.next()).await;
        assert!(heard.is_none(), "{heard:?}");
    }
}

async fn of_calls_and_a_close_a_subscriber_has_what_was_printed_and_nothing_else(path: CallPath) {
    let board = unix().await;
    let device = connected(&board, path).await;
    let output = device.output();
    for word in ["one", "two"] {
        device
            .execute_as::<()>(&format!("print('{word}')"))
            .await
            .unwrap();
    }
    device
        .execute_as::<()>("raise ValueError('three')")
        .await
        .unwrap_err();
    device.close().await.unwrap();
    assert_eq!(heard(output).await, "one\ntwo\n");
}

async fn a_board_that_somebody_took_out_of_its_work_comes_back_without_a_word(path: CallPath) {
    for ticks in [false, true] {
        let board = booting(ticks).await;
        let device = connected(&board, path).await;
        let output = device.output();
        let mut port = OpenOptions::new().write(true).open(board.port()).unwrap();
        for word in ["one", "two", "three"] {
            // What another tool sends to interrupt a program.
            port.write_all(b"\x03\r").unwrap();
            device
                .execute(&format!("import sys\nsys.stdout.write('{word}\\n')"))
                .await
                .unwrap();
        }
        device.close().await.unwrap();
        // Where the Ctrl-C comes between a reply and the prompt after it, the REPL itself prints this.
        let heard = heard(output).await.replace("KeyboardInterrupt: ", " ");
        assert_eq!(but_for_ticks(&heard), "one two three", "{ticks}: {heard:?}");
    }
}

async fn a_board_that_restarts_by_itself_is_heard_without_what_it_is_asked_then(path: CallPath) {
    let mut board = booting(false).await;
    let device = connected(&board, path).await;
    let output = device.output();
    board.restart().unwrap();
    // This call may fail: it is how the device notices the restart.
    let _ = device.execute("1").await;
    device.reset().await.unwrap();
    device.close().await.unwrap();
    let heard = heard(output).await;
    for ours in [
        "belay",
        "raw REPL",
        "Traceback",
        "\x04",
        "getattr",
        ">>> _",
        "paste mode",
    ] {
        assert!(!heard.contains(ours), "{heard:?}");
    }
    assert_eq!(heard.matches("boot says this\n").count(), 2, "{heard:?}");
}

belay_tests::on_both_runtimes! { over both paths:
    after_a_reset_a_subscriber_has_what_boot_py_prints_and_nothing_else
    a_thread_that_prints_is_heard_over_a_reset_and_nothing_else_is
    of_calls_and_a_close_a_subscriber_has_what_was_printed_and_nothing_else
    whoever_listens_as_soon_as_there_is_a_link_hears_nothing_of_how_it_was_made
    a_board_that_somebody_took_out_of_its_work_comes_back_without_a_word
    a_board_that_restarts_by_itself_is_heard_without_what_it_is_asked_then
}
