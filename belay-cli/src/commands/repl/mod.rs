//! `belay repl`

mod keys;

use std::fs::{File, OpenOptions};
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use crate::bench::Bench;
use crate::failure::Failure;
use crate::screen;
use crate::sitting::{Happened, Sitting};
use keys::{Key, Keys};

/// The prompt without indentation. Only there can pasted text be sent in paste mode.
const PROMPT: &[u8] = b">>> ";
/// Ctrl-B, which leads to the friendly prompt and its banner from any prompt; Ctrl-E and Ctrl-D, around
/// pasted text.
const FRIENDLY: &[u8] = b"\x02";
const PASTE: &[u8] = b"\x05";
const PASTED: &[u8] = b"\x04";

/// The board's own prompt on this terminal
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  belay repl\n  belay repl --log session.txt\n\n\
    Ctrl-X leaves, Ctrl-C stops what runs, Ctrl-D resets the interpreter, and the tabulator completes names. What is pasted \
    is not indented once more. A reset and an unplugged board are waited out.")]
pub(crate) struct Arguments {
    /// Writes what the board says to this file, too
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

pub(crate) async fn run(arguments: &Arguments, bench: &mut Bench) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "the prompt needs a terminal to be typed on",
            "`belay run -` runs a script from standard input, and `belay shell` takes commands from it",
        ));
    }
    let log = arguments.log.as_deref().map(opened).transpose()?;
    let sitting = Sitting::open(bench).await?;
    screen::note(&format!("Connected to {}; Ctrl-X leaves.\n", sitting.name()));
    let mut repl = Repl {
        sitting,
        keys: Keys::start()?,
        log,
        last: Vec::new(),
    };
    repl.sitting.write(FRIENDLY);
    let outcome = repl.talk().await;
    let Repl { sitting, keys, .. } = repl;
    drop(keys);
    sitting.close().await;
    screen::note("\n");
    outcome
}

pub(super) fn opened(path: &Path) -> Result<File, Failure> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.map_err(|error| Failure::local(path, &error))
}

struct Repl {
    sitting: Sitting,
    keys: Keys,
    log: Option<File>,
    /// The last bytes of the board's output.
    last: Vec<u8>,
}

impl Repl {
    /// Relays keys and output until the user leaves.
    async fn talk(&mut self) -> Result<(), Failure> {
        loop {
            let full = self.sitting.is_full();
            tokio::select! {
                happened = self.sitting.next() => match happened {
                    Happened::Said(bytes) => self.hear(&bytes)?,
                    Happened::Lost(error) => {
                        let gone = format!("\r\n({error}; waiting for the board, Ctrl-X leaves)\r\n");
                        screen::note(&screen::faint(&gone));
                        if self.wait().await? {
                            return Ok(());
                        }
                    }
                },
                key = self.keys.next(), if !full => match key {
                    None | Some(Key::Leave) => return Ok(()),
                    Some(Key::Typed(bytes)) => self.sitting.write(&bytes),
                    Some(Key::Pasted(text)) => self.paste(&text),
                },
            }
        }
    }

    /// Waits until the board is back; true if the user leaves instead.
    async fn wait(&mut self) -> Result<bool, Failure> {
        loop {
            tokio::select! {
                there = self.sitting.again() => {
                    there?;
                    screen::note(&screen::faint("(connected again)\r\n"));
                    self.sitting.write(FRIENDLY);
                    return Ok(false);
                }
                key = self.keys.next() => {
                    if matches!(key, None | Some(Key::Leave)) {
                        return Ok(true);
                    }
                }
            }
        }
    }

    fn hear(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        screen::write_bytes(bytes)?;
        if let Some(log) = &mut self.log {
            log.write_all(bytes)?;
        }
        let kept = bytes.len().min(PROMPT.len());
        self.last.extend_from_slice(&bytes[bytes.len() - kept..]);
        let excess = self.last.len().saturating_sub(PROMPT.len());
        self.last.drain(..excess);
        Ok(())
    }

    /// Sends pasted text: in paste mode if it is several lines at an empty prompt, and like typed text
    /// otherwise.
    fn paste(&mut self, text: &str) {
        let lines = text.replace("\r\n", "\r").replace('\n', "\r");
        // Remove control characters: pasted text must not interrupt a program or reset the board.
        let harmless: String = lines
            .chars()
            .filter(|character| !character.is_control() || matches!(character, '\r' | '\t'))
            .collect();
        let whole = self.last == PROMPT && harmless.trim_end_matches('\r').contains('\r');
        if whole {
            self.sitting.write(PASTE);
            self.sitting.write(harmless.as_bytes());
            self.sitting.write(PASTED);
        } else {
            self.sitting.write(harmless.as_bytes());
        }
    }
}
