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

/// What a board begins to say of itself with.
const BANNERS: [&str; 2] = ["MicroPython v", "Adafruit CircuitPython "];

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
///
/// # Errors
///
/// Where it answers something else.
fn repeat(passed: &[Passed], client: &mut Client, pace: Duration) -> Result<(), String> {
    let mut expected = Vec::new();
    let mut last = Duration::ZERO;
    let mut passed = passed.iter().peekable();
    while let Some(passed_now) = passed.next() {
        let Passed {
            bytes,
            said_by_board,
            after,
        } = passed_now;
        if *said_by_board {
            expected.extend_from_slice(bytes);
            if passed.peek().is_some_and(|next| next.said_by_board) {
                // A board may say at once what the model takes its time for.
                continue;
            }
            let wanted = comparable(&expected);
            let begun = Instant::now();
            while comparable(&client.heard) != wanted {
                if begun.elapsed() > PATIENCE {
                    return Err(difference(&wanted, &comparable(&client.heard)));
                }
                client.hear();
            }
        } else {
            sleep(after.saturating_sub(last).clamp(pace, PAUSE));
            client.say(bytes);
        }
        last = *after;
    }
    Ok(())
}

/// Where they begin to differ.
fn difference(model: &str, board: &str) -> String {
    let same = model
        .bytes()
        .zip(board.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let from = same.saturating_sub(200);
    format!(
        "the model says {:?}\n\nand the board {:?}",
        &model[from..].chars().take(600).collect::<String>(),
        &board[from..].chars().take(600).collect::<String>()
    )
}

/// What a board has said, without what is its own: what it is called, how much memory it has, where in a file an
/// exception was raised. What is not ASCII is no text of a board's.
fn comparable(said: &[u8]) -> String {
    let said: String = said.iter().map(|byte| char::from(byte & 0x7f)).collect();
    let mut text = String::new();
    let mut rest = said.as_str();
    while let Some(at) = rest.find(['\x02', '\x1b', 'A', 'M', 'T', ':']) {
        let (before, found) = rest.split_at(at);
        text.push_str(before);
        rest = found;
        if let Some((frame, behind)) = found.split_once('\x03').filter(|_| found.starts_with('\x02')) {
            text.push_str(&comparable_frame(frame));
            rest = behind;
        } else if let Some((_, behind)) = found.split_once("\x1b\\").filter(|_| found.starts_with('\x1b')) {
            // What the window of a terminal is to be called.
            rest = behind;
        } else if let Some(behind) = { BANNERS.iter() }.find_map(|banner| found.strip_prefix(banner)) {
            // The end of what it says of itself differs from version to version.
            let Some((_, behind)) = behind.split_once(">>> ") else {
                break;
            };
            if found.starts_with('A') && text.ends_with("\r\n\r\n") {
                text.truncate(text.len() - 2);
            }
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

/// Says to a new board of this kind what the host says to the model.
fn ask(flavour: Flavour) -> Result<(), String> {
    let board = match flavour {
        // It lacks what the usual agent needs.
        Flavour::Small => Board::unix().file("binascii.py", ""),
        Flavour::Old => Board::microbit(),
        Flavour::Flushing => Board::circuitpython_like(),
        _ => Board::unix(),
    };
    let board = board.start_blocking().expect("the unix board starts");
    let mut client = Client::open(board.port());
    if flavour == Flavour::Flushing {
        // It has a program of its own run first, and goes to the prompt for whoever presses a key.
        client.say(b"\r");
    }
    // What it says when it starts is over by then.
    let begun = Instant::now();
    while begun.elapsed() < PAUSE {
        client.hear();
    }
    client.heard.clear();
    // An old board takes its time for what comes.
    let pace = Duration::from_millis(if flavour == Flavour::Old { 5 } else { 0 });
    let repeated = repeat(&by_rote(flavour), &mut client, pace);
    board.stop();
    repeated
}

fn a_real_board_answers_as_the_model_does(flavour: Flavour) {
    // An old board loses what comes while it is busy, and then the host says something else. How fast the machine lets it
    // be, nobody knows.
    let attempts = if flavour == Flavour::Old { 5 } else { 1 };
    let differences: Vec<_> = (0..attempts).map_while(|_| ask(flavour).err()).collect();
    assert!(differences.len() < attempts, "{}", differences.join("\n\n"));
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

#[test]
fn the_agent_for_small_boards_on_an_old_one() {
    a_real_board_answers_as_the_model_does(Flavour::Old);
}

#[test]
fn the_resident_agent_of_a_board_that_throws_away_what_is_unread() {
    a_real_board_answers_as_the_model_does(Flavour::Flushing);
}
