use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::lines::{ModemLine, steps};
use super::super::probe::group_name;
use super::super::{ModemLines, TransportError};
use super::terminal::Terminal;
use super::{LIMIT, open, read, read_to_the_error, text, write};

#[tokio::test]
async fn every_byte_passes_both_ways_unchanged() {
    let mut board = Terminal::new();
    let mut port = open(&board.path).await.unwrap();
    assert_eq!(port.description(), board.path);
    let every_byte: Vec<u8> = (0..=255).collect();
    write(&mut *port, &every_byte).await.unwrap();
    let mut received = [0; 256];
    board.master.read_exact(&mut received).unwrap();
    assert_eq!(received[..], every_byte);
    board.master.write_all(&every_byte).unwrap();
    assert_eq!(read(&mut *port, 256).await.unwrap(), every_byte);
}

#[tokio::test]
async fn a_terminal_has_flow_control_and_no_modem_lines_and_that_is_no_error() {
    let board = Terminal::new();
    let mut port = open(&board.path).await.unwrap();
    assert!(port.flow_control());
    assert_eq!(port.set_lines(false, true).unwrap(), ModemLines::Unsupported);
    assert_eq!(port.restore_lines().unwrap(), ModemLines::Unsupported);
    drop(port);
    let port = open(&format!("{}?flow=off&dtr=off&rts=keep", board.path))
        .await
        .unwrap();
    assert!(!port.flow_control());
}

#[test]
fn modem_lines_change_past_no_state_that_resets_an_esp_board() {
    const RTS_ALONE: (bool, bool) = (false, true);
    let levels = [(false, false), (false, true), (true, false), (true, true)];
    for old in levels {
        for new in levels {
            let mut seen = old;
            for (line, level) in steps(Some(new.0), Some(new.1)) {
                match line {
                    ModemLine::Dtr => seen.0 = level,
                    ModemLine::Rts => seen.1 = level,
                }
                assert!(
                    seen != RTS_ALONE || old == RTS_ALONE || new == RTS_ALONE,
                    "{old:?} to {new:?}"
                );
            }
            assert_eq!(seen, new);
        }
    }
}

#[test]
fn rts_is_asserted_after_and_released_before_dtr_and_a_kept_line_is_not_touched() {
    let steps = |dtr, rts| steps(dtr, rts).collect::<Vec<_>>();
    assert_eq!(
        steps(Some(true), Some(true)),
        [(ModemLine::Dtr, true), (ModemLine::Rts, true)]
    );
    assert_eq!(
        steps(Some(false), Some(false)),
        [(ModemLine::Rts, false), (ModemLine::Dtr, false)]
    );
    assert_eq!(steps(None, Some(true)), [(ModemLine::Rts, true)]);
    assert_eq!(steps(Some(true), None), [(ModemLine::Dtr, true)]);
    assert_eq!(steps(None, None), []);
}

#[tokio::test]
async fn a_read_wakes_at_the_first_byte() {
    let board = Terminal::new();
    let _port = open(&board.path).await.unwrap();
    let settings = tcgetattr(&board.master).unwrap();
    assert_eq!(settings.special_codes[SpecialCodeIndex::VMIN], 1);
    assert_eq!(settings.special_codes[SpecialCodeIndex::VTIME], 0);
}

#[tokio::test]
async fn the_speed_is_the_one_in_the_address() {
    let board = Terminal::new();
    for (query, expected) in [("", 115_200), ("?baud=9600", 9_600), ("?baud=921600", 921_600)] {
        let port = open(&format!("{}{query}", board.path)).await.unwrap();
        assert_eq!(tcgetattr(&board.master).unwrap().output_speed(), expected);
        drop(port);
    }
}

#[tokio::test]
async fn a_port_that_is_unplugged_is_an_error_at_once() {
    let board = Terminal::new();
    let mut port = open(&board.path).await.unwrap();
    let reading = tokio::spawn(async move { read_to_the_error(&mut *port).await });
    // Let the read wait for a byte first.
    tokio::task::yield_now().await;
    let unplugged = Instant::now();
    drop(board);
    let error = tokio::time::timeout(LIMIT, reading).await.unwrap().unwrap();
    assert!(
        unplugged.elapsed() < Duration::from_secs(2),
        "it took {:?}",
        unplugged.elapsed()
    );
    assert!(matches!(error, TransportError::Vanished(_)), "{error}");
    assert!(error.is_retryable());
    assert!(
        text(&error).contains("plug the board in again"),
        "{}",
        text(&error)
    );
}

#[tokio::test]
async fn writing_to_an_unplugged_port_says_that_it_is_gone() {
    let board = Terminal::new();
    let mut port = open(&board.path).await.unwrap();
    drop(board);
    let error = write(&mut *port, b"anybody there?").await.unwrap_err();
    assert!(matches!(error, TransportError::Vanished(_)), "{error}");
}

#[tokio::test]
async fn a_board_that_takes_nothing_holds_up_neither_the_runtime_nor_the_close() {
    let board = Terminal::new();
    let mut port = open(&board.path).await.unwrap();
    let flood = vec![b'x'; 1 << 20];
    let writing = tokio::time::timeout(Duration::from_millis(100), write(&mut *port, &flood));
    assert!(writing.await.is_err(), "a terminal does not buffer a megabyte");
    let closing = Instant::now();
    port.close(Duration::from_millis(100)).await;
    assert!(
        closing.elapsed() < Duration::from_secs(5),
        "it took {:?}",
        closing.elapsed()
    );
}

#[tokio::test]
async fn a_port_can_be_opened_again_after_it_was_closed_or_dropped() {
    let board = Terminal::new();
    open(&board.path).await.unwrap().close(LIMIT).await;
    drop(open(&board.path).await.unwrap());
    open(&board.path).await.unwrap();
}

#[tokio::test]
async fn a_port_that_is_about_to_be_closed_is_waited_for_whatever_name_it_is_opened_by() {
    let board = Terminal::new();
    let directory = tempfile::tempdir().unwrap();
    let name = directory.path().join("board");
    std::os::unix::fs::symlink(&board.path, &name).unwrap();
    let mut port = open(&board.path).await.unwrap();
    port.closes_soon();
    let mut opening = std::pin::pin!(open(name.to_str().unwrap()));
    // A port that shows no sign of being closed is given up sooner.
    let early = tokio::time::timeout(Duration::from_secs(1), &mut opening).await;
    assert!(early.is_err(), "it is open already");
    drop(port);
    opening.await.unwrap();
}

#[tokio::test]
async fn a_second_open_by_this_program_fails_and_leaves_the_first_alone() {
    let board = Terminal::new();
    let mut port = open(&board.path).await.unwrap();
    for _ in 0..2 {
        let error = open(&board.path).await.err().unwrap();
        assert!(matches!(error, TransportError::Busy { .. }), "{error:?}");
        assert!(error.is_retryable());
        if cfg!(target_os = "linux") {
            assert_eq!(
                text(&error),
                format!(
                    "`{}` is in use by this program itself\nclose what this program opened before, then open it again",
                    board.path
                )
            );
        }
    }
    let echo = board.echo(5);
    write(&mut *port, b"hello").await.unwrap();
    assert_eq!(read(&mut *port, 5).await.unwrap(), b"hello");
    echo.join().unwrap().unwrap();
}

#[tokio::test]
async fn a_port_locked_by_another_program_is_busy_and_the_program_is_named() {
    let board = Terminal::new();
    // `flock` takes the lock that mpremote and pyserial take, tells so by ending, and leaves it to `cat`.
    let port = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&board.path)
        .unwrap();
    let mut other = Command::new("sh")
        .args([
            "-c",
            "flock --exclusive --nonblock 0 || exit 1; echo locked; exec sleep 1000 <&0",
        ])
        .stdin(Stdio::from(port))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 7];
    other.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();

    let error = open(&board.path).await.err().unwrap();
    let pid = other.id();
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(matches!(error, TransportError::Busy { .. }), "{error:?}");
    if cfg!(target_os = "linux") {
        assert_eq!(
            text(&error),
            format!(
                "`{}` is in use by sleep (process {pid})\nclose sleep; if its window is gone, end it with `kill {pid}`",
                board.path
            )
        );
    }
    open(&board.path).await.unwrap();
}

#[tokio::test]
async fn while_it_is_open_other_programs_cannot_lock_it() {
    let board = Terminal::new();
    let _port = open(&board.path).await.unwrap();
    let other = Command::new("flock")
        .args(["--exclusive", "--nonblock", &board.path, "true"])
        .status()
        .unwrap();
    assert!(!other.success());
}

#[tokio::test]
async fn a_port_that_does_not_exist_is_named_with_the_ones_that_do() {
    let error = open("/dev/nonexistent").await.err().unwrap();
    assert!(matches!(error, TransportError::NotFound { .. }), "{error:?}");
    let text = text(&error);
    assert!(
        text.starts_with("there is no port `/dev/nonexistent`\n"),
        "{text}"
    );
    assert!(
        text.contains("the serial ports of this machine are") || text.contains("plug the board in"),
        "{text}"
    );
    assert!(error.is_retryable());
}

#[tokio::test]
async fn what_is_no_serial_port_is_said_to_be_none() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let file = file.path().to_str().unwrap();
    for (path, what) in [
        ("/tmp", "a directory"),
        (file, "a file"),
        ("/dev/null", "a device of another kind"),
    ] {
        let error = open(path).await.err().unwrap();
        assert_eq!(
            error.to_string(),
            format!("`{path}` is {what}, not a serial port")
        );
        assert!(error.hint().unwrap().contains("/dev/ttyACM0"));
        assert!(!error.is_retryable());
    }
}

#[test]
fn a_missing_permission_names_the_group_to_join() {
    let groups = "root:x:0:\ntty:x:5:\ndialout:x:20:ada\n";
    assert_eq!(group_name(groups, 20).as_deref(), Some("dialout"));
    assert_eq!(group_name(groups, 0), None);
    assert_eq!(group_name("nonsense\n", 20), None);
    let error = TransportError::PermissionDenied {
        port: "/dev/ttyACM0".to_owned(),
        group: group_name(groups, 20),
    };
    assert_eq!(
        text(&error),
        "you are not permitted to open `/dev/ttyACM0`\n\
         join the group that may: `sudo usermod -a -G dialout $USER`, then log out and in again"
    );
}

/// Prints the round trip of one byte over a pseudo-terminal, the best of many batches, so that a busy machine
/// matters less: `cargo test --release -p belay-runtime -- --ignored latency --nocapture`.
#[ignore = "a measurement"]
#[tokio::test]
async fn latency_of_a_round_trip_beside_blocking_reads_and_writes() {
    const BATCHES: usize = 40;
    const ROUNDS: u32 = 500;
    let boards = [Terminal::new(), Terminal::new()];
    let echoes = boards
        .each_ref()
        .map(|board| board.echo(BATCHES * ROUNDS as usize));
    let mut port = open(&boards[0].path).await.unwrap();
    let mut settings = tcgetattr(&boards[1].master).unwrap();
    settings.make_raw();
    tcsetattr(&boards[1].master, OptionalActions::Now, &settings).unwrap();
    let mut blocking: File = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&boards[1].path)
        .unwrap();

    let [mut asynchronous, mut plain] = [Duration::MAX; 2];
    for _ in 0..BATCHES {
        let started = Instant::now();
        for _ in 0..ROUNDS {
            port.write_all(b"x").await.unwrap();
            port.read_exact(&mut [0]).await.unwrap();
        }
        asynchronous = asynchronous.min(started.elapsed() / ROUNDS);
        let started = Instant::now();
        for _ in 0..ROUNDS {
            blocking.write_all(b"x").unwrap();
            blocking.read_exact(&mut [0]).unwrap();
        }
        plain = plain.min(started.elapsed() / ROUNDS);
    }
    for echo in echoes {
        echo.join().unwrap().unwrap();
    }
    println!(
        "one byte there and back: {asynchronous:?}, blocking {plain:?}, ratio {:.2}",
        asynchronous.as_secs_f64() / plain.as_secs_f64()
    );
}
