//! The raw REPL state machine: whatever a board sends and its owner starts, it does not panic, and its events do not
//! depend on how the bytes are split.
#![no_main]

use arbitrary::Arbitrary;
use belay_runtime::protocol::{Event, Execution, Mode, Operation, Options, RawRepl};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
enum Step {
    Enter,
    Exit,
    SoftReset,
    Execute {
        source: String,
        plain: bool,
        framed: bool,
    },
    Interrupt,
    ReplySeen,
    AcceptEnd,
    Write {
        count: u8,
    },
    Receive(Vec<u8>),
    /// A typical sequence of bytes, which a fuzzer would be slow to find.
    Say(Phrase),
    Serve,
    Submit {
        source: String,
        afresh: Option<bool>,
    },
    Ask,
    Settle {
        asked: u8,
    },
    Abandon,
}

#[derive(Debug, Arbitrary)]
enum Phrase {
    Banner,
    /// The answer to the mark with this number.
    Mark(u8),
    Granted,
    Window(u16),
    Declined,
    Acknowledged,
    End,
    Prompt,
    FriendlyPrompt,
    Reboot,
}

impl Phrase {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Banner => b"raw REPL; CTRL-B to exit\r\n>".to_vec(),
            Self::Mark(number) => format!("OKbelay-00000000-{number}\r\n\x04\x04>").into_bytes(),
            Self::Granted => b"R\x01".to_vec(),
            Self::Window(size) => [&size.to_le_bytes()[..], b"\x01"].concat(),
            Self::Declined => b"R\x00>".to_vec(),
            Self::Acknowledged => b"OK".to_vec(),
            Self::End => b"\x04".to_vec(),
            Self::Prompt => b">".to_vec(),
            Self::FriendlyPrompt => b"\r\n>>> ".to_vec(),
            Self::Reboot => b"MPY: soft reboot\r\n".to_vec(),
        }
    }
}

/// Plays the script and returns its events, with adjacent output joined.
fn play(script: &[Step], piece: usize) -> Vec<Event> {
    let mut repl = RawRepl::new(Options::default());
    let mut events = Vec::new();
    for step in script {
        match step {
            Step::Enter => drop(repl.start(Operation::Enter)),
            Step::Exit => drop(repl.start(Operation::Exit)),
            Step::SoftReset => drop(repl.start(Operation::SoftReset)),
            Step::Execute {
                source,
                plain,
                framed,
            } => {
                let mode = if *plain { Mode::Plain } else { Mode::Auto };
                let (source, framed) = (source.clone().into_bytes(), *framed);
                let _ = repl.start(Operation::Execute(Execution { source, mode, framed }));
            }
            Step::Interrupt => drop(repl.interrupt()),
            Step::ReplySeen => repl.reply_seen(),
            Step::AcceptEnd => drop(repl.accept_end()),
            Step::Write { count } => (0..*count).for_each(|_| drop(repl.poll_write())),
            Step::Receive(bytes) => receive(&mut repl, bytes, piece, &mut events),
            Step::Say(phrase) => receive(&mut repl, &phrase.bytes(), piece, &mut events),
            Step::Serve => repl.serve(),
            Step::Submit { source, afresh } => match afresh {
                Some(afresh) => drop(repl.submit_marked(source.as_bytes(), *afresh)),
                None => drop(repl.submit(source.as_bytes())),
            },
            Step::Ask => {
                repl.ask();
            }
            Step::Settle { asked } => repl.settle(usize::from(*asked)),
            Step::Abandon => repl.abandon(),
        }
        take(&mut repl, &mut events);
    }
    events
}

fn receive(repl: &mut RawRepl, bytes: &[u8], piece: usize, events: &mut Vec<Event>) {
    for part in bytes.chunks(piece) {
        repl.receive(part);
        take(repl, events);
    }
}

fn take(repl: &mut RawRepl, events: &mut Vec<Event>) {
    while let Some(event) = repl.poll_event() {
        match (event, events.last_mut()) {
            (Event::Output(more), Some(Event::Output(output))) => output.extend(more),
            (event, _) => events.push(event),
        }
    }
}

fuzz_target!(|script: Vec<Step>| {
    assert_eq!(play(&script, usize::MAX), play(&script, 1));
});
