//! The board that a command works on. It is connected when it is first needed.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use belay::python::Value;
use belay::transport::Address;
use belay::{Device, DeviceBuilder, DeviceOutput, Mount, Output, ReconnectPolicy};
use futures_util::FutureExt as _;

use crate::board::ToolDevice;
use crate::commands::Global;
use crate::failure::Failure;
use crate::{progress, screen};

/// The options, and the board if it is connected, shared by all commands of one run.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is about something else that a command decides"
)]
pub(crate) struct Bench {
    pub(crate) global: Global,
    board: Option<Board>,
    /// The folder that is mounted on the board.
    pub(crate) mounted: Option<Mounted>,
    /// Whether more commands follow, so that a lost connection is worth restoring.
    pub(crate) lasting: bool,
    /// Whether programs on the board may run without a deadline.
    pub(crate) patient: bool,
    /// Whether standard input contains commands, so that a program on the board cannot read it.
    pub(crate) dictated: bool,
    /// Whether the board was told to reset itself, so that an error on closing does not matter.
    pub(crate) gone: bool,
}

/// A folder of this machine that is mounted on the board.
#[derive(Debug)]
pub(crate) struct Mounted {
    pub(crate) folder: PathBuf,
    pub(crate) mount: Mount,
}

/// A connected board, and its output.
#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) device: Device,
    pub(crate) voice: Voice,
    tool: Option<ToolDevice>,
}

impl Bench {
    pub(crate) fn new(global: Global) -> Self {
        Self {
            global,
            board: None,
            mounted: None,
            lasting: false,
            patient: false,
            dictated: false,
            gone: false,
        }
    }

    /// The address that the user has given, or else `auto`, which means the only USB port.
    pub(crate) fn address(&self) -> Result<Address, Failure> {
        // An empty variable counts as not set.
        let named = self.global.port.as_deref().filter(|address| !address.is_empty());
        let address = named.unwrap_or("auto");
        address
            .parse()
            .map_err(|error| belay::transport::TransportError::Address(error).into())
    }

    /// The board; connects first, if necessary.
    pub(crate) async fn board(&mut self) -> Result<&mut Board, Failure> {
        if self.board.is_none() {
            let address = self.address()?;
            let what = format!("connecting to {address}");
            let mut builder: DeviceBuilder = Device::builder(address);
            if self.patient {
                let dictated = self.dictated;
                builder = builder.timeout(PATIENCE).input(move |_| answer(dictated));
            }
            if self.lasting {
                let pause = Duration::from_millis(100);
                builder = builder.reconnect(ReconnectPolicy::attempts(100).back_off(pause, pause));
            }
            let device = progress::waiting(&what, builder.connect()).await?;
            let voice = Voice::new(device.output());
            self.board = Some(Board {
                device,
                voice,
                tool: None,
            });
        }
        match &mut self.board {
            Some(board) => Ok(board),
            None => Err(Failure::failed("there is no board")),
        }
    }

    /// Shows the board's output on standard output again, whatever the last command chose.
    pub(crate) fn hear(&mut self) {
        if let Some(board) = &mut self.board {
            board.voice.speak_to(Ear::Output);
        }
    }

    /// Disconnects from the board. A program that is interrupted by this may print more, which is shown.
    pub(crate) async fn release(&mut self) -> Result<(), Failure> {
        let Some(Board {
            device, mut voice, ..
        }) = self.board.take()
        else {
            return Ok(());
        };
        let closed = voice.during(device.close()).await;
        self.mounted = None;
        closed.or_else(|error| if self.gone { Ok(()) } else { Err(error.into()) })
    }
}

/// Reads the next line of standard input for a program that asks for one. The board has already printed the
/// prompt, in order with its other output.
async fn answer(dictated: bool) -> io::Result<String> {
    let at_end = |why| io::Error::new(io::ErrorKind::UnexpectedEof, why);
    if dictated {
        return Err(at_end("standard input has the commands of `belay shell`"));
    }
    let (reply, line) = tokio::sync::oneshot::channel();
    // A separate thread, since the command must not wait for a line when it ends.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line).map(|length| (length, line));
        let _ = reply.send(read);
    });
    let (length, line) = line.await.map_err(io::Error::other)??;
    if length == 0 {
        return Err(at_end("standard input is at its end"));
    }
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Output that has been received and not been shown. When a call returns, all of its output has been
/// received.
pub(crate) fn printed(output: &mut DeviceOutput) -> Option<Output> {
    tokio::task::unconstrained(output.next()).now_or_never().flatten()
}

/// A board with less free memory than this, in bytes, has room for the user's program but not for our
/// methods.
const SMALL: u64 = 16 << 10;
/// The deadline of a program: practically none, since Ctrl-C ends it.
const PATIENCE: Duration = Duration::from_secs(2_000_000);
/// The namespace in which programs run.
const MAIN: &str = "__main__";

impl Board {
    /// Whether the board has too little memory for our methods.
    pub(crate) fn is_small(&self) -> bool {
        let free = self.device.capabilities().free_memory;
        free.is_some_and(|free| free < SMALL)
    }

    /// Runs statements on a small board, without our methods.
    pub(crate) async fn run_plainly(&mut self, code: &str) -> belay::Result<Value> {
        let running = self.device.tasks().execute_in(MAIN, code);
        self.voice.during(running).await.map(|_| Value::None)
    }

    /// Evaluates an expression on a small board, after running the statements before it.
    pub(crate) async fn evaluate_plainly(&mut self, before: &str, expression: &str) -> belay::Result<Value> {
        if !before.trim().is_empty() {
            self.run_plainly(before).await?;
        }
        let evaluating = self.device.tasks().evaluate_in(MAIN, expression);
        self.voice.during(evaluating).await?.to()
    }

    /// Our methods on the board; deploys them first, if necessary.
    pub(crate) async fn tool(&mut self) -> Result<ToolDevice, Failure> {
        if self.tool.is_none() {
            self.tool = Some(self.device.attach().await?);
        }
        self.tool.clone().ok_or_else(|| {
            Failure::failed("the methods that the command needs could not be put onto the board")
        })
    }
}

/// The board's output, on its way to standard output.
#[derive(Debug)]
pub(crate) struct Voice {
    output: DeviceOutput,
    /// Whether a carriage return was held back because a line feed may follow.
    carriage_return: bool,
    ear: Ear,
}

/// Where the board's output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ear {
    /// To standard output.
    Output,
    /// To standard error, since another program reads standard output.
    Aside,
    Nobody,
}

impl Voice {
    fn new(output: DeviceOutput) -> Self {
        Self {
            output,
            carriage_return: false,
            ear: Ear::Output,
        }
    }

    /// Shows the board's output while `work` runs, and the rest of it once `work` is done.
    pub(crate) async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                piece = self.output.next() => match piece {
                    Some(piece) => self.show(&piece),
                    None => return work.await,
                },
                done = &mut work => {
                    self.rest();
                    return done;
                }
            }
        }
    }

    /// Sends the output elsewhere from now on.
    pub(crate) fn speak_to(&mut self, ear: Ear) {
        self.rest();
        self.ear = ear;
    }

    /// Shows the output that has been received.
    fn rest(&mut self) {
        while let Some(piece) = printed(&mut self.output) {
            self.show(&piece);
        }
        if std::mem::take(&mut self.carriage_return) {
            self.say(b"\r");
        }
    }

    /// Shows a piece of output, with this system's line endings. An error is ignored: the reader has gone.
    fn show(&mut self, piece: &Output) {
        if self.ear == Ear::Nobody {
            return;
        }
        let bytes = match piece {
            Output::Bytes(bytes) => bytes,
            Output::Overflow(lost) => {
                screen::note(&format!("[{lost} bytes lost]\n"));
                return;
            }
        };
        let mut text = Vec::with_capacity(bytes.len() + 1);
        for byte in bytes.iter().copied() {
            if std::mem::take(&mut self.carriage_return) && byte != b'\n' {
                text.push(b'\r');
            }
            match byte {
                b'\r' => self.carriage_return = true,
                _ => text.push(byte),
            }
        }
        self.say(&text);
    }

    fn say(&self, bytes: &[u8]) {
        let _ = match self.ear {
            Ear::Output => screen::write_bytes(bytes),
            Ear::Aside => io::stderr().write_all(bytes),
            Ear::Nobody => Ok(()),
        };
    }
}

/// Runs `work` until somebody closes standard output, since a board could print for ever.
pub(crate) async fn while_read(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::select! {
        biased;
        done = work => done,
        () = screen::UNREAD.notified() => Err(Failure::Told(0)),
    }
}

/// Runs `work` unless Ctrl-C is pressed.
pub(crate) async fn unless_interrupted(
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    tokio::select! {
        done = work => done,
        pressed = tokio::signal::ctrl_c() => {
            pressed?;
            Err(Failure::Interrupted)
        }
    }
}

/// Runs `work` unless the system asks this program to end. In that case, too, the terminal and the board are
/// left in order.
pub(crate) async fn unless_told_to_end(
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    tokio::select! {
        done = work => done,
        status = told_to_end() => Err(Failure::Told(status?)),
    }
}

/// Waits until the system asks this program to end, and returns the exit status for that.
#[cfg(unix)]
async fn told_to_end() -> io::Result<u8> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = terminate.recv() => Ok(128 + 15),
        _ = hang_up.recv() => Ok(128 + 1),
    }
}

/// Waits until the system asks this program to end, which cannot be noticed here.
#[cfg(not(unix))]
async fn told_to_end() -> io::Result<u8> {
    std::future::pending().await
}
