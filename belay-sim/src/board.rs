//! A running board, and the builder that starts one.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::oneshot;

use crate::{
    cable::Cable,
    error::{Error, Result},
    process::Recipe,
    progress::Report,
    pump::{Command, Pump},
    source::{self, Kind},
};

/// The settings that a board is started with.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    kind: Kind,
    heap_kb: u32,
    files: Vec<(PathBuf, Vec<u8>)>,
    report: Report,
    under: Vec<String>,
}

impl Builder {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            heap_kb: 512,
            files: Vec::new(),
            report: Report::Auto,
            under: Vec::new(),
        }
    }

    /// Sets the size of the board's heap in kilobytes: at least 16, by default 512. The heap of the boards in
    /// QEMU has a fixed size.
    pub fn heap_kb(mut self, heap_kb: u32) -> Self {
        self.heap_kb = heap_kb;
        self
    }

    /// Puts a file on the board before it starts, such as `boot.py` or `main.py`, for boards that have a file
    /// system. The path is the one on the board, with or without its first slash.
    pub fn file(mut self, path: impl Into<PathBuf>, contents: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.into(), contents.into()));
        self
    }

    /// Chooses how a build, if one is necessary, shows its progress.
    pub fn report(mut self, report: Report) -> Self {
        self.report = report;
        self
    }

    /// Runs the board's process under another program, such as `valgrind`, to count what the board does. The
    /// board's program and its arguments are appended to these words.
    pub fn under<A: Into<String>>(mut self, program: impl IntoIterator<Item = A>) -> Self {
        self.under = program.into_iter().map(Into::into).collect();
        self
    }

    /// Says in a few words whether the board has been built, or would have to be.
    ///
    /// # Errors
    /// When it has not been built, and cannot be built with the installed programs.
    pub fn check(&self) -> Result<&'static str> {
        source::check(self.kind)
    }

    /// Starts the board, after building it if it has not been built yet.
    ///
    /// # Errors
    /// When the board cannot be built or the system has no pseudo-terminal left.
    ///
    /// # Cancel safety
    /// Dropping the future leaves no board running; a build that has begun continues.
    pub async fn start(self) -> Result<Board> {
        let (send, receive) = oneshot::channel();
        thread::Builder::new()
            .name("belay-sim start".into())
            .spawn(move || send.send(self.start_blocking()))
            .map_err(Error::io("starting a thread"))?;
        receive.await.map_err(|_| Error::Stopped)?
    }

    /// Like [`start`](Self::start), for programs without an async runtime.
    ///
    /// # Errors
    /// When the board cannot be built or the system has no pseudo-terminal left.
    pub fn start_blocking(self) -> Result<Board> {
        let recipe = source::recipe(self.kind, self.heap_kb, self.report)?;
        Board::run(recipe.under(self.under), &self.files)
    }
}

/// A simulated board that runs until this is dropped.
#[derive(Debug)]
pub struct Board {
    port: String,
    process_id: u32,
    directory: PathBuf,
    cable: Cable,
    pump: Option<JoinHandle<()>>,
}

impl Board {
    /// A fast board with threads, asyncio and a file system: MicroPython's unix port made to behave
    /// like a board.
    pub fn unix() -> Builder {
        Builder::new(Kind::Unix)
    }

    /// The [`unix`](Self::unix) board with floats of 32 bits, as most microcontrollers have them.
    pub fn unix_single() -> Builder {
        Builder::new(Kind::UnixSingle)
    }

    /// MicroPython with the differences of `CircuitPython`, as far as a build of `MicroPython` allows them.
    /// It is not `CircuitPython`, but reports the name and version of it, so that programs treat it in the
    /// same way.
    ///
    /// There are no `_thread`, `machine` and `asyncio`, hardly anything in `micropython`, and other functions
    /// in `time`; there are `board`, `digitalio`, `analogio`, `microcontroller`, `supervisor`, `storage` and
    /// `traceback`. Checksums take bytes only, `repr` does not escape text, floats have 30 bits, and a
    /// "pystack" limits literals and recursion. The file system is read-only unless `boot.py` claims it from
    /// the host. The input buffer is a ring of 256 bytes that accepts no packet, Ctrl-C included, while less
    /// than 64 bytes are free; Ctrl-C discards unread input. Each REPL and each program has an interpreter of
    /// its own. After `code.py` has ended a key has to be pressed, and `code.py` starts again when a file in
    /// the board's [directory](Self::directory) is written to meanwhile.
    pub fn circuitpython_like() -> Builder {
        Builder::new(Kind::CircuitPythonLike)
    }

    /// The [`unix`](Self::unix) board with sockets, and with what MicroPython's WebREPL is made of in C: `_webrepl`, which
    /// asks for the password, `websocket` and `os.dupterm`. A `boot.py` with `import webrepl` and
    /// `webrepl.start(port=…, password=…)` has it listen on a TCP port of this machine; that module is this crate's own, in
    /// the place of MicroPython's. The board's own port is there as well.
    ///
    /// What comes by WebREPL goes through a ring, and what that has no room for is lost: it holds 4 KB, where an ESP32's holds
    /// 260 bytes. Its network is this machine's. A reset closes all sockets.
    pub fn webrepl() -> Builder {
        Builder::new(Kind::WebRepl)
    }

    /// The awkward board: MicroPython on the bare metal of an emulated Cortex-M3, with 139 KB of heap
    /// and a UART. It ignores Ctrl-C and has neither `time` nor threads nor a file system. It needs a
    /// whole processor even when idle, and its port vanishes on `machine.reset()`.
    pub fn mps2() -> Builder {
        Builder::new(Kind::Mps2)
    }

    /// The old board: an emulated micro:bit with MicroPython 1.9, which has 9 KB of heap, no raw-paste
    /// mode, no `sys.stdin`, no `json` and no f-strings.
    pub fn microbit() -> Builder {
        Builder::new(Kind::Microbit)
    }

    fn run(recipe: Recipe, files: &[(PathBuf, Vec<u8>)]) -> Result<Self> {
        source::sweep_directories();
        let directory = tempfile::Builder::new()
            .prefix(&source::directory_prefix())
            .tempdir()
            .map_err(Error::io("making a directory for the board's files"))?;
        let path = directory.path().to_owned();
        for (name, contents) in files {
            write(&path.join(name.strip_prefix("/").unwrap_or(name)), contents)?;
        }
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|error| Error::io("making an event")(error.into()))?;
        let ours = wake.try_clone().map_err(Error::io("sharing an event"))?;
        let (commands, receiver) = mpsc::channel();
        let program = recipe.program.display().to_string();
        let (starting, started) = mpsc::channel();
        // The thread that runs the pump also has to start the board's process: the kernel kills a process in
        // QEMU when the thread that started it ends.
        let hold = move || match Pump::start(recipe, directory, receiver, wake) {
            Ok(pump) => {
                let told = (pump.port().to_owned(), pump.process_id(), pump.counts());
                if starting.send(Ok(told)).is_ok() {
                    pump.run();
                }
            }
            // Sending fails only if nobody waits for the board any more.
            Err(error) => drop(starting.send(Err(error))),
        };
        let thread = thread::Builder::new()
            .name("belay-sim cable".into())
            .spawn(hold)
            .map_err(Error::io("starting a thread"))?;
        let told = started.recv().map_err(|_| Error::Stopped)?;
        let (port, process_id, counts) =
            told.map_err(Error::io(format!("starting {program} on a pseudo-terminal")))?;
        let cable = Cable::new(commands, Arc::new(ours), counts);
        Ok(Self {
            port,
            process_id,
            directory: path,
            cable,
            pump: Some(thread),
        })
    }

    /// The path of the board's port, for any program that speaks to serial ports.
    pub fn port(&self) -> &str {
        &self.port
    }

    /// The cable between the port and the board.
    pub fn cable(&self) -> &Cable {
        &self.cable
    }

    /// The directory that is the board's file system, for boards that have one.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The process id of the board's process.
    pub fn process_id(&self) -> u32 {
        self.process_id
    }

    /// Switches the board off and on, as pressing its reset button would. The port stays. The board loses
    /// what it was doing, but not its file system.
    ///
    /// # Errors
    /// When the board has stopped or does not start again.
    pub fn restart(&mut self) -> Result<()> {
        let (send, receive) = mpsc::channel();
        self.cable.send(Command::Restart(send))?;
        let process_id = receive.recv().map_err(|_| Error::Stopped)?;
        self.process_id = process_id.map_err(Error::io("starting the board again"))?;
        Ok(())
    }

    /// Pulls the plug: the port disappears, and every program that has it open is hung up.
    ///
    /// # Errors
    /// When the board has stopped.
    pub fn vanish(&self) -> Result<()> {
        let (send, receive) = mpsc::channel();
        self.cable.send(Command::Vanish(send))?;
        receive.recv().map_err(|_| Error::Stopped)
    }

    /// Plugs the board in again, at a port with another name, which [`port`](Self::port) returns.
    ///
    /// # Errors
    /// When the board has stopped or the system has no pseudo-terminal left.
    pub fn appear(&mut self) -> Result<&str> {
        let (send, receive) = mpsc::channel();
        self.cable.send(Command::Appear(send))?;
        let port = receive.recv().map_err(|_| Error::Stopped)?;
        self.port = port.map_err(Error::io("opening a pseudo-terminal"))?;
        Ok(&self.port)
    }

    /// Stops the board; dropping it does the same.
    pub fn stop(self) {}
}

/// Writes a file, and creates the directories above it.
fn write(path: &Path, contents: &[u8]) -> Result<()> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(path, contents))
        .map_err(Error::io(format!("writing {}", path.display())))
}

impl Drop for Board {
    fn drop(&mut self) {
        // The pump may have ended by itself; then there is nothing to stop and nothing to wait for.
        let _ = self.cable.send(Command::Stop);
        if let Some(pump) = self.pump.take() {
            let _ = pump.join();
        }
    }
}
