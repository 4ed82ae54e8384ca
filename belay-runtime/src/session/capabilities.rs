//! What a board can do, which it reports in one exchange.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Returned;
use crate::agent::{expression, report};
use crate::error::Result;
use crate::link::{CallPath, Hello, Link, Request};
use crate::printable::Printable;

/// What is on a board already when the host connects.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    /// The deployed functions: their names in the board's table, and the names by which they are called.
    pub(super) deployed: Vec<(String, String)>,
    /// Whether an earlier program may have installed the thread library.
    pub(super) threads: bool,
}

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
    /// The architecture of the native code that the firmware can load, such as `armv6m`; nothing if it loads none.
    pub architecture: Option<String>,
    /// The version of the `.mpy` files that the firmware can load; nothing if it loads none.
    pub mpy_version: Option<u8>,
    /// The precision of its floats.
    pub float: FloatPrecision,
    /// The code emitters of its compiler besides bytecode: `native`, `viper`, `asm_thumb` and so on. Empty for a board
    /// with a few kilobytes of memory, which is not asked.
    pub emitters: Vec<String>,
    /// Whether it has `_thread`.
    pub threads: bool,
    /// Whether it had a file system when it was first asked after its last reset.
    pub file_system: bool,
    /// Whether the board cannot write to its file system. On `CircuitPython` that is so unless `boot.py` takes the
    /// drive from the host.
    pub read_only: bool,
    /// Whether deployed functions are still there when the next program connects. `CircuitPython` starts a new
    /// interpreter for each program.
    pub keeps_deployments: bool,
    /// The free memory in bytes, with the agent on the board; nothing if the board does not report it.
    pub free_memory: Option<u64>,
    /// Whether it has `compile()`, so that tracebacks name the method of each line.
    pub compile: bool,
    /// Whether it has `binascii.crc32`, so that the board can detect what the line has damaged.
    pub crc32: bool,
    /// Whether `sys.stdin` can be read line by line, which the resident agent needs.
    pub stdin: bool,
    /// How calls reach the board.
    pub call_path: CallPath,
}

/// The precision of a board's floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FloatPrecision {
    /// It has no floats.
    None,
    /// 30 bits, because a float shares a 32-bit word with a type tag: six digits.
    Short,
    /// 32 bits: about seven digits.
    Single,
    /// 64 bits: all digits of an `f64`.
    Double,
}

/// The report of the probe on the board, in the probe's order.
#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "that is what the board reports")]
struct Report(
    String,
    Option<String>,
    Option<u32>,
    u8,
    Vec<String>,
    bool,
    bool,
    bool,
    bool,
    bool,
    bool,
);

/// The architectures, in the order of their numbers in `sys.implementation._mpy`.
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
    /// Asks the board what it can do and what is on it: in one exchange if its memory allows. The board keeps its
    /// report until it is reset, so that the next host program does not have to send the probe.
    pub(super) async fn ask(link: &Link, deadline: Duration) -> Result<(Self, Found)> {
        let ask = |expression: String| link.request(Request::Evaluate(expression), deadline);
        if !link.hello().flavour.answers_at_length() {
            let mut one_by_one = OneByOne { link, deadline };
            let report = one_by_one.report().await?;
            let deployed = Returned::from(ask(expression::DEPLOYED.into()).await?).to()?;
            let threads = link.hello().attached;
            return Ok((Self::new(link.hello(), report), Found { deployed, threads }));
        }
        if link.hello().attached {
            let known = ask(report::kept()).await?;
            // A report of another shape was made for another version of this crate: ask again.
            if let Ok((Some(report), found)) = Returned::from(known).to() {
                return Ok((Self::new(link.hello(), report), found));
            }
        }
        let (report, found) = Returned::from(ask(report::made()?).await?).to()?;
        Ok((Self::new(link.hello(), report), found))
    }

    fn new(hello: &Hello, report: Report) -> Self {
        let Report(
            version,
            machine,
            mpy,
            float,
            emitters,
            threads,
            file_system,
            compile,
            crc32,
            stdin,
            read_only,
        ) = report;
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
                3 => FloatPrecision::Short,
                _ => FloatPrecision::Double,
            },
            emitters,
            threads,
            file_system,
            read_only,
            keeps_deployments: hello.implementation != "circuitpython",
            free_memory: hello.free_memory.map(|(_, free)| free),
            compile,
            crc32,
            stdin,
            call_path: hello.call_path,
        }
    }

    /// Whether the board prints floats so that the same float is read back. Boards with doubles and the wider
    /// arithmetic for printing them do so since `MicroPython` 1.26.
    pub(super) fn prints_floats_exactly(&self) -> bool {
        let mut version = self.version.split('.').map(|number| number.parse().unwrap_or(0));
        let version = (version.next().unwrap_or(0), version.next().unwrap_or(0));
        self.float == FloatPrecision::Double && self.platform == "linux" && version >= (1, 26)
    }

    /// The firmware, as messages name it.
    pub fn firmware(&self) -> String {
        self.to_string()
    }
}

/// Asks a small board for one capability after the other: what is missing raises an exception.
struct OneByOne<'a> {
    link: &'a Link,
    deadline: Duration,
}

impl OneByOne<'_> {
    async fn report(&mut self) -> Result<Report> {
        let version = self
            .get("'.'.join(map(str,__import__('sys').implementation[1][:3]))")
            .await?;
        let is_there = |value: Option<u8>| value.is_some();
        // Ask as little as possible: an old board loses memory for good to every name that it has to look up.
        let (floats, read_only) = if self.link.hello().implementation == "circuitpython" {
            let read_only = self.get("__import__('storage').getmount('/').readonly").await?;
            (
                "2 if float('1e-9')+1!=1 else 1 if float('2.4e-7')+1!=1 else 3",
                read_only.unwrap_or(false),
            )
        } else {
            ("2 if float('1e-9')+1!=1 else 1", false)
        };
        Ok(Report(
            version.unwrap_or_default(),
            self.get("str(__import__('sys').implementation._machine)").await?,
            self.get("__import__('sys').implementation._mpy").await?,
            self.get(floats).await?.unwrap_or(0),
            Vec::new(),
            is_there(self.get("__import__('_thread').start_new_thread and 1").await?),
            self.file_system().await?,
            is_there(self.get("compile and 1").await?),
            is_there(self.get("__import__('binascii').crc32 and 1").await?),
            is_there(self.get("__import__('sys').stdin.readline and 1").await?),
            read_only,
        ))
    }

    async fn get<T: DeserializeOwned>(&mut self, expression: &str) -> Result<Option<T>> {
        match self.evaluate(expression).await {
            Ok(value) => Ok(Some(value.to()?)),
            Err(error) if error.exception().is_some() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As in the probe: if only the file is missing, there is a file system.
    async fn file_system(&mut self) -> Result<bool> {
        match self.evaluate("open('belay-is-looking').close()").await {
            Ok(_) => Ok(true),
            Err(error) => match error.exception() {
                Some(exception) => Ok(exception.is("OSError") && !matches!(exception.errno, Some(1 | 19))),
                None => Err(error),
            },
        }
    }

    async fn evaluate(&mut self, expression: &str) -> Result<Returned> {
        let request = Request::Evaluate(expression.to_owned());
        self.link
            .request(request, self.deadline)
            .await
            .map(Returned::from)
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
            "{} {} on {}",
            Printable(name),
            Printable(&self.version),
            Printable(self.machine.as_deref().unwrap_or(&self.platform))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_board_calls_itself_is_shown_without_control_characters() {
        let wild = "\x1b[2J\u{202e}".to_owned();
        let hello = Hello {
            call_path: CallPath::Agent,
            boot: 1,
            attached: false,
            flavour: crate::agent::Flavour::Resident,
            implementation: wild.clone(),
            platform: wild.clone(),
            free_memory: None,
        };
        let report = |machine| {
            let version = wild.clone();
            Report(
                version,
                machine,
                None,
                2,
                Vec::new(),
                true,
                true,
                true,
                true,
                true,
                false,
            )
        };
        for machine in [None, Some(wild.clone())] {
            let shown = Capabilities::new(&hello, report(machine)).to_string();
            assert_eq!(shown, r"\x1b[2J\u{202e} \x1b[2J\u{202e} on \x1b[2J\u{202e}");
        }
    }
}
