//! The cable does exactly what it is told to do with bytes.

mod common;

use std::time::{Duration, Instant};

use belay_sim::{Board, Direction, Fault, NOISE, Rates};
use common::{Client, RAW};

/// A board that sends every line back, and a client that is connected to it.
fn echo() -> (Board, Client) {
    let board = Board::unix().start_blocking().expect("the unix board starts");
    let mut client = Client::raw(board.port());
    client.send(
        b"import sys\nprint('go')\nwhile True:\n l = sys.stdin.buffer.readline()\n sys.stdout.buffer.write(l)\n\x04",
    );
    client.until(b"go\r\n");
    (board, client)
}

/// Sends a line and returns what comes back.
fn line(client: &mut Client, text: &[u8]) -> Vec<u8> {
    client.send(text);
    client.until(b"\n")
}

#[test]
fn a_byte_is_dropped_exactly_once_at_the_place_asked_for() {
    for direction in Direction::BOTH {
        let (board, mut client) = echo();
        board.cable().once(direction, 3, Fault::Drop).expect("runs");
        assert_eq!(line(&mut client, b"abcdefgh\n"), b"abcefgh\n", "{direction:?}");
        assert_eq!(line(&mut client, b"abcdefgh\n"), b"abcdefgh\n", "{direction:?}");
    }
}

#[test]
fn a_byte_is_repeated_exactly_once() {
    for direction in Direction::BOTH {
        let (board, mut client) = echo();
        board.cable().once(direction, 0, Fault::Repeat).expect("runs");
        assert_eq!(line(&mut client, b"abc\n"), b"aabc\n", "{direction:?}");
        assert_eq!(line(&mut client, b"abc\n"), b"abc\n", "{direction:?}");
    }
}

#[test]
fn a_line_gets_in_between_exactly_once() {
    let (board, mut client) = echo();
    { board.cable() }
        .once(Direction::ToHost, 2, Fault::Noise)
        .expect("runs");
    assert_eq!(line(&mut client, b"abcd\n"), [b"ab", NOISE].concat());
    assert_eq!(client.until(b"\n"), b"cd\n");
    assert_eq!(line(&mut client, b"abcd\n"), b"abcd\n");
}

#[test]
fn the_bits_of_the_mask_are_flipped_exactly_once() {
    for direction in Direction::BOTH {
        let (board, mut client) = echo();
        board.cable().once(direction, 1, Fault::Flip(0x03)).expect("runs");
        assert_eq!(line(&mut client, b"f(1)\n"), b"f+1)\n", "{direction:?}");
        assert_eq!(line(&mut client, b"f(1)\n"), b"f(1)\n", "{direction:?}");
    }
}

#[test]
fn a_delayed_byte_holds_up_what_follows_it() {
    for direction in Direction::BOTH {
        let (board, mut client) = echo();
        let delay = Duration::from_millis(60);
        board
            .cable()
            .once(direction, 2, Fault::Delay(delay))
            .expect("runs");
        let start = Instant::now();
        assert_eq!(line(&mut client, b"abc\n"), b"abc\n");
        assert!(start.elapsed() >= delay, "{direction:?}: {:?}", start.elapsed());
    }
}

#[test]
fn faults_can_be_planned_far_ahead() {
    let (board, mut client) = echo();
    board
        .cable()
        .once(Direction::ToHost, 10_000, Fault::Drop)
        .expect("runs");
    for number in 0..1100 {
        let text = format!("{number:09}\n");
        let expected = if number == 1000 {
            text.replacen('0', "", 1)
        } else {
            text.clone()
        };
        assert_eq!(
            line(&mut client, text.as_bytes()),
            expected.as_bytes(),
            "{number}"
        );
    }
}

#[test]
fn random_faults_are_the_same_for_the_same_seed() {
    let spoil = |seed| {
        let (board, mut client) = echo();
        let rates = Rates {
            flip: 0.1,
            repeat: 0.1,
            ..Rates::default()
        };
        board
            .cable()
            .set_rates(Direction::ToHost, rates, seed)
            .expect("runs");
        // Zeros, because no single flipped bit turns one into a line end.
        client.send(&[b"\0".repeat(200), b"\n".to_vec()].concat());
        let mut spoiled = client.until(b"\n");
        board.cable().heal().expect("runs");
        spoiled.truncate(150);
        spoiled
    };
    let once = spoil(7);
    assert_ne!(once, b"\0".repeat(150), "something was spoiled");
    assert_eq!(once, spoil(7));
    assert_ne!(once, spoil(8));
}

#[test]
fn random_drops_happen_about_as_often_as_asked_for() {
    let (board, mut client) = echo();
    board
        .cable()
        .set_rates(
            Direction::ToBoard,
            Rates {
                drop: 0.25,
                ..Rates::default()
            },
            1,
        )
        .expect("runs");
    client.send(&b"x".repeat(4000));
    // Several line ends, so that at least one arrives.
    client.send(&b"\n".repeat(20));
    let arrived = client.until(b"\n").len();
    assert!((2800..3200).contains(&arrived), "{arrived} of 4000 arrived");
}

#[test]
fn a_baud_rate_sets_the_pace() {
    let (board, mut client) = echo();
    board.cable().set_baud(Some(9600)).expect("runs");
    let start = Instant::now();
    // 96 bytes take a tenth of a second in each direction. The two directions would overlap only if the board sent
    // something back before the end of the line, which it does not.
    let text = [b"x".repeat(95), b"\n".to_vec()].concat();
    assert_eq!(line(&mut client, &text), text);
    let took = start.elapsed();
    assert!(
        (Duration::from_millis(195)..Duration::from_secs(2)).contains(&took),
        "{took:?}"
    );
    board.cable().set_baud(None).expect("runs");
    assert_eq!(line(&mut client, &text), text);
}

#[test]
fn through_a_cut_cable_nothing_comes_until_it_is_healed() {
    let (board, mut client) = echo();
    board.cable().cut().expect("runs");
    client.send(b"lost\n");
    assert_eq!(client.within(Duration::from_millis(100)), b"");
    board.cable().heal().expect("runs");
    assert_eq!(line(&mut client, b"back\n"), b"back\n");
}

#[test]
fn a_cable_can_be_cut_at_a_byte_and_then_nothing_comes_either_way() {
    for (direction, left) in [
        (Direction::ToBoard, b"abcback\n".as_slice()),
        (Direction::ToHost, b"abcback\n"),
    ] {
        let (board, mut client) = echo();
        let before = board.cable().carried(direction);
        board.cable().once(direction, 3, Fault::Cut).expect("runs");
        client.send(b"abcdefgh\n");
        let mut received = client.within(Duration::from_millis(100));
        client.send(b"lost\n");
        received.extend(client.within(Duration::from_millis(100)));
        assert!(board.cable().carried(direction) > before + 3);
        board.cable().heal().expect("runs");
        received.extend(line(&mut client, b"back\n"));
        assert_eq!(received, left, "{direction:?}");
    }
}

#[test]
fn a_port_can_vanish_at_a_byte() {
    for direction in Direction::BOTH {
        let (mut board, mut client) = echo();
        board.cable().once(direction, 3, Fault::Vanish).expect("runs");
        client.send(b"abcdefgh\n");
        client.until_gone();
        let mut client = Client::open(board.appear().expect("appears"));
        client.send(b"\x03");
        client.until(b"KeyboardInterrupt");
    }
}

#[test]
fn a_board_that_restarts_in_the_middle_of_a_call_says_so() {
    let (mut board, mut client) = echo();
    client.send(b"half a li");
    board.restart().expect("restarts");
    client.until(b">>> ");
    client.send(b"\x01");
    client.until(RAW);
}
