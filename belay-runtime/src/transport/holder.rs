//! Finds the process that has a port open, as far as Linux tells in `/proc`.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

use super::error::PortHolder;

/// The process that has the port: the one with the lock, or else any other that has it open.
///
/// Only the superuser can see what other users' processes have open.
pub(super) fn holder(path: &str) -> Option<PortHolder> {
    let port = fs::metadata(path).ok()?;
    let (major, minor) = (rustix::fs::major(port.dev()), rustix::fs::minor(port.dev()));
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let locking = locking_process(&locks, &format!("{major:02x}:{minor:02x}:{}", port.ino()));
    // A process that took the lock may have ended and left it to its children.
    locking.and_then(named).or_else(|| {
        let others = processes().filter(|&pid| pid != std::process::id());
        others.filter(|&pid| has_open(pid, port.rdev())).find_map(named)
    })
}

fn named(pid: u32) -> Option<PortHolder> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(PortHolder {
        pid,
        name: name.trim_end().to_owned(),
    })
}

/// The process that holds the `flock` of a file, in the text of `/proc/locks`.
fn locking_process(locks: &str, file: &str) -> Option<u32> {
    locks.lines().find_map(|line| {
        // 1: FLOCK  ADVISORY  WRITE 4711 00:1b:5 0 EOF
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields[..] {
            [_, "FLOCK", _, _, pid, locked, ..] if locked == file => pid.parse().ok(),
            _ => None,
        }
    })
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn has_open(pid: u32, device: u64) -> bool {
    let files = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    files
        .filter_map(|file| fs::metadata(file.path()).ok())
        .any(|file| file.file_type().is_char_device() && file.rdev() == device)
}
