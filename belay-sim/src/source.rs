//! Where a board's program comes from.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

use crate::{
    build::{self, Report},
    error::{Error, Result},
    process::Recipe,
};

/// The oldest upstream release whose unix port speaks the raw REPL by itself.
const OLDEST_STOCK: (u32, u32) = (1, 27);

/// Finds or builds the `unix` board.
pub(crate) fn unix(heap_kb: u32, report: Report) -> Result<Recipe> {
    if let Some(path) = env::var_os("BELAY_MICROPYTHON") {
        let path = PathBuf::from(path);
        return match identify(&path) {
            Ok(true) => Ok(own(path, heap_kb)),
            Ok(false) => Ok(stock(path, heap_kb)),
            Err(reason) => Err(Error::NotMicroPython { path, reason }),
        };
    }
    if let Some(path) = build::built_unix() {
        return Ok(own(path, heap_kb));
    }
    let on_path = Path::new("micropython");
    if identify(on_path).is_ok() {
        return Ok(stock(on_path.to_owned(), heap_kb));
    }
    Ok(own(build::ensure_unix(report)?, heap_kb))
}

/// Our own build, which takes its options by position.
fn own(program: PathBuf, heap_kb: u32) -> Recipe {
    Recipe {
        program,
        args: vec![heap_kb.to_string()],
        restarts: true,
    }
}

fn stock(program: PathBuf, heap_kb: u32) -> Recipe {
    Recipe {
        program,
        args: vec!["-X".into(), format!("heapsize={heap_kb}k")],
        restarts: true,
    }
}

/// Asks a program which MicroPython it is. `Ok(true)` is our own build, `Ok(false)` a stock one that
/// will do.
fn identify(program: &Path) -> std::result::Result<bool, String> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let text = text.trim();
    if text.contains("Belay simulated board") {
        return Ok(true);
    }
    let version = text
        .strip_prefix("MicroPython v")
        .and_then(|rest| {
            let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
        .ok_or_else(|| format!("`--version` says {text:?}"))?;
    if version < OLDEST_STOCK {
        return Err(format!("it is {text}"));
    }
    Ok(false)
}

/// What the directories of this process's boards begin with.
pub(crate) fn directory_prefix() -> String {
    format!("belay-board-{}-", process::id())
}

/// Removes the directories of boards whose processes were killed before they could do it.
pub(crate) fn sweep_directories() {
    for entry in fs::read_dir(env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix("belay-board-"))
            .and_then(|rest| rest.split('-').next())
            .and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Somebody else's directory may refuse; the next sweep of its owner takes it.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
