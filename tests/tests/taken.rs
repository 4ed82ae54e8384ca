//! Bodies and threads that read bytes that the link has sent to the agent: it is noticed and reported.

use std::time::Duration;

use belay::prelude::*;
use belay::{CallPath, Device};
use belay_runtime::ErrorKind;
use belay_sim::{Board, Direction, Fault};
use belay_tests::{connected_with, on_both_runtimes, soon};

/// A board with bodies that read from `sys.stdin`.
#[belay::device]
trait Reader {
    /// Reads more than one line of the host's. (If it left only the end of a line, the prompt would take that for a
    /// reset.)
    ///
    /// ```python
    /// import sys
    /// getattr(sys, "std" + "in").read(36)
    /// ```
    #[task]
    async fn eat(&self) -> Result<()>;

    /// ```python
    /// return a + b
    /// ```
    #[task]
    async fn add(&self, a: i32, b: i32) -> Result<i32>;

    /// ```python
    /// return text
    /// ```
    #[task]
    async fn echo(&self, text: &str) -> Result<String>;
}

/// Reads from `sys.stdin` in a way that cannot be seen in the source.
const READ: &str = "import sys\nread = getattr(sys, 'std' + 'in').read\n";

async fn connected(path: CallPath) -> (Board, Device) {
    connected_with(|builder| builder.call_path(path)).await
}

fn tells_of_it(error: &Error) {
    assert!(matches!(error.kind(), ErrorKind::LineRead), "{error:?}");
    assert!(format!("{error:?}").contains("sys.stdin"), "{error:?}");
}

async fn works(device: &Device) {
    let printed = soon("a call", device.execute("print(6 * 7)")).await;
    assert_eq!(printed.unwrap().trim(), "42");
}

async fn a_body_that_reads_any_part_of_what_is_sent_is_told(path: CallPath) {
    let parts: &[usize] = match path {
        // Bytes before a ping's source, some of that source, all of it but its end, and more.
        CallPath::RawRepl => &[1, 2, 3, 16, 29, 30, 31, 32, 33, 34, 35, 50],
        _ => &[1, 5, 31, 32, 33, 64, 75],
    };
    for part in parts {
        let body = format!("{READ}print(read({part}))");
        let mut tries = 0..10;
        loop {
            let (_board, device) = connected(path).await;
            let read = soon("an end", device.execute(&body)).await;
            // The loss of one byte is noticed only where the body is seen to end as soon as the byte arrives.
            if *part == 1 && read.is_ok() && tries.next().is_some() {
                continue;
            }
            tells_of_it(&read.unwrap_err());
            // If only the end of a ping is left, it makes the prompt reset the board; some pings begin two bytes
            // earlier.
            if path == CallPath::RawRepl && (31..=33).contains(part) {
                soon("a reset", device.reset()).await.unwrap();
            }
            works(&device).await;
            device.close().await.unwrap();
            break;
        }
    }
}

async fn a_body_that_reads_all_that_is_there_is_told(path: CallPath) {
    let (_board, device) = connected(path).await;
    let body = format!(
        "{READ}import select, time\npoll = select.poll()\npoll.register(sys.stdin, 1)\nfor _ in range(25):\n \
         while poll.poll(0): read(1)\n time.sleep_ms(10)\nprint('done')"
    );
    for _ in 0..2 {
        let error = soon("an error", device.execute(&body)).await.unwrap_err();
        tells_of_it(&error);
        works(&device).await;
    }
    device.close().await.unwrap();
}

async fn a_reader_is_told_after_a_body_that_raised_what_a_ctrl_c_does(path: CallPath) {
    let (_board, device) = connected(path).await;
    let reader = ReaderDevice::attach(&device).await.unwrap();
    let raised = soon("an end", device.execute("raise KeyboardInterrupt")).await;
    assert!(
        matches!(raised, Err(ref error) if matches!(error.kind(), ErrorKind::Interrupted)),
        "{raised:?}"
    );
    tells_of_it(&soon("an end", reader.eat()).await.unwrap_err());
    works(&device).await;
    device.close().await.unwrap();
}

#[tokio::test]
async fn a_byte_of_a_ping_that_is_typed_is_not_worth_an_answer() {
    let (board, device) = connected(CallPath::RawRepl).await;
    no_byte_of_a_ping_costs_an_answer(&board, &device).await;
    device.close().await.unwrap();
}

/// Over the raw REPL each ping is typed. No lost byte of a ping costs the call's answer, not even the byte that ends
/// the source.
async fn no_byte_of_a_ping_costs_an_answer(board: &Board, device: &Device) {
    let mut request = u64::MAX;
    for _ in 0..3 {
        let before = board.cable().carried(Direction::ToBoard);
        device.execute("import time\ntime.sleep(0.00)").await.unwrap();
        request = request.min(board.cable().carried(Direction::ToBoard) - before);
    }
    for at in [0, 1, 16].into_iter().chain(28..40) {
        let drop = board.cable().once(Direction::ToBoard, request + at, Fault::Drop);
        drop.unwrap();
        let slept = soon("a call", device.execute("import time\ntime.sleep(0.33)")).await;
        slept.unwrap_or_else(|error| panic!("{at}: {error:?}"));
        board.cable().heal().unwrap();
    }
}

#[tokio::test]
async fn a_ctrl_c_that_the_line_makes_of_a_byte_of_a_request_is_not_taken_for_a_reader() {
    let (board, device) = connected(CallPath::Agent).await;
    let reader = ReaderDevice::attach(&device).await.unwrap();
    assert_eq!(reader.add(1, 2).await.unwrap(), 3);
    let text = "CCCCCCCCCC";
    assert_eq!(reader.echo(text).await.unwrap(), text);
    let request = 32;
    // The delays make sure that the first call has ended when the rest of the second request comes, of which the agent
    // has read a part; and that what follows the Ctrl-C comes after it has been handled.
    for (at, fault) in [
        (4, Fault::Delay(Duration::from_secs(1))),
        (12, Fault::Flip(b'C' ^ 3)),
        (13, Fault::Delay(Duration::from_millis(1_500))),
    ] {
        board
            .cable()
            .once(Direction::ToBoard, request + at, fault)
            .unwrap();
    }
    let (added, said) = soon("both ends", async {
        tokio::join!(reader.add(1, 2), reader.echo(text))
    })
    .await;
    assert_eq!((added.unwrap(), said.unwrap().as_str()), (3, text));
    device.close().await.unwrap();
}

async fn the_input_of_builtins_is_told(path: CallPath) {
    let (_board, device) = connected(path).await;
    let body = "import builtins\nprint(getattr(builtins, 'inp' + 'ut')())";
    let error = soon("an error", device.execute(body)).await.unwrap_err();
    tells_of_it(&error);
    works(&device).await;
    device.close().await.unwrap();
}

async fn a_body_that_waits_for_a_line_is_told_when_its_time_is_over(path: CallPath) {
    let second = Duration::from_secs(1);
    let (_board, device) = connected_with(|builder| builder.call_path(path).timeout(second)).await;
    for (reads, body) in [(true, "while True: read(1)"), (false, "while True: pass")] {
        let body = format!("{READ}{body}");
        let error = soon("an error", device.execute(&body)).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Timeout { .. }), "{error:?}");
        assert_eq!(error.hint().unwrap().contains("sys.stdin"), reads, "{error:?}");
    }
    works(&device).await;
    device.close().await.unwrap();
}

async fn a_thread_that_reads_is_told(path: CallPath) {
    let (_board, device) = connected(path).await;
    let body = format!("{READ}import _thread\ndef f():\n while 1: read(1)\n_thread.start_new_thread(f, ())");
    let mut error = device.execute(&body).await.err();
    for _ in 0..20 {
        if error.is_some() {
            break;
        }
        error = soon("an end", device.execute("print(1)")).await.err();
    }
    // A thread that has read nothing does no harm.
    if let Some(error) = error {
        let told = format!("{error:?}");
        assert!(told.contains("thread") || told.contains("sys.stdin"), "{told}");
    }
}

async fn a_bad_line_is_not_taken_for_a_reader(path: CallPath) {
    let (board, device) = connected(path).await;
    let mut request = u64::MAX;
    for _ in 0..3 {
        let before = board.cable().carried(Direction::ToBoard);
        device.execute("import time\ntime.sleep(0.00)").await.unwrap();
        request = request.min(board.cable().carried(Direction::ToBoard) - before);
    }
    for (direction, fault, at) in [
        (Direction::ToBoard, Fault::Drop, request),
        (Direction::ToBoard, Fault::Drop, request + 1),
        (Direction::ToBoard, Fault::Flip(3), request + 1),
        (Direction::ToBoard, Fault::Drop, request + 2),
        (Direction::ToBoard, Fault::Drop, request + 3),
        (Direction::ToBoard, Fault::Drop, request + 28),
        (Direction::ToBoard, Fault::Flip(1), request + 5),
        (Direction::ToBoard, Fault::Repeat, request + 26),
        (Direction::ToHost, Fault::Drop, 25),
        (Direction::ToHost, Fault::Noise, 30),
    ] {
        board.cable().once(direction, at, fault).unwrap();
        // Long enough that another ping follows the damaged one, however busy the host is.
        let slept = soon("a call", device.execute("import time\ntime.sleep(0.60)")).await;
        slept.unwrap_or_else(|error| panic!("{fault:?} at {at} {direction:?}: {error:?}"));
        works(&device).await;
        board.cable().heal().unwrap();
    }
    device.close().await.unwrap();
}

async fn a_byte_that_is_lost_between_two_calls_is_not_taken_for_a_reader(path: CallPath) {
    let (board, device) = connected(path).await;
    let reader = ReaderDevice::attach(&device).await.unwrap();
    assert_eq!(reader.add(1, 2).await.unwrap(), 3);
    let mut request = u64::MAX;
    for _ in 0..5 {
        let before = board.cable().carried(Direction::ToBoard);
        assert_eq!(reader.add(1, 2).await.unwrap(), 3);
        // A call that took long was followed by a ping, so the minimum counts.
        request = request.min(board.cable().carried(Direction::ToBoard) - before);
    }
    // The last byte of the first request, and the first byte of the second one.
    for at in [request - 1, request] {
        board.cable().once(Direction::ToBoard, at, Fault::Drop).unwrap();
        let added = soon("both ends", async {
            tokio::join!(reader.add(1, 2), reader.add(3, 4))
        })
        .await;
        assert_eq!((added.0.unwrap(), added.1.unwrap()), (3, 7), "byte {at}");
        board.cable().heal().unwrap();
    }
    device.close().await.unwrap();
}

async fn a_call_that_another_body_reads_is_told(path: CallPath) {
    let (_board, device) = connected(path).await;
    let reader = ReaderDevice::attach(&device).await.unwrap();
    assert_eq!(reader.add(1, 2).await.unwrap(), 3);
    tells_of_it(&reader.eat().await.unwrap_err());
    let (eaten, added) = soon("both ends", async {
        tokio::join!(reader.eat(), reader.add(3, 4))
    })
    .await;
    let errors: Vec<_> = [eaten.err(), added.err()].into_iter().flatten().collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    tells_of_it(&errors[0]);
    works(&device).await;
    device.close().await.unwrap();
}

on_both_runtimes! { over both paths:
    a_call_that_another_body_reads_is_told
    a_bad_line_is_not_taken_for_a_reader
    a_byte_that_is_lost_between_two_calls_is_not_taken_for_a_reader
    a_body_that_reads_any_part_of_what_is_sent_is_told
    a_body_that_reads_all_that_is_there_is_told
    a_reader_is_told_after_a_body_that_raised_what_a_ctrl_c_does
    the_input_of_builtins_is_told
    a_body_that_waits_for_a_line_is_told_when_its_time_is_over
    a_thread_that_reads_is_told
}
