//! The far end of a pseudo-terminal, in place of a board.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::thread::JoinHandle;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// The master end of a pseudo-terminal; dropping it is unplugging the board.
pub(super) struct Terminal {
    pub(super) master: File,
    pub(super) path: String,
}

impl Terminal {
    pub(super) fn new() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        // A child that another test starts would keep the terminal plugged in. Only Linux can say so.
        #[cfg(target_os = "linux")]
        let flags = flags | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        Self {
            master: master.into(),
            path,
        }
    }

    /// Sends back what it receives, up to `count` bytes, on a thread of its own.
    pub(super) fn echo(&self, mut count: usize) -> JoinHandle<io::Result<()>> {
        let mut master = self.master.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while count > 0 {
                let read = master.read(&mut buffer)?;
                master.write_all(&buffer[..read])?;
                count -= read;
            }
            Ok(())
        })
    }
}
