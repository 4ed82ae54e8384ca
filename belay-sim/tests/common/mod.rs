//! A minimal serial program.

#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

#[cfg(feature = "cli")]
mod holder;

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    os::{
        fd::OwnedFd,
        unix::{
            fs::{OpenOptionsExt as _, PermissionsExt as _},
            process::CommandExt as _,
        },
    },
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};

#[cfg(feature = "cli")]
#[allow(unused_imports, reason = "each test program uses a part of it")]
pub use holder::Holder;

/// How long anything may take before a test gives up.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The raw REPL's banner and prompt.
pub const RAW: &[u8] = b"raw REPL; CTRL-B to exit\r\n>";

/// A program that has a port open.
pub struct Client {
    port: File,
    received: Vec<u8>,
}

impl Client {
    pub fn open(port: &str) -> Self {
        let flags = rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).expect("flags are small");
        let port = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(port);
        Self {
            port: port.expect("the port can be opened"),
            received: Vec::new(),
        }
    }

    /// A client whose board is in the raw REPL.
    pub fn raw(port: &str) -> Self {
        let mut client = Self::open(port);
        client.send(b"\r\x03\x01");
        client.until(RAW);
        client
    }

    pub fn send(&mut self, mut bytes: &[u8]) {
        let deadline = Instant::now() + DEADLINE;
        while !bytes.is_empty() {
            match self.port.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::OUT, deadline),
                Err(error) => panic!("writing: {error}"),
            }
        }
    }

    /// Reads until what was received ends with this, and returns all of it.
    pub fn until(&mut self, end: &[u8]) -> Vec<u8> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(at) = find(&self.received, end) {
                return self.received.drain(..at + end.len()).collect();
            }
            assert!(
                self.read(deadline),
                "the port has gone; received {:?}",
                self.text()
            );
        }
    }

    /// Reads until the port is gone.
    pub fn until_gone(&mut self) {
        let deadline = Instant::now() + DEADLINE;
        while self.read(deadline) {}
    }

    /// Everything that arrives within a while in which nothing may be expected.
    pub fn within(&mut self, time: Duration) -> Vec<u8> {
        let end = Instant::now() + time;
        while let left = end.saturating_duration_since(Instant::now())
            && !left.is_zero()
        {
            let timeout = Timespec::try_from(left).expect("a short while");
            let mut fds = [PollFd::new(&self.port, PollFlags::IN)];
            if poll(&mut fds, Some(&timeout)).expect("poll works") == 0 || !self.read(end) {
                break;
            }
        }
        std::mem::take(&mut self.received)
    }

    /// Runs code in the raw REPL and returns what it printed.
    pub fn exec(&mut self, code: &str) -> String {
        let (output, errors) = self.run(code);
        assert_eq!(
            errors, "",
            "{code:?} raised an exception after printing {output:?}"
        );
        output
    }

    /// Runs code in the raw REPL and returns what it printed and its traceback.
    pub fn run(&mut self, code: &str) -> (String, String) {
        self.send(code.as_bytes());
        self.send(b"\x04");
        self.until(b"OK");
        self.outcome()
    }

    /// What a running program printed, and its traceback.
    pub fn outcome(&mut self) -> (String, String) {
        let mut output = self.until(b"\x04");
        let mut errors = self.until(b"\x04>");
        output.pop();
        errors.truncate(errors.len() - 2);
        (
            String::from_utf8(output).expect("text"),
            String::from_utf8(errors).expect("text"),
        )
    }

    /// Locks the port against others, as many serial programs do.
    pub fn lock(&self) {
        rustix::termios::ioctl_tiocexcl(&self.port).expect("a terminal can be locked");
    }

    /// Reads once. Returns whether the port is still there.
    fn read(&mut self, deadline: Instant) -> bool {
        let mut buffer = [0; 4096];
        loop {
            match self.port.read(&mut buffer) {
                Ok(0) => return false,
                Ok(n) => {
                    self.received.extend_from_slice(&buffer[..n]);
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::IN, deadline),
                Err(_) => return false,
            }
        }
    }

    fn wait(&self, what: PollFlags, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).expect("a short while");
        let mut fds = [PollFd::new(&self.port, what)];
        let ready = poll(&mut fds, Some(&timeout)).expect("poll works");
        assert!(ready > 0, "nothing more came; received {:?}", self.text());
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// A process that can be waited for although it is not a child of ours.
pub struct Watched(OwnedFd);

impl Watched {
    pub fn new(process_id: u32) -> Self {
        let pid = Pid::from_raw(i32::try_from(process_id).expect("a process id")).expect("not zero");
        Self(pidfd_open(pid, PidfdFlags::empty()).expect("the process is there"))
    }

    pub fn has_ended_within(&self, time: Duration) -> bool {
        let timeout = Timespec::try_from(time).expect("a short while");
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut fds, Some(&timeout)).expect("poll works") > 0
    }
}

/// Whether a port is locked. Root can open a locked port, so another user tries to.
pub fn is_locked(port: &str) -> bool {
    let mut command = Command::new("sh");
    command.args(["-c", "exec 3<>\"$0\"", port]).stderr(Stdio::null());
    if rustix::process::geteuid().is_root() {
        std::fs::set_permissions(port, std::fs::Permissions::from_mode(0o666)).expect("it is ours");
        command.uid(65534).gid(65534);
    }
    !command.status().expect("there is a shell").success()
}

/// Waits until a condition holds.
pub fn eventually(what: &str, mut question: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !question() {
        assert!(Instant::now() < deadline, "{what}: not within {DEADLINE:?}");
        std::thread::yield_now();
    }
}

/// Emulated boards need a whole processor each: the tests start one at a time.
pub fn one_emulator() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}
