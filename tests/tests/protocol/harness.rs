//! The raw REPL state machine on a real board's port: it does what the link does in the runtime, but no more than the
//! tests need.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use belay_runtime::protocol::{Event, Execution, Mode, Operation, Options, RawRepl, Stage};
use belay_runtime::transport::{Address, Transport};
use belay_sim::Board;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Far longer than anything here takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// The boards, as far as they differ in the raw REPL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Unix,
    CircuitPythonLike,
    Mps2,
    Microbit,
}

impl Kind {
    pub(crate) fn has_raw_paste(self) -> bool {
        self != Self::Microbit
    }

    /// Whether running code can be interrupted.
    pub(crate) fn is_interruptible(self) -> bool {
        self != Self::Mps2
    }

    /// The length of source that memory does not limit, so that only the protocol is tested.
    pub(crate) fn long_source(self) -> usize {
        match self {
            Self::Unix | Self::CircuitPythonLike | Self::Mps2 => 2000,
            // In pieces of 256 bytes it lost some bytes on a busy machine.
            Self::Microbit => 1500,
        }
    }

    async fn start(self) -> Board {
        let builder = match self {
            Self::Unix => Board::unix(),
            Self::CircuitPythonLike => Board::circuitpython_like(),
            Self::Mps2 => Board::mps2(),
            Self::Microbit => Board::microbit(),
        };
        builder.start().await.expect("the board starts")
    }

    /// An emulated board uses a whole processor while it waits, so only one runs at a time.
    fn is_emulated(self) -> bool {
        matches!(self, Self::Mps2 | Self::Microbit)
    }
}

/// Runs one test on a board of its own.
pub(crate) fn run<F: Future<Output = ()>>(kind: Kind, test: impl FnOnce(Bench) -> F) {
    static EMULATOR: Mutex<()> = Mutex::new(());
    let _one = kind
        .is_emulated()
        .then(|| EMULATOR.lock().unwrap_or_else(PoisonError::into_inner));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let bench = Bench::new(kind).await;
        timeout(6 * PATIENCE, test(bench)).await.expect("the test ends");
    });
}

/// A board, its port, and the state machine that talks to it.
pub(crate) struct Bench {
    pub(crate) kind: Kind,
    pub(crate) board: Board,
    pub(crate) repl: RawRepl,
    port: Box<dyn Transport>,
    /// All output since [`Bench::start`].
    pub(crate) output: Vec<u8>,
    /// All other events since then.
    pub(crate) events: Vec<Event>,
    /// Everything that was received since then, unprocessed.
    pub(crate) received: Vec<u8>,
}

impl Bench {
    async fn new(kind: Kind) -> Self {
        let board = kind.start().await;
        let port = Address::serial(board.port())
            .open()
            .await
            .expect("the port opens");
        let options = Options {
            nonce: 0xb0a4d,
            ..Options::default()
        };
        Self {
            kind,
            board,
            repl: RawRepl::new(options),
            port,
            output: Vec::new(),
            events: Vec::new(),
            received: Vec::new(),
        }
    }

    pub(crate) fn start(&mut self, operation: Operation) {
        self.output.clear();
        self.events.clear();
        self.received.clear();
        self.repl.start(operation).expect("the operation may be started");
    }

    /// Writes what the machine wants to write, and reads once. Gives `false` if nothing came for `patience`.
    pub(crate) async fn turn(&mut self, patience: Duration) -> bool {
        while let Some(write) = self.repl.poll_write() {
            self.port
                .write_all(&write.bytes)
                .await
                .expect("the port takes bytes");
            if let Some(pause) = write.pause {
                tokio::time::sleep(pause).await;
            }
        }
        let mut buffer = [0; 1024];
        let Ok(count) = timeout(patience, self.port.read(&mut buffer)).await else {
            return false;
        };
        let count = count.expect("the port gives bytes");
        assert!(
            count > 0,
            "the port is gone; the board had sent {}",
            self.received.escape_ascii()
        );
        self.received.extend(&buffer[..count]);
        self.repl.receive(&buffer[..count]);
        self.take_events();
        true
    }

    fn take_events(&mut self) {
        while let Some(event) = self.repl.poll_event() {
            match event {
                Event::Output(bytes) => {
                    self.output.extend(bytes);
                    if self.output.ends_with(REPLY) {
                        self.repl.reply_seen();
                    }
                }
                event => self.events.push(event),
            }
        }
    }

    /// Goes on until the machine has reached this state.
    pub(crate) async fn until(&mut self, reached: impl Fn(&Self) -> bool) {
        self.take_events();
        while !reached(self) {
            let came = self.turn(PATIENCE).await;
            assert!(
                came,
                "nothing more comes in {:?}; {:?}; the board had sent {}",
                self.repl.stage(),
                self.events,
                self.received.escape_ascii()
            );
        }
    }

    pub(crate) async fn until_stage(&mut self, stage: Stage) {
        self.until(|bench| bench.repl.stage() == stage).await;
    }

    /// Goes on until the output contains this.
    pub(crate) async fn until_output(&mut self, text: &str) {
        let text = text.as_bytes();
        self.until(|bench| bench.output.windows(text.len()).any(|window| window == text))
            .await;
    }

    pub(crate) async fn enter(&mut self) {
        self.start(Operation::Enter);
        let begun = Instant::now();
        let mut came = Vec::new();
        let mut patience = Duration::from_millis(500);
        // A board that has only just started may not read yet, and one that is compiling loses a Ctrl-C, so the attempt
        // is repeated. The interval grows, since a slow board must not be interrupted for ever.
        while !self.events.contains(&Event::Entered) {
            if !self.turn(patience).await {
                patience *= 2;
                // A byte that comes before this old firmware reads its UART blocks it for ever, since QEMU does not
                // repeat the interrupt.
                if self.kind == Kind::Microbit && patience == Duration::from_secs(4) {
                    self.board.restart().expect("the board has a reset button");
                }
                came.append(&mut self.received);
                came.extend(b"<silence>");
                assert!(
                    begun.elapsed() < 2 * PATIENCE,
                    "the raw REPL cannot be entered, {:?}; the board sent {}",
                    self.repl.stage(),
                    came.escape_ascii()
                );
                self.start(Operation::Enter);
            }
        }
    }

    /// Runs source code to its end and returns its output and its traceback, with plain line ends.
    pub(crate) async fn execute(&mut self, execution: Execution) -> (String, String) {
        self.start(Operation::Execute(execution));
        self.finish().await
    }

    /// Waits for the end of the current execution.
    pub(crate) async fn finish(&mut self) -> (String, String) {
        self.until_stage(Stage::Idle).await;
        match self.events.last() {
            Some(Event::Done { traceback, .. }) => (text(&self.output), text(traceback)),
            other => panic!("the execution should be done, but: {other:?}"),
        }
    }

    pub(crate) async fn run(&mut self, source: &str) -> (String, String) {
        self.execute(auto(source)).await
    }

    /// Checks that board and machine are at the prompt.
    pub(crate) async fn works(&mut self) {
        assert_eq!(self.run("print(6*7)").await, ("42\n".into(), String::new()));
    }

    /// Writes bytes without the machine's knowledge, as another program would.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.port.write_all(bytes).await.expect("the port takes bytes");
    }

    /// Reads, without the machine's knowledge, until the board has sent this.
    pub(crate) async fn read_until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut read = Vec::new();
        while !read.ends_with(end) {
            let byte = timeout(PATIENCE, self.port.read_u8()).await;
            let byte = byte.unwrap_or_else(|_| panic!("only this came: {}", read.escape_ascii()));
            read.push(byte.expect("the port gives bytes"));
        }
        read
    }
}

/// The last text that a framed program of these tests prints.
pub(crate) const REPLY: &[u8] = b"[the reply]";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n")
}

pub(crate) fn auto(source: &str) -> Execution {
    Execution {
        source: source.into(),
        mode: Mode::Auto,
        framed: false,
    }
}

pub(crate) fn plain(source: &str) -> Execution {
    Execution {
        mode: Mode::Plain,
        ..auto(source)
    }
}

pub(crate) fn framed(source: &str) -> Execution {
    Execution {
        framed: true,
        ..auto(source)
    }
}
