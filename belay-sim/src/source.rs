//! Where the program of each board comes from.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

use crate::{
    build,
    error::{Error, Result},
    packages::{EMULATION, MICROBIT, Need, QEMU},
    process::Recipe,
    program::Program,
    progress::Report,
    tools::require,
};

/// The oldest upstream release whose unix port speaks the raw REPL by itself.
const OLDEST_STOCK: (u32, u32) = (1, 27);

/// The smallest heap with which a 64-bit MicroPython still starts and runs a line of code.
const LEAST_HEAP_KB: u32 = 16;

/// The kinds of boards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Unix,
    UnixSingle,
    CircuitPythonLike,
    WebRepl,
    Mps2,
    Microbit,
}

/// Finds or builds a board, and returns how to start it.
pub(crate) fn recipe(kind: Kind, heap_kb: u32, report: Report) -> Result<Recipe> {
    match kind {
        Kind::Unix | Kind::UnixSingle | Kind::CircuitPythonLike | Kind::WebRepl
            if heap_kb < LEAST_HEAP_KB =>
        {
            Err(Error::HeapTooSmall(heap_kb))
        }
        Kind::Unix => unix(heap_kb, report),
        Kind::UnixSingle => Ok(own(Program::UnixSingle.ensure(report)?, heap_kb)),
        Kind::CircuitPythonLike => Ok(own(Program::CircuitPythonLike.ensure(report)?, heap_kb)),
        Kind::WebRepl => Ok(own(Program::WebRepl.ensure(report)?, heap_kb)),
        Kind::Mps2 => {
            require("mps2", EMULATION)?;
            let firmware = build::ensure_mps2(report)?;
            Ok(qemu(
                "mps2-an385",
                &["-semihosting", "-kernel", &firmware.display().to_string()],
            ))
        }
        Kind::Microbit => {
            require("microbit", &microbit())?;
            Ok(qemu(
                "microbit",
                &["-device", &format!("loader,file={}", MICROBIT.0)],
            ))
        }
    }
}

/// The programs and files that the `microbit` board needs.
fn microbit() -> Vec<Need> {
    [EMULATION, &[MICROBIT]].concat()
}

/// Says whether a board has been built, or would have to be.
pub(crate) fn check(kind: Kind) -> Result<&'static str> {
    let built = match kind {
        Kind::Unix => env::var_os("BELAY_MICROPYTHON").is_some() || Program::Unix.built().is_some(),
        Kind::UnixSingle => Program::UnixSingle.built().is_some(),
        Kind::CircuitPythonLike => Program::CircuitPythonLike.built().is_some(),
        Kind::WebRepl => Program::WebRepl.built().is_some(),
        Kind::Mps2 => {
            require("mps2", EMULATION)?;
            build::built_mps2().is_some()
        }
        Kind::Microbit => return require("microbit", &microbit()).map(|()| "ready"),
    };
    Ok(if built { "ready" } else { "not built yet" })
}

fn unix(heap_kb: u32, report: Report) -> Result<Recipe> {
    if let Some(path) = env::var_os("BELAY_MICROPYTHON") {
        let path = PathBuf::from(path);
        return match identify(&path) {
            Ok(true) => Ok(own(path, heap_kb)),
            Ok(false) => Ok(stock(path, heap_kb)),
            Err(reason) => Err(Error::NotMicroPython { path, reason }),
        };
    }
    if let Some(path) = Program::Unix.built() {
        return Ok(own(path, heap_kb));
    }
    let on_path = Path::new("micropython");
    if identify(on_path).is_ok() {
        return Ok(stock(on_path.to_owned(), heap_kb));
    }
    Ok(own(Program::Unix.ensure(report)?, heap_kb))
}

/// How to start our own build, which takes its options by position.
fn own(program: PathBuf, heap_kb: u32) -> Recipe {
    Recipe {
        program,
        args: vec![heap_kb.to_string()],
        restarts: true,
        speaks_first: false,
    }
}

fn stock(program: PathBuf, heap_kb: u32) -> Recipe {
    Recipe {
        program,
        args: vec!["-X".into(), format!("heapsize={heap_kb}k")],
        restarts: true,
        speaks_first: false,
    }
}

/// How to start a machine in QEMU. Its serial port is QEMU's own terminal, which QEMU watches all the time; a
/// pseudo-terminal that QEMU opens by itself it would check only once a second. QEMU must not handle Ctrl-C
/// itself, and ends when the machine is reset for good. It may miss the hang-up of its terminal, so the
/// kernel is told to kill it when its parent ends.
fn qemu(machine: &str, more: &[&str]) -> Recipe {
    let common = [
        "--pdeathsig",
        "KILL",
        "--",
        QEMU,
        "-M",
        machine,
        "-display",
        "none",
        "-monitor",
        "none",
        "-chardev",
        "stdio,id=uart,signal=off",
    ];
    let args = common
        .iter()
        .chain(&["-serial", "chardev:uart"])
        .chain(more)
        .map(ToString::to_string)
        .collect();
    Recipe {
        program: "setpriv".into(),
        args,
        restarts: false,
        speaks_first: true,
    }
}

/// Asks a program which MicroPython it is. `Ok(true)` is our own build, `Ok(false)` a suitable stock one.
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

/// The prefix of the directories of this process's boards.
pub(crate) fn directory_prefix() -> String {
    format!("belay-board-{}-", process::id())
}

/// Removes the directories of boards whose host process was killed before it could remove them.
pub(crate) fn sweep_directories() {
    for entry in fs::read_dir(env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix("belay-board-"))
            .and_then(|rest| rest.split('-').next())
            .and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // A directory of another user cannot be removed; that user's next sweep does it.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
