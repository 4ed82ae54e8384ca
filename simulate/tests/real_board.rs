//! The model of a board held against a real one: what the host said to the model is said to MicroPython, byte for byte,
//! and that has to answer the same.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use belay_sim::Board;
use belay_simulate::{Flavour, Passed, by_rote};

/// How long the board may take for an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How much of a pause of the host's is waited for.
const PAUSE: Duration = Duration::from_millis(500);

/// A serial program.
struct Client {
    port: File,
    heard: Vec<u8>,
}

impl Client {
    fn open(port: &str) -> Self {
        let flags = rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap();
        let port = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(port);
        Self {
            port: port.unwrap(),
            heard: Vec::new(),
        }
    }

    fn say(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.port.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(Duration::from_millis(1)),
                Err(error) => panic!("writing: {error}"),
            }
        }
    }

    /// Hears what there is.
    fn hear(&mut self) {
        let mut bytes = [0; 4096];
        match self.port.read(&mut bytes) {
            Ok(read) => self.heard.extend_from_slice(&bytes[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(Duration::from_millis(1)),
            Err(error) => panic!("reading: {error}"),
        }
    }
}

/// Says to the board what the host said, each time once it has answered as the model did.
fn repeat(passed: &[Passed], client: &mut Client) {
    let mut expected = Vec::new();
    let mut last = Duration::ZERO;
    for passed in passed {
        if passed.said_by_board {
            expected.extend_from_slice(&passed.bytes);
            let wanted = comparable(&expected);
            let begun = Instant::now();
            while comparable(&client.heard) != wanted {
                if begun.elapsed() > PATIENCE {
                    differs(&wanted, &comparable(&client.heard));
                }
                client.hear();
            }
        } else {
            sleep(passed.after.saturating_sub(last).min(PAUSE));
            client.say(&passed.bytes);
        }
        last = passed.after;
    }
}

/// Says where they begin to differ.
fn differs(model: &str, board: &str) -> ! {
    let same = model
        .bytes()
        .zip(board.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let from = same.saturating_sub(200);
    panic!(
        "the model says {:?}\n\nand the board {:?}",
        &model[from..].chars().take(600).collect::<String>(),
        &board[from..].chars().take(600).collect::<String>()
    );
}

/// What a board has said, without what is its own: what it is called, how much memory it has, where in a file an
/// exception was raised. What is not ASCII is no text of a board's.
fn comparable(said: &[u8]) -> String {
    let said: String = said.iter().map(|byte| char::from(byte & 0x7f)).collect();
    let mut text = String::new();
    let mut rest = said.as_str();
    while let Some(at) = rest.find(['\x02', 'M', 'T', ':']) {
        let (before, found) = rest.split_at(at);
        text.push_str(before);
        rest = found;
        if let Some((frame, behind)) = found.split_once('\x03').filter(|_| found.starts_with('\x02')) {
            text.push_str(&comparable_frame(frame));
            rest = behind;
        } else if let Some(behind) = found.strip_prefix("MicroPython v") {
            // The end of what it says of itself differs from version to version.
            let Some((_, behind)) = behind.split_once(">>> ") else {
                break;
            };
            text.push_str("MicroPython>>> ");
            rest = behind;
        } else if let Some(behind) = found.strip_prefix("Traceback (most") {
            // Which one a damaged source raises, the model does not know.
            let Some((_, behind)) = behind.split_once('\x04') else {
                break;
            };
            text.push_str("an exception");
            text.push('\x04');
            rest = behind;
        } else if let Some((look, behind)) = found.split_once(".\r\n").filter(|(look, _)| is_look(look)) {
            text.push_str("LOOK");
            text.push_str(look.rsplit(',').next().unwrap_or_default());
            rest = behind;
        } else {
            text.push_str(&found[..1]);
            rest = &found[1..];
        }
    }
    text + rest
}

/// Whether this is how much memory there is, and what the board can do.
fn is_look(text: &str) -> bool {
    let words = text.strip_prefix(':').and_then(|text| text.split_once(','));
    words.is_some_and(|(free, can)| free.parse::<u64>().is_ok() && can.parse::<u8>().is_ok())
}

/// A frame: those that say what differs from board to board without that.
fn comparable_frame(frame: &str) -> String {
    let (head, body) = frame.split_at(frame.len().min(7));
    match head.as_bytes() {
        [.., b'h'] => head.to_owned(),
        [.., b'e'] => {
            let traceback = body.find("'Traceback").unwrap_or(body.len());
            format!("{head}{}", &body[..traceback])
        }
        _ => frame.to_owned(),
    }
}

fn a_real_board_answers_as_the_model_does(flavour: Flavour) {
    let board = match flavour {
        // It lacks what the usual agent needs.
        Flavour::Small => Board::unix().file("binascii.py", ""),
        _ => Board::unix(),
    };
    let board = board.start_blocking().expect("the unix board starts");
    let mut client = Client::open(board.port());
    // What it says when it starts is over by then.
    let begun = Instant::now();
    while begun.elapsed() < PAUSE {
        client.hear();
    }
    client.heard.clear();
    repeat(&by_rote(flavour), &mut client);
    board.stop();
}

#[test]
fn the_resident_agent_that_reads_blocks() {
    a_real_board_answers_as_the_model_does(Flavour::Agent);
}

#[test]
fn the_resident_agent_that_reads_lines() {
    a_real_board_answers_as_the_model_does(Flavour::Paced);
}

#[test]
fn the_agent_over_the_raw_repl() {
    a_real_board_answers_as_the_model_does(Flavour::Raw);
}

#[test]
fn the_agent_over_the_raw_repl_of_a_line_that_holds_nobody_back() {
    a_real_board_answers_as_the_model_does(Flavour::RawPaced);
}

#[test]
fn the_agent_for_small_boards() {
    a_real_board_answers_as_the_model_does(Flavour::Small);
}
