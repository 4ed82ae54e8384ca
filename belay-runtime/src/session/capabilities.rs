//! What a board can do, as it says itself in one exchange.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Returned;
use crate::agent::{expression, report};
use crate::error::Result;
use crate::link::{CallPath, Hello, Link, Request};
use crate::printable::Printable;

/// What is found on a board, beside what it can do.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    /// What is deployed: names, and what the board calls them by.
    pub(super) deployed: Vec<(String, String)>,
    /// Whether an earlier program may have left the thread library there.
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
    /// The architecture that native code has to be for, such as `armv6m`, where the firmware can load such
    /// code.
    pub architecture: Option<String>,
    /// The version of `.mpy` files that the firmware loads, where it loads any.
    pub mpy_version: Option<u8>,
    /// How precise its floats are.
    pub float: FloatPrecision,
    /// The code emitters that its compiler has besides bytecode: `native`, `viper`, `asm_thumb` and so on. A board
    /// with a few kilobytes of memory is not asked.
    pub emitters: Vec<String>,
    /// Whether it has `_thread`.
    pub threads: bool,
    /// Whether it has a file system; had one, when it was first asked since its last reset.
    pub file_system: bool,
    /// Whether its file system cannot be written to by the board: `CircuitPython`'s, unless `boot.py` takes the drive
    /// from the host.
    pub read_only: bool,
    /// Whether what is deployed is still there when the next program connects. `CircuitPython` has a new interpreter for
    /// it.
    pub keeps_deployments: bool,
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
    /// 30 bits, which fit into a word of 32 with the tag of other objects: six digits.
    Short,
    /// 32 bits: about seven digits.
    Single,
    /// 64 bits: all digits of an `f64`.
    Double,
}

/// What the probe on the board reports, in its order.
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
    /// Asks the board, and what is found there: in one exchange where it has the memory for that. It keeps its
    /// answer until it is reset, so that another host program does not have to send the probe.
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
            // An answer of another shape was for another version of this crate.
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

    /// Whether what it prints of a float is that float and no other: those with doubles and the wider arithmetic for it
    /// do since `MicroPython` 1.26.
    pub(super) fn prints_floats_exactly(&self) -> bool {
        let mut version = self.version.split('.').map(|number| number.parse().unwrap_or(0));
        let version = (version.next().unwrap_or(0), version.next().unwrap_or(0));
        self.float == FloatPrecision::Double && self.platform == "linux" && version >= (1, 26)
    }

    /// The firmware as messages name it.
    pub fn firmware(&self) -> String {
        self.to_string()
    }
}

/// Asks a small board for one thing after the other: what is not there raises.
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
        // Every name that an old board is asked for costs it memory for good.
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

    /// As the probe does it: a file system without the file is one.
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
