//! What the tools behind `cargo xtask` share.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use belay::{Error, ErrorKind};
use belay_sim::{Board, Builder};
use tokio::runtime;

/// The runtime that a tool works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Runtime {
    /// Several threads, between which tasks move at any time.
    MultiThread,
    /// One thread, on which all take their turns.
    CurrentThread,
}

impl Runtime {
    /// Runs this to its end.
    ///
    /// # Panics
    ///
    /// When the system has no threads left.
    pub fn run<T>(self, what: impl Future<Output = T>) -> T {
        let mut builder = match self {
            Self::MultiThread => runtime::Builder::new_multi_thread(),
            Self::CurrentThread => runtime::Builder::new_current_thread(),
        };
        // Several threads even on few processors: the system may then preempt a task at any point.
        let runtime = builder.worker_threads(4).enable_all().build();
        runtime.expect("a runtime can be made").block_on(what)
    }
}

/// The simulated board that a tool works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum BoardKind {
    /// [`Board::unix`].
    Unix,
    /// [`Board::circuitpython_like`].
    #[value(name = "circuitpython-like")]
    CircuitPythonLike,
    /// [`Board::mps2`].
    Mps2,
    /// [`Board::microbit`].
    Microbit,
}

impl BoardKind {
    /// A builder for a board of this kind.
    pub fn builder(self) -> Builder {
        match self {
            Self::Unix => Board::unix(),
            Self::CircuitPythonLike => Board::circuitpython_like(),
            Self::Mps2 => Board::mps2(),
            Self::Microbit => Board::microbit(),
        }
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unix => "unix",
            Self::CircuitPythonLike => "circuitpython-like",
            Self::Mps2 => "mps2",
            Self::Microbit => "microbit",
        }
    }
}

/// Shows on stderr what `RUST_LOG` asks for.
pub fn log_if_asked() {
    if std::env::var_os("RUST_LOG").is_some() {
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_writer(io::stderr)
            .init();
    }
}

/// Keeps the last part of the log in memory, to be written to a file after a failure.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<Mutex<VecDeque<u8>>>);

impl Recorder {
    /// How many bytes are kept.
    const ROOM: usize = 4 << 20;

    /// Records everything that the library logs from now on.
    pub fn start() -> Self {
        let recorder = Self::default();
        let writer = recorder.clone();
        tracing_subscriber::fmt()
            .with_env_filter("belay=trace,belay_runtime=trace")
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .init();
        recorder
    }

    fn remembered(&self) -> MutexGuard<'_, VecDeque<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was recorded before, at the beginning of a run.
    pub fn clear(&self) {
        self.remembered().clear();
    }

    /// Writes what it remembers into this file.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, self.remembered().make_contiguous())
    }
}

impl io::Write for Recorder {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut remembered = self.remembered();
        let over = (remembered.len() + text.len()).saturating_sub(Self::ROOM);
        let over = over.min(remembered.len());
        remembered.drain(..over);
        remembered.extend(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a call may end in this error because the line or the board went away during it.
pub fn tells_of_the_line(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Timeout { .. }
            | ErrorKind::FateUnknown(_)
            | ErrorKind::Reset
            | ErrorKind::Disconnected(_)
            | ErrorKind::Unresponsive { .. }
            | ErrorKind::Interrupted
            | ErrorKind::Transport(_)
    )
}
