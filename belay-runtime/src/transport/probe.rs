//! Finds out why a port cannot be opened, before the serial library tries.
//!
//! The library's errors say little more than that it failed, and its `TIOCEXCL` does not bind the superuser.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, IsTerminal as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};

use rustix::fs::OFlags;

use super::TransportError;

/// Checks that `path` is a serial port that nobody else uses.
///
/// While the returned file is open, the operating system does not see the port's last user go, so the modem lines do
/// not change before the library has opened the port as well.
pub(super) fn probe(path: &str) -> Result<File, TransportError> {
    let file_type = std::fs::metadata(path)
        .map_err(|error| explain(path, error))?
        .file_type();
    if !file_type.is_char_device() {
        return Err(not_serial(
            path,
            if file_type.is_dir() {
                "a directory"
            } else {
                "a file"
            },
        ));
    }
    let flags = OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|error| explain(path, error))?;
    if !file.is_terminal() {
        return Err(not_serial(path, "a device of another kind"));
    }
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(busy(path)),
        // Where the file system has no locks, nobody else can respect them either.
        Err(TryLockError::Error(_)) => Ok(file),
        Ok(()) => {
            // The library takes the same lock for the file that it opens itself.
            file.unlock().map_err(|error| explain(path, error))?;
            Ok(file)
        }
    }
}

fn not_serial(path: &str, what: &'static str) -> TransportError {
    TransportError::NotSerial {
        port: path.to_owned(),
        what,
    }
}

pub(super) fn busy(path: &str) -> TransportError {
    TransportError::Busy {
        port: path.to_owned(),
        #[cfg(target_os = "linux")]
        holder: super::own::holder(path).or_else(|| super::holder::holder(path)),
        #[cfg(not(target_os = "linux"))]
        holder: super::own::holder(path),
    }
}

fn explain(path: &str, error: io::Error) -> TransportError {
    let port = path.to_owned();
    // ENXIO and ENODEV come from a device file that has no device.
    let no_device = matches!(error.raw_os_error(), Some(6 | 19));
    match error.kind() {
        _ if no_device => super::ports::not_found(path),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => super::ports::not_found(path),
        io::ErrorKind::PermissionDenied => TransportError::PermissionDenied {
            group: group_of(path),
            port,
        },
        io::ErrorKind::ResourceBusy => busy(path),
        _ => TransportError::Open { port, source: error },
    }
}

/// The name of the group whose members may open a port, unless that is the superuser's.
fn group_of(path: &str) -> Option<String> {
    const READ_AND_WRITE: u32 = 0o060;
    let port = std::fs::metadata(path).ok()?;
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    (port.mode() & READ_AND_WRITE == READ_AND_WRITE).then(|| group_name(&groups, port.gid()))?
}

pub(super) fn group_name(groups: &str, number: u32) -> Option<String> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, id) = (fields.next()?, fields.next()?, fields.next()?);
        (number != 0 && id.parse() == Ok(number)).then(|| name.to_owned())
    })
}
