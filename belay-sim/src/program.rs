//! Boards that run as processes, and the sources that they are built from.

/// The sources of a MicroPython port from which the boards that run as processes are built.
const PORT: &[(&str, &str)] = &[
    ("Makefile", include_str!("../board/Makefile")),
    ("board_machine.c", include_str!("../board/board_machine.c")),
    ("board_os.c", include_str!("../board/board_os.c")),
    ("board_time.c", include_str!("../board/board_time.c")),
    ("main.c", include_str!("../board/main.c")),
    ("manifest.py", include_str!("../board/manifest.py")),
    ("modules/machine.py", include_str!("../board/modules/machine.py")),
    ("mpconfigport.h", include_str!("../board/mpconfigport.h")),
    ("mphalport.h", include_str!("../board/mphalport.h")),
    ("qstrdefsport.h", include_str!("../board/qstrdefsport.h")),
    ("run.c", include_str!("../board/run.c")),
    ("terminal.c", include_str!("../board/terminal.c")),
    ("uart.c", include_str!("../board/uart.c")),
];

macro_rules! in_circuitpython {
    ($($name:literal)*) => {
        &[$((concat!("circuitpython/", $name), include_str!(concat!("../board/circuitpython/", $name)))),*]
    };
}

/// The additional sources of the `circuitpython-like` board.
const CIRCUITPYTHON: &[(&str, &str)] = in_circuitpython! {
    "board.h"
    "differences.patch"
    "floats.c"
    "manifest.py"
    "modules.c"
    "modules/analogio.py"
    "modules/board.py"
    "modules/digitalio.py"
    "modules/microcontroller.py"
    "modules/storage.py"
    "modules/supervisor.py"
    "mpconfigport.h"
    "run.c"
    "usb.c"
};

/// What the `webrepl` board has besides.
const WEBREPL: &[(&str, &str)] = &[
    ("GNUmakefile", include_str!("../board/webrepl/GNUmakefile")),
    ("webrepl/board_os.c", include_str!("../board/webrepl/board_os.c")),
    ("webrepl/dupterm.c", include_str!("../board/webrepl/dupterm.c")),
    (
        "webrepl/manifest.py",
        include_str!("../board/webrepl/manifest.py"),
    ),
    (
        "webrepl/modules/hashlib.py",
        include_str!("../board/webrepl/modules/hashlib.py"),
    ),
    (
        "webrepl/modules/webrepl.py",
        include_str!("../board/webrepl/modules/webrepl.py"),
    ),
    (
        "webrepl/mpconfigport.h",
        include_str!("../board/webrepl/mpconfigport.h"),
    ),
    ("webrepl/sockets.c", include_str!("../board/webrepl/sockets.c")),
];

/// A board that is a process, of those that the port makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Unix,
    /// The same with floats of 32 bits.
    UnixSingle,
    CircuitPythonLike,
    /// The `unix` board with sockets and MicroPython's WebREPL.
    WebRepl,
}

impl Program {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unix => "unix",
            Self::UnixSingle => "unix-single",
            Self::CircuitPythonLike => "circuitpython-like",
            Self::WebRepl => "webrepl",
        }
    }

    /// The name of this board in the port's Makefile.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Unix | Self::UnixSingle | Self::WebRepl => self.name(),
            Self::CircuitPythonLike => "circuitpython",
        }
    }

    /// The sources of this board; it is built anew when they change.
    pub(crate) fn sources(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Unix | Self::UnixSingle => PORT.to_vec(),
            Self::CircuitPythonLike => [PORT, CIRCUITPYTHON].concat(),
            Self::WebRepl => [PORT, WEBREPL].concat(),
        }
    }

    pub(crate) fn file_name(self) -> String {
        format!("{}-{:016x}", self.name(), fingerprint(&self.sources()))
    }
}

/// A fingerprint (FNV-1a) of the sources. It changes with the sources, so that the board is built anew, but
/// not with the compiler.
fn fingerprint(sources: &[(&str, &str)]) -> u64 {
    let bytes = sources
        .iter()
        .flat_map(|(name, text)| [name.as_bytes(), text.as_bytes()])
        .flatten();
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
