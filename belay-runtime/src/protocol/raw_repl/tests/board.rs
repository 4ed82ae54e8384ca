//! A model of a board's raw REPL, as far as the line shows it: bytes in, bytes out, one step at a time, and
//! an account of what really happened that the machine's events can be held against.

use std::collections::VecDeque;

pub(super) const BANNER: &[u8] = b"raw REPL; CTRL-B to exit\r\n";
/// What a framed program prints last: whoever reads it knows that the program has replied.
pub(super) const REPLY: &[u8] = b"[reply]";

/// How boards differ.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) raw_paste: RawPaste,
    /// Whether Ctrl-C interrupts running code.
    pub(super) interruptible: bool,
    pub(super) wording: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RawPaste {
    Window(u16),
    Declined,
    Unknown,
}

/// How a program ended, or that it never began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Finished,
    Raised,
    Interrupted,
    Exited,
    /// It does not compile.
    Refused,
    /// The paste was interrupted.
    Stopped,
}

/// A line of a program, in the model's own language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Print(Vec<u8>),
    Work(u8),
    Raise,
    Exit,
    SyntaxError,
}

impl Line {
    pub(super) fn source(&self) -> String {
        match self {
            Self::Print(bytes) => {
                let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("print {}\n", hex.concat())
            }
            Self::Work(steps) => format!("work {steps}\n"),
            Self::Raise => "raise\n".into(),
            Self::Exit => "exit\n".into(),
            Self::SyntaxError => "nonsense\n".into(),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            // The mark with which the machine makes sure of an entry is the model's only Python.
            _ if line.contains("print('") || line.contains("_belay_p('") => {
                let (_, call) = line.split_once("('")?;
                let text = call.split_once("')")?.0.replace("'+'", "");
                Some(Self::Print(format!("{text}\r\n").into_bytes()))
            }
            "print" => {
                let pairs = rest.as_bytes().chunks(2);
                let bytes: Option<Vec<u8>> = pairs
                    .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                    .collect();
                Some(Self::Print(bytes?))
            }
            "work" => Some(Self::Work(rest.parse().ok()?)),
            "raise" => Some(Self::Raise),
            "exit" => Some(Self::Exit),
            _ => None,
        }
    }
}

#[derive(Debug)]
enum Doing {
    /// At the prompt, with a line begun.
    Reading(Vec<u8>),
    Pasting {
        line: Vec<u8>,
        program: VecDeque<Line>,
        left: u16,
    },
    /// A paste that failed swallows its input up to a `\x04`.
    Swallowing,
    Running(VecDeque<Line>),
    Ending(Outcome),
    Restarting(u8),
}

#[derive(Debug)]
pub(super) struct Board {
    model: Model,
    doing: Doing,
    interrupt: bool,
    received: VecDeque<u8>,
    pub(super) sent: VecDeque<u8>,
    /// What became of each program.
    pub(super) outcomes: Vec<Outcome>,
    /// How often it restarted because of a Ctrl-D at an empty prompt.
    pub(super) resets: usize,
}

impl Board {
    pub(super) fn new(model: Model) -> Self {
        let mut board = Self {
            model,
            doing: Doing::Reading(Vec::new()),
            interrupt: false,
            received: VecDeque::new(),
            sent: VecDeque::new(),
            outcomes: Vec::new(),
            resets: 0,
        };
        board.say(b">");
        board
    }

    pub(super) fn say(&mut self, bytes: &[u8]) {
        self.sent.extend(bytes);
    }

    /// A byte arrives. While code runs, a Ctrl-C does not get as far as the buffer.
    pub(super) fn receive(&mut self, byte: u8) {
        if byte == 3 && self.model.interruptible && matches!(self.doing, Doing::Running(_)) {
            self.interrupt = true;
        } else {
            self.received.push_back(byte);
        }
    }

    /// Whether it waits at its prompt with nothing begun and nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.received.is_empty() && matches!(&self.doing, Doing::Reading(line) if line.is_empty())
    }

    /// Takes the next small step; false if there is none without another byte.
    pub(super) fn step(&mut self) -> bool {
        match std::mem::replace(&mut self.doing, Doing::Swallowing) {
            Doing::Running(program) => self.run(program),
            Doing::Ending(outcome) => self.end(outcome),
            Doing::Restarting(steps) => self.restart(steps),
            reading => {
                self.doing = reading;
                let Some(byte) = self.received.pop_front() else {
                    return false;
                };
                self.read(byte);
            }
        }
        true
    }

    fn read(&mut self, byte: u8) {
        self.doing = match (std::mem::replace(&mut self.doing, Doing::Swallowing), byte) {
            (Doing::Reading(line), 1) if line == b"\x05A" => self.request(),
            (Doing::Reading(_), 1) => {
                self.say(BANNER);
                self.prompt()
            }
            (Doing::Reading(_), 3) => Doing::Reading(Vec::new()),
            (Doing::Reading(line), 4) => {
                self.say(b"OK");
                if line.is_empty() {
                    self.say(b"\r\n");
                    self.resets += 1;
                    Doing::Restarting(0)
                } else {
                    let text = String::from_utf8_lossy(&line).into_owned();
                    match text.lines().map(Line::parse).collect() {
                        Some(program) => Doing::Running(program),
                        None => Doing::Ending(Outcome::Refused),
                    }
                }
            }
            (Doing::Reading(mut line), _) => {
                line.push(byte);
                Doing::Reading(line)
            }
            (Doing::Pasting { line, program, left }, _) => self.paste(byte, line, program, left),
            (Doing::Swallowing, 3 | 4) => Doing::Ending(Outcome::Refused),
            (doing, _) => doing,
        };
    }

    fn request(&mut self) -> Doing {
        match self.model.raw_paste {
            RawPaste::Window(window) => {
                self.say(b"R\x01");
                self.say(&window.to_le_bytes());
                self.say(b"\x01");
                Doing::Pasting {
                    line: Vec::new(),
                    program: VecDeque::new(),
                    left: window,
                }
            }
            RawPaste::Declined => {
                self.say(b"R\x00");
                self.prompt()
            }
            RawPaste::Unknown => {
                self.say(BANNER);
                self.prompt()
            }
        }
    }

    fn paste(&mut self, byte: u8, mut line: Vec<u8>, mut program: VecDeque<Line>, mut left: u16) -> Doing {
        match byte {
            3 => {
                self.say(b"\x04");
                return Doing::Ending(Outcome::Stopped);
            }
            4 => {
                self.say(b"\x04");
                if line.is_empty() {
                    return Doing::Running(program);
                }
                return Doing::Ending(Outcome::Refused);
            }
            b'\n' => match Line::parse(&String::from_utf8_lossy(&line)) {
                Some(parsed) => {
                    program.push_back(parsed);
                    line.clear();
                }
                None if line.is_empty() => {}
                None => {
                    self.say(b"\x04");
                    return Doing::Swallowing;
                }
            },
            _ => line.push(byte),
        }
        left -= 1;
        if let RawPaste::Window(window) = self.model.raw_paste
            && left == 0
        {
            self.say(b"\x01");
            left = window;
        }
        Doing::Pasting { line, program, left }
    }

    fn run(&mut self, mut program: VecDeque<Line>) {
        if std::mem::take(&mut self.interrupt) {
            self.doing = Doing::Ending(Outcome::Interrupted);
            return;
        }
        self.doing = match program.pop_front() {
            None => Doing::Ending(Outcome::Finished),
            Some(Line::Raise) => Doing::Ending(Outcome::Raised),
            Some(Line::Exit) => Doing::Ending(Outcome::Exited),
            Some(Line::Print(bytes)) => {
                self.say(&bytes);
                Doing::Running(program)
            }
            Some(Line::Work(steps)) if steps > 0 => {
                program.push_front(Line::Work(steps - 1));
                Doing::Running(program)
            }
            Some(Line::Work(_) | Line::SyntaxError) => Doing::Running(program),
        };
    }

    fn end(&mut self, outcome: Outcome) {
        self.interrupt = false;
        self.outcomes.push(outcome);
        self.say(b"\x04");
        self.say(outcome.traceback());
        self.say(b"\x04");
        self.doing = match outcome {
            Outcome::Exited => Doing::Restarting(0),
            _ => self.prompt(),
        };
    }

    fn restart(&mut self, steps: u8) {
        self.doing = match steps {
            0 => {
                let line = format!("{}\r\n", self.model.wording);
                self.say(line.as_bytes());
                Doing::Restarting(1)
            }
            1 => {
                self.say(b"boot.py\r\n");
                Doing::Restarting(2)
            }
            _ => {
                self.say(BANNER);
                self.prompt()
            }
        };
    }

    fn prompt(&mut self) -> Doing {
        self.say(b">");
        Doing::Reading(Vec::new())
    }
}

impl Outcome {
    pub(super) fn traceback(self) -> &'static [u8] {
        match self {
            Self::Finished | Self::Exited => b"",
            Self::Raised => b"traceback: value error\r\n",
            Self::Interrupted => b"traceback: interrupted\r\n",
            Self::Refused => b"syntax error\r\n",
            Self::Stopped => b"stopped\r\n",
        }
    }
}
