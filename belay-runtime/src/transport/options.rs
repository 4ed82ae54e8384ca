//! The options that follow the `?` of an address.

use std::fmt;

use super::address::Problem;

/// How a port is used; what is `None` is decided when it is opened.
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
    /// The line does it by itself.
    On,
    /// Not at all: what is written has to be paced.
    Off,
    /// By the lines RTS and CTS.
    RtsCts,
}

const KEYS: [&str; 4] = ["baud", "dtr", "rts", "flow"];
const LINES: [(&str, Line); 3] = [("on", Line::On), ("off", Line::Off), ("keep", Line::Keep)];
const FLOWS: [(&str, Flow); 3] = [("on", Flow::On), ("off", Flow::Off), ("rtscts", Flow::RtsCts)];

impl PortOptions {
    /// Bits per second, unless the address says otherwise: what MicroPython's UART REPLs use.
    #[cfg(feature = "serial")]
    pub(super) const DEFAULT_BAUD: u32 = 115_200;

    /// The options of a serial port.
    pub(super) fn parse(query: &str) -> Result<Self, Problem> {
        Self::parse_any(query, &KEYS)
    }

    /// The options of a socket.
    pub(super) fn parse_for_socket(query: &str) -> Result<Self, Problem> {
        let options = Self::parse_any(query, &["flow"])?;
        if options.flow == Some(Flow::RtsCts) {
            return Err(Problem::new("a socket has no RTS and CTS").meant("flow=on"));
        }
        Ok(options)
    }

    fn parse_any(query: &str, known: &[&str]) -> Result<Self, Problem> {
        if query.is_empty() {
            return Err(Problem::new("no option follows the `?`"));
        }
        let mut options = Self::default();
        for option in query.split('&') {
            let Some((key, value)) = option.split_once('=') else {
                let what = format!("the option `{option}` is not of the form `name=value`");
                return Err(Problem::new(what));
            };
            if !known.contains(&key) {
                let what = format!("there is no option `{key}` here, only {}", list(known));
                return Err(Problem::new(what).closest(key, known));
            }
            let again = match key {
                "baud" => options.baud.replace(parse_baud(value)?).is_some(),
                "dtr" => options.dtr.replace(choose(key, value, &LINES)?).is_some(),
                "rts" => options.rts.replace(choose(key, value, &LINES)?).is_some(),
                _ => options.flow.replace(choose(key, value, &FLOWS)?).is_some(),
            };
            if again {
                return Err(Problem::new(format!("the option `{key}` is given twice")));
            }
        }
        if options.flow == Some(Flow::RtsCts) && options.rts.is_some() {
            return Err(Problem::new(
                "with `flow=rtscts` the line RTS is the driver's, so `rts` cannot be given",
            ));
        }
        Ok(options)
    }
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

/// `a`, `b` and `c`, as a sentence wants them.
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

fn name_of<T: PartialEq>(value: &T, names: &[(&'static str, T)]) -> &'static str {
    names
        .iter()
        .find(|(_, known)| *known == *value)
        .map_or("", |&(name, _)| name)
}
