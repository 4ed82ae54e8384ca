//! What a board can do, as it says itself in one exchange.

use std::fmt;

use serde::Deserialize;

use crate::link::{CallPath, Hello};
use crate::python::{self, ValueError};

/// What a board and its firmware can do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one feature whether it is there"
)]
#[non_exhaustive]
pub struct Capabilities {
    /// `sys.implementation.name`: `micropython` or `circuitpython`.
    pub implementation: String,
    /// The version of the implementation, such as `1.26.1`.
    pub version: String,
    /// `sys.platform`, such as `rp2`.
    pub platform: String,
    /// The board and its microcontroller, where the firmware names them.
    pub machine: Option<String>,
    /// The architecture that native code has to be for, such as `armv6m`, where the firmware can load such
    /// code.
    pub architecture: Option<String>,
    /// The version of `.mpy` files that the firmware loads, where it loads any.
    pub mpy_version: Option<u8>,
    /// How precise its floats are.
    pub float: FloatPrecision,
    /// The code emitters that its compiler has besides bytecode: `native`, `viper`, `asm_thumb` and so on.
    pub emitters: Vec<String>,
    /// Whether it has `_thread`.
    pub threads: bool,
    /// Whether it has a file system.
    pub file_system: bool,
    /// Free memory in bytes, with the agent on the board, where the board says.
    pub free_memory: Option<u64>,
    /// Whether `compile()` is there, so that tracebacks name the method that a line is of.
    pub compile: bool,
    /// Whether `binascii.crc32` is there, so that the board finds what the line has damaged.
    pub crc32: bool,
    /// Whether `sys.stdin` can be read by lines, which the resident agent needs.
    pub stdin: bool,
    /// The way that calls take.
    pub call_path: CallPath,
}

/// How precise a board's floats are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FloatPrecision {
    /// It has none.
    None,
    /// 32 bits, or the 30 bits that fit into a word: about seven digits.
    Single,
    /// 64 bits: all digits of an `f64`.
    Double,
}

/// What the probe on the board reports, in its order.
#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "that is what the board reports")]
pub(super) struct Report(
    String,
    Option<String>,
    Option<u32>,
    u8,
    Vec<String>,
    bool,
    bool,
    Option<u64>,
    bool,
    bool,
    bool,
);

/// The architectures that the number in `sys.implementation._mpy` stands for.
const ARCHITECTURES: [&str; 13] = [
    "",
    "x86",
    "x64",
    "armv6",
    "armv6m",
    "armv7m",
    "armv7em",
    "armv7emsp",
    "armv7emdp",
    "xtensa",
    "xtensawin",
    "rv32imc",
    "rv64imc",
];

impl Capabilities {
    /// The expression that has the board report. The names it needs are gone when it has.
    pub(super) fn probe() -> Result<String, ValueError> {
        let source = python::to_literal(include_str!("../board/capabilities.py"))?;
        Ok(format!(
            "(X('_probe',{source}),N('_probe').pop('report'),N('_probe').clear())[1]"
        ))
    }

    /// What the board said in the first exchange, and in the answer to [`probe`](Self::probe).
    pub(super) fn new(hello: &Hello, report: Report) -> Self {
        let Report(version, machine, mpy, float, emitters, threads, file_system, free, compile, crc32, stdin) =
            report;
        let architecture = mpy.and_then(|mpy| usize::try_from(mpy >> 10 & 63).ok());
        Self {
            implementation: hello.implementation.clone(),
            version,
            platform: hello.platform.clone(),
            machine,
            architecture: architecture
                .and_then(|index| ARCHITECTURES.get(index))
                .filter(|name| !name.is_empty())
                .map(|name| (*name).to_owned()),
            mpy_version: mpy.and_then(|mpy| u8::try_from(mpy & 0xff).ok()),
            float: match float {
                0 => FloatPrecision::None,
                1 => FloatPrecision::Single,
                _ => FloatPrecision::Double,
            },
            emitters,
            threads,
            file_system,
            free_memory: free,
            compile,
            crc32,
            stdin,
            call_path: hello.call_path,
        }
    }

    /// The firmware as messages name it.
    pub fn firmware(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.implementation.as_str() {
            "micropython" => "MicroPython",
            "circuitpython" => "CircuitPython",
            other => other,
        };
        write!(
            f,
            "{name} {} on {}",
            self.version,
            self.machine.as_deref().unwrap_or(&self.platform)
        )
    }
}
