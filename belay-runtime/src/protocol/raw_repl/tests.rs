//! Each fact about the raw REPL, in a test of its own.

mod board;
mod facts;
mod interruptions;
mod properties;
mod serving;

use super::*;

/// A machine together with what it has written and what has happened, so that a test reads like a dialogue.
pub(super) struct Dialogue {
    pub(super) repl: RawRepl,
    written: Vec<u8>,
    pub(super) pauses: usize,
    pub(super) events: Vec<Event>,
}

impl Dialogue {
    /// With a board that is in the raw REPL.
    pub(super) fn entered() -> Self {
        let mut dialogue = Self::with(Options::default());
        dialogue.enter();
        dialogue
    }

    pub(super) fn with(options: Options) -> Self {
        Self {
            repl: RawRepl::new(options),
            written: Vec::new(),
            pauses: 0,
            events: Vec::new(),
        }
    }

    pub(super) fn enter(&mut self) {
        self.repl
            .start(Operation::Enter)
            .expect("it may be entered from any state");
        self.board(b"raw REPL; CTRL-B to exit\r\n>");
        let mark = self.mark();
        self.board(format!("OK{mark}\r\n\x04\x04>").as_bytes());
        assert_eq!(self.events.pop(), Some(Event::Entered));
        self.written();
        self.events();
    }

    /// The mark that the machine has just asked for.
    pub(super) fn mark(&mut self) -> String {
        self.pump();
        let written = String::from_utf8(self.written.clone()).expect("the source is text");
        let source = written.rsplit_once("print('").expect("a mark is asked for").1;
        source
            .split_once("')")
            .expect("it is a call")
            .0
            .replace("'+'", "")
    }

    /// What the board says.
    pub(super) fn board(&mut self, bytes: &[u8]) {
        self.repl.receive(bytes);
        self.pump();
    }

    pub(super) fn start(&mut self, operation: Operation) {
        self.repl.start(operation).expect("the operation may be started");
        self.pump();
    }

    pub(super) fn execute(&mut self, source: &str) {
        self.start(Operation::Execute(execution(source)));
    }

    fn pump(&mut self) {
        loop {
            while let Some(write) = self.repl.poll_write() {
                self.written.extend(write.bytes);
                self.pauses += usize::from(write.pause.is_some());
            }
            match self.repl.poll_event() {
                Some(Event::Output(more)) => match self.events.last_mut() {
                    Some(Event::Output(output)) => output.extend(more),
                    _ => self.events.push(Event::Output(more)),
                },
                Some(event) => self.events.push(event),
                None => break,
            }
        }
    }

    /// The bytes that were written since the last call.
    pub(super) fn written(&mut self) -> Vec<u8> {
        self.pump();
        std::mem::take(&mut self.written)
    }

    /// The events since the last call.
    pub(super) fn events(&mut self) -> Vec<Event> {
        self.pump();
        std::mem::take(&mut self.events)
    }
}

pub(super) fn execution(source: &str) -> Execution {
    Execution {
        source: source.into(),
        mode: Mode::Auto,
        framed: false,
    }
}

pub(super) fn plain(source: &str) -> Execution {
    Execution {
        mode: Mode::Plain,
        ..execution(source)
    }
}

pub(super) fn framed(source: &str) -> Execution {
    Execution {
        framed: true,
        ..execution(source)
    }
}

pub(super) fn output(bytes: &[u8]) -> Event {
    Event::Output(bytes.to_vec())
}

pub(super) fn done(traceback: &[u8]) -> Event {
    Event::Done {
        traceback: traceback.to_vec(),
        truncated: false,
    }
}

impl RawRepl {
    /// How many bytes are kept between two calls.
    fn held(&self) -> usize {
        let writes: usize = self.writes.iter().map(|write| write.bytes.len()).sum();
        self.input.len() + self.output.len() + writes + self.state.held()
    }
}
