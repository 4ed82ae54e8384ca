//! The board's process, on a pseudo-terminal of its own.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{ffi::OsStrExt as _, fs::OpenOptionsExt as _},
    },
    path::PathBuf,
    process::{Child, Command},
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::port::set_raw;

/// How to start a board's process.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    /// Whether the board starts again when its process ends by itself, as after a watchdog's reset.
    pub(crate) restarts: bool,
    /// Whether to send the board nothing before its first output. Input that comes sooner now and then makes
    /// the emulated micro:bit ignore all input for good.
    pub(crate) speaks_first: bool,
}

impl Recipe {
    /// The same process run under another program, unless `other` is empty.
    pub(crate) fn under(mut self, mut other: Vec<String>) -> Self {
        if other.is_empty() {
            return self;
        }
        let program = std::mem::replace(&mut self.program, other.remove(0).into());
        other.push(program.display().to_string());
        other.append(&mut self.args);
        self.args = other;
        self
    }
}

/// The process of a running board. Its pseudo-terminal is its controlling terminal: when our end closes, for
/// whatever reason, the kernel hangs the process up.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    master: File,
    started: Instant,
    /// Whether the board accepts input yet.
    pub(crate) listens: bool,
}

/// Held while a board starts: its terminal is opened without close-on-exec and gets the flag a moment later.
/// A board started in between would inherit the terminal and keep it open.
static STARTING: Mutex<()> = Mutex::new(());

impl Process {
    pub(crate) fn start(recipe: &Recipe, directory: &std::path::Path) -> io::Result<Self> {
        let _one_at_a_time = STARTING.lock();
        let (master, terminal) = pty_process::blocking::open().map_err(io::Error::other)?;
        set_raw(&master)?;
        rustix::io::ioctl_fionbio(&master, true)?;
        let mut command = Command::new(&recipe.program);
        command.args(&recipe.args).current_dir(directory);
        let child = pty_process::blocking::Command::from(command)
            .stdin(locked(&master)?)
            .spawn(terminal)
            .map_err(io::Error::other)?;
        Ok(Self {
            child,
            master: File::from(OwnedFd::from(master)),
            started: Instant::now(),
            listens: !recipe.speaks_first,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How long ago it was started.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn file(&self) -> &File {
        &self.master
    }
}

/// Opens the board's side of its terminal, and takes the lock that programs take on a serial port; the board
/// holds it from then on. The kernel gives the name of an unplugged port to the next terminal, and a client
/// that is still waiting for the port of that name must not open the terminal inside of another board.
fn locked(master: impl AsFd) -> io::Result<File> {
    let name = rustix::pty::ptsname(master, Vec::new())?;
    let terminal = File::options()
        .read(true)
        .write(true)
        .custom_flags(rustix::fs::OFlags::NOCTTY.bits().cast_signed())
        .open(OsStr::from_bytes(name.as_bytes()))?;
    terminal.try_lock()?;
    Ok(terminal)
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both can fail only if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
