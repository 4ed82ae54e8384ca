//! The outer pseudo-terminal. Its path is the board's port.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd},
        unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::inotify,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{OptionalActions, OutputModes, QueueSelector, ioctl_tiocnxcl, tcflush, tcgetattr, tcsetattr},
};

/// A pseudo-terminal in raw mode that knows how many programs have it open.
///
/// Keeping a descriptor of the client's end open preserves the terminal's settings and prevents hang-ups.
/// File notifications (inotify) of the kernel report when a client opens or closes the port.
#[derive(Debug)]
pub(crate) struct Port {
    master: File,
    slave: File,
    watch: OwnedFd,
    clients: usize,
    path: String,
}

impl Port {
    pub(crate) fn open() -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let path = ptsname(&master, Vec::new())?
            .into_string()
            .map_err(|_| io::ErrorKind::InvalidData)?;
        let slave = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(nonblocking_flags())
            .open(&path)?;
        set_raw(&slave)?;
        rustix::io::ioctl_fionbio(&master, true)?;
        let watch = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        inotify::add_watch(
            &watch,
            &*path,
            inotify::WatchFlags::OPEN | inotify::WatchFlags::CLOSE_WRITE | inotify::WatchFlags::CLOSE_NOWRITE,
        )?;
        Ok(Self {
            master: File::from(master),
            slave,
            watch,
            clients: 0,
            path,
        })
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn watch(&self) -> BorrowedFd<'_> {
        self.watch.as_fd()
    }

    /// Whether any program has the port open.
    pub(crate) fn has_client(&self) -> bool {
        self.clients > 0
    }

    /// Unplugs the port: its clients are hung up. As long as the returned file is open, no other terminal
    /// gets the name.
    pub(crate) fn unplug(self) -> File {
        self.slave
    }

    /// Reads what clients have written.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = (&self.master).read(buffer)?;
        // The kernel merges notifications of two clients that open the port at once; a client that writes has
        // it open.
        self.clients = self.clients.max(1);
        Ok(received)
    }

    /// Where to write what clients are to read.
    pub(crate) fn writer(&self) -> &File {
        &self.master
    }

    /// Updates the number of clients. Returns whether the last client has gone.
    pub(crate) fn update_clients(&mut self) -> bool {
        let before = self.clients;
        let mut gone = false;
        let mut buffer = [MaybeUninit::uninit(); 1024];
        let mut events = inotify::Reader::new(&self.watch, &mut buffer);
        while let Ok(event) = events.next() {
            if event.events().contains(inotify::ReadFlags::OPEN) {
                self.clients += 1;
            } else if event
                .events()
                .intersects(inotify::ReadFlags::CLOSE_WRITE | inotify::ReadFlags::CLOSE_NOWRITE)
            {
                self.clients = self.clients.saturating_sub(1);
                gone = true;
            }
        }
        if self.clients > 0 || before == 0 && !gone {
            return false;
        }
        // The count may be too low, since the kernel merges notifications, and then does not tell which
        // clients are left.
        if self.is_open_elsewhere() {
            self.clients = 1;
            return false;
        }
        self.hang_up();
        true
    }

    /// Whether any process has the port open, apart from this process's own descriptor and the copies of it
    /// that a child has before its exec. A process that has it open will close it, which the kernel reports.
    fn is_open_elsewhere(&self) -> bool {
        let Ok(device) = self.slave.metadata().map(|own| own.rdev()) else {
            return false;
        };
        let own = self.slave.as_raw_fd().to_string();
        let program = fs::read_link("/proc/self/exe").ok();
        let is_ours = |process: &Path| fs::read_link(process.join("exe")).ok() == program;
        let has_open = |process: PathBuf| {
            entries(&process.join("fd"))
                .filter(|file| fs::metadata(file).is_ok_and(|file| file.rdev() == device))
                .any(|file| !(file.ends_with(&own) && is_ours(&process)))
        };
        entries(Path::new("/proc")).any(has_open)
    }

    /// Resets the port for the next client: a pseudo-terminal that is never closed completely keeps its
    /// exclusive lock, its settings and its unread input.
    fn hang_up(&self) {
        let _ = ioctl_tiocnxcl(&self.slave);
        let _ = tcflush(&self.slave, QueueSelector::IFlush);
        let _ = set_raw(&self.slave);
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }
}

/// The entries of a directory, as far as we may read it.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

/// Makes a terminal pass bytes on as they are, without echo.
pub(crate) fn set_raw(terminal: impl AsFd) -> io::Result<()> {
    let mut settings = tcgetattr(&terminal)?;
    settings.make_raw();
    // QEMU switches output processing on again when it starts, so no output mode may be left to apply.
    settings.output_modes = OutputModes::empty();
    Ok(tcsetattr(&terminal, OptionalActions::Now, &settings)?)
}

fn nonblocking_flags() -> i32 {
    i32::try_from((rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::NONBLOCK).bits()).unwrap_or(0)
}
