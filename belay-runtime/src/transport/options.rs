//! The options that follow the `?` of an address.

use std::fmt;

use super::problem::Problem;

/// How a serial port is used; what is `None` is decided when it is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct PortOptions {
    pub(super) baud: Option<u32>,
    pub(super) dtr: Option<Line>,
    pub(super) rts: Option<Line>,
    pub(super) flow: Option<Flow>,
}

/// What is done with a modem line while the port is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) enum Line {
    /// It is asserted on opening and released on closing.
    #[default]
    On,
    /// It is released.
    Off,
    /// It is left to the operating system.
    Keep,
}

/// How the board holds the sender back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Flow {
    /// By the line's own flow control.
    On,
    /// Not at all: what is written has to be paced.
    Off,
    /// By the lines RTS and CTS.
    RtsCts,
}

/// How a socket is used, with a serial line behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct SocketOptions {
    /// Whether the board can hold the sender back; `None` if that was not given.
    pub(super) flow: Option<bool>,
}

const KEYS: [&str; 4] = ["baud", "dtr", "rts", "flow"];
const LINES: [(&str, Line); 3] = [("on", Line::On), ("off", Line::Off), ("keep", Line::Keep)];
const FLOWS: [(&str, Flow); 3] = [("on", Flow::On), ("off", Flow::Off), ("rtscts", Flow::RtsCts)];
const SOCKET_FLOWS: [(&str, bool); 2] = [("on", true), ("off", false)];

impl PortOptions {
    /// The speed in bits per second, unless the address gives another one: what MicroPython's UART REPLs use.
    #[cfg(any(feature = "serial", feature = "rfc2217"))]
    pub(super) const DEFAULT_BAUD: u32 = 115_200;

    pub(super) fn parse(query: &str) -> Result<Self, Problem> {
        let mut options = Self::default();
        for (key, value) in pairs(query, &KEYS)? {
            match key {
                "baud" => options.baud = Some(parse_baud(value)?),
                "dtr" => options.dtr = Some(choose(key, value, &LINES)?),
                "rts" => options.rts = Some(choose(key, value, &LINES)?),
                _ => options.flow = Some(choose(key, value, &FLOWS)?),
            }
        }
        if options.flow == Some(Flow::RtsCts) && options.rts.is_some() {
            return Err(Problem::new(
                "with `flow=rtscts` the driver controls RTS, so `rts` cannot be given",
            ));
        }
        Ok(options)
    }
}

impl SocketOptions {
    pub(super) fn parse(query: &str) -> Result<Self, Problem> {
        let mut options = Self::default();
        for (key, value) in pairs(query, &["flow"])? {
            if value == "rtscts" {
                return Err(Problem::new("a socket has no RTS and CTS").meant("flow=on"));
            }
            options.flow = Some(choose(key, value, &SOCKET_FLOWS)?);
        }
        Ok(options)
    }
}

/// The options of a query (what follows a `?`): each of them known, and given once.
fn pairs<'a>(query: &'a str, known: &[&str]) -> Result<Vec<(&'a str, &'a str)>, Problem> {
    if query.is_empty() {
        return Err(Problem::new("no option follows the `?`"));
    }
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for option in query.split('&') {
        let Some((key, value)) = option.split_once('=') else {
            let what = format!("the option `{option}` is not of the form `name=value`");
            return Err(Problem::new(what));
        };
        if !known.contains(&key) {
            let what = format!("there is no option `{key}` here, only {}", list(known));
            return Err(Problem::new(what).closest(key, known));
        }
        if pairs.iter().any(|(other, _)| *other == key) {
            return Err(Problem::new(format!("the option `{key}` is given twice")));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

fn parse_baud(value: &str) -> Result<u32, Problem> {
    match value.parse() {
        Ok(baud) if baud > 0 && !value.starts_with('+') => Ok(baud),
        _ => Err(Problem::new(format!("`{value}` is not a number of bits per second")).meant("baud=115200")),
    }
}

fn choose<T: Copy>(key: &str, value: &str, known: &[(&str, T)]) -> Result<T, Problem> {
    if let Some(&(_, chosen)) = known.iter().find(|(name, _)| *name == value) {
        return Ok(chosen);
    }
    let names: Vec<&str> = known.iter().map(|&(name, _)| name).collect();
    let problem = Problem::new(format!("`{key}` is {}, not `{value}`", list(&names)));
    Err(match value {
        "1" | "true" | "high" => problem.meant(format!("{key}=on")),
        "0" | "false" | "low" | "none" => problem.meant(format!("{key}=off")),
        _ => problem.closest(value, &names),
    })
}

/// Names as a phrase: `a`, `b` or `c`.
fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

impl fmt::Display for PortOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = '?';
        let mut write = |key: &str, value: &dyn fmt::Display| {
            write!(f, "{separator}{key}={value}")?;
            separator = '&';
            Ok(())
        };
        if let Some(baud) = self.baud {
            write("baud", &baud)?;
        }
        for (key, line) in [("dtr", self.dtr), ("rts", self.rts)] {
            if let Some(line) = line {
                write(key, &name_of(&line, &LINES))?;
            }
        }
        match self.flow {
            Some(flow) => write("flow", &name_of(&flow, &FLOWS)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for SocketOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.flow {
            Some(flow) => write!(f, "?flow={}", name_of(&flow, &SOCKET_FLOWS)),
            None => Ok(()),
        }
    }
}

fn name_of<T: PartialEq>(value: &T, names: &[(&'static str, T)]) -> &'static str {
    names
        .iter()
        .find(|(_, known)| *known == *value)
        .map_or("", |&(name, _)| name)
}
