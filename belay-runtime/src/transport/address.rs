//! Where a board is, in one line of text.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use super::host::{Host, Password, without_password};
use super::options::{PortOptions, SocketOptions};
use super::percent::{self, Encoded};
use super::problem::{Problem, printable};

/// What addresses look like, for the documentation and for error messages.
macro_rules! grammar {
    () => {
        "  /dev/ttyACM0 or COM3         a serial port; options: ?baud=115200&dtr=on&rts=on&flow=on
  usb:VID:PID[:SERIAL]         the port of the USB device with these numbers; options as above
  auto                         the port of the only USB device there is; options as above
  tcp://HOST:PORT              a serial line behind a socket; option: ?flow=on
  telnet://HOST:PORT           a serial line behind a Telnet server; option as above
  rfc2217://HOST:PORT          a serial port behind such a server; options of a serial port
  ws://[:PASSWORD@]HOST[:PORT] a board's WebREPL; option: ?flow=on
  zenoh:belay/HOST/BOARD       a board of another machine, with the crate belay-fleet
  exec:COMMAND ARGUMENTS       a program, on its standard input and output
  pty:COMMAND ARGUMENTS        a program, behind a pseudo-terminal"
    };
}

/// Where a board is: a serial port, a USB device, a network socket, or a program to start.
///
/// An address is made from text and gives the same text back, in its shortest form:
///
/// ```
/// # use belay_runtime as belay;
/// use belay::transport::Address;
///
/// let address: Address = "/dev/ttyUSB0?baud=921600&dtr=off".parse()?;
/// assert_eq!(address.to_string(), "/dev/ttyUSB0?baud=921600&dtr=off");
/// # Ok::<(), belay_runtime::transport::AddressError>(())
/// ```
///
#[doc = concat!("```text\n", grammar!(), "\n```")]
///
/// # Options of a serial port
///
/// They follow a `?` and are separated by `&`.
///
/// | option | values | meaning |
/// | --- | --- | --- |
/// | `baud` | a number; 115200 unless given | bits per second; boards with USB of their own do not care |
/// | `dtr` | `on` (unless given), `off`, `keep` | the level of the line while the port is open; `keep` leaves it as the operating system sets it |
/// | `rts` | as `dtr`, and the same as `dtr` unless given | likewise |
/// | `flow` | `on`, `off`, `rtscts` | whether the board can hold the sender back; `off` paces what is written, `rtscts` turns on hardware flow control. Unless given, it is judged from the USB chip: `off` for a bridge to a bare UART |
///
/// On ESP boards with an auto-reset circuit, DTR and RTS at equal levels are neutral; RTS alone holds the board
/// in reset, and DTR alone selects its boot loader for the next reset. A board with USB of its own looks dead
/// unless DTR is on. Linux asserts both for a moment when it opens a port, whatever these options say.
///
/// # Options of a network
///
/// `tcp://` and `telnet://` take `flow=on` and `flow=off`, for a serial server with a bare UART behind it. The port
/// of a server that speaks RFC 2217 is set up like one of this machine; its `flow` is `on` unless it is given, and a
/// `baud` that the server cannot set is an error. WebREPL drops what its board does not read in time, so writes to it
/// are paced unless the address says `flow=on`.
///
/// The password of a WebREPL can be left to the environment variable `BELAY_WEBREPL_PASSWORD`. A password in an
/// address is never printed: `Display`, `Debug`, errors and logs leave it out. So the printed text of such an address
/// leads to the board only where that variable has the password.
///
/// ```
/// # use belay_runtime as belay;
/// let address: belay::transport::Address = "ws://:secret@192.168.4.1".parse()?;
/// assert_eq!(address.to_string(), "ws://192.168.4.1:8266");
/// # Ok::<(), belay_runtime::transport::AddressError>(())
/// ```
///
/// # Boards of another machine, by SSH
///
/// `exec:` starts any command that leads to a board. If the port is on another machine, SSH leads there, and that
/// machine needs no more than any Linux has:
///
/// ```text
/// exec:ssh -T lab1 'stty -F /dev/ttyACM0 raw -echo && cat </dev/ttyACM0 & exec cat >/dev/ttyACM0'
/// ```
///
/// # Boards of other machines, by Zenoh
///
/// `zenoh:` leads to a board that `belay serve` or a program announces. The crate `belay-fleet` opens it, once the
/// program has called `Fleet::provide`.
///
/// # Special characters
///
/// In a path, a password and a USB serial number, `%3F` stands for `?`, `%20` for a blank, and so on. A command is split
/// into words as a shell does it, with `'…'`, `"…"` and `\`; nothing else in it is special, and no shell runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    pub(super) target: Target,
}

/// What an address leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Target {
    /// A serial port, with these options.
    Port(Port, PortOptions),
    /// A socket: what listens on this port of this host.
    Tcp(Host, SocketOptions),
    /// A Telnet server.
    Telnet(Host, SocketOptions),
    /// The serial port behind an RFC 2217 server, with these options.
    Rfc2217(Host, PortOptions),
    /// A WebREPL, with its password unless the environment has that.
    WebRepl(Host, Option<Password>, SocketOptions),
    /// The board with this name, `belay/<host>/<board>`.
    Zenoh(String),
    /// This command, on pipes.
    Exec(Vec<String>),
    /// This command, behind a pseudo-terminal.
    Pty(Vec<String>),
}

/// Which serial port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Port {
    /// The one with this path or name.
    Path(String),
    /// That of this USB device.
    Usb(UsbId),
    /// That of the only USB device that has one.
    Auto,
}

/// The numbers that identify a USB device.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct UsbId {
    pub(super) vendor: u16,
    pub(super) product: u16,
    pub(super) serial: Option<String>,
}

/// Why a text is no address.
///
/// `Display` says what is wrong with it, in one line; [`hint`](Self::hint) shows what addresses look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressError {
    text: String,
    problem: Problem,
}

impl AddressError {
    /// The text, with invisible characters escaped.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What addresses look like.
    pub fn hint(&self) -> &'static str {
        concat!("an address is one of\n", grammar!())
    }
}

impl std::error::Error for AddressError {}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, problem } = self;
        write!(f, "`{text}` is not an address: {}", problem.what)?;
        match &problem.meant {
            Some(meant) => write!(f, "; did you mean `{meant}`?"),
            None => Ok(()),
        }
    }
}

impl Address {
    /// The serial port with this path or, on Windows, this name.
    pub fn serial(path: impl Into<String>) -> Self {
        Port::at(path.into()).into()
    }
}

impl Port {
    fn at(path: String) -> Self {
        Self::Path(if is_com(&path) {
            path.to_ascii_uppercase()
        } else if looks_like_path(&path) {
            path
        } else {
            // A name that would be read as something else, such as `auto`, is that of a file in this directory.
            format!("./{path}")
        })
    }
}

impl From<Port> for Address {
    fn from(port: Port) -> Self {
        Target::Port(port, PortOptions::default()).into()
    }
}

impl From<Target> for Address {
    fn from(target: Target) -> Self {
        Self { target }
    }
}

/// A text that is an address, as [`FromStr`].
impl TryFrom<&str> for Address {
    type Error = AddressError;

    fn try_from(text: &str) -> Result<Self, AddressError> {
        text.parse()
    }
}

/// A text that is an address, as [`FromStr`].
impl TryFrom<&String> for Address {
    type Error = AddressError;

    fn try_from(text: &String) -> Result<Self, AddressError> {
        text.parse()
    }
}

/// A text that is an address, as [`FromStr`].
impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<&Self> for Address {
    fn from(address: &Self) -> Self {
        address.clone()
    }
}

/// Converting an address into an address never fails.
impl From<Infallible> for AddressError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        parse(text.trim_ascii()).map_err(|problem| AddressError {
            text: printable(&without_password(text)),
            problem,
        })
    }
}

/// The port of Telnet servers, and that of WebREPL.
const TELNET: u16 = 23;
const WEBREPL: u16 = 8266;

const SCHEMES: [&str; 8] = [
    "usb:",
    "tcp://",
    "telnet://",
    "rfc2217://",
    "ws://",
    "zenoh:",
    "exec:",
    "pty:",
];

fn parse(text: &str) -> Result<Address, Problem> {
    if text.is_empty() {
        return Err(Problem::new("it is empty").meant("auto"));
    }
    let Some((scheme, rest)) = split_scheme(text) else {
        let (path, options) = split_options(text, PortOptions::parse)?;
        let path = percent::decode(path);
        let port = if path.eq_ignore_ascii_case("auto") {
            Port::Auto
        } else if is_com(&path) || looks_like_path(&path) {
            Port::at(path)
        } else {
            return Err(not_a_path(&path));
        };
        return Ok(Target::Port(port, options).into());
    };
    let scheme = &*scheme.to_ascii_lowercase();
    if rest.starts_with("//") && rest.contains('@') && !["ws", "exec", "pty"].contains(&scheme) {
        // What may be a password must not be quoted below.
        let problem = Problem::new("only `ws://` takes a password");
        let known = SCHEMES
            .iter()
            .any(|known| known.trim_end_matches([':', '/']) == scheme);
        return Err(if known {
            problem
        } else {
            problem.closest(scheme, &SCHEMES)
        });
    }
    match scheme {
        "usb" => {
            let (id, options) = split_options(rest, PortOptions::parse)?;
            Ok(Target::Port(Port::Usb(parse_usb(id)?), options).into())
        }
        "tcp" => {
            let (host, options) = split_options(rest, SocketOptions::parse)?;
            Ok(Target::Tcp(Host::parse("tcp", host, None)?, options).into())
        }
        "telnet" => {
            let (host, options) = split_options(rest, SocketOptions::parse)?;
            Ok(Target::Telnet(Host::parse("telnet", host, Some(TELNET))?, options).into())
        }
        "rfc2217" => {
            let (host, options) = split_options(rest, PortOptions::parse)?;
            Ok(Target::Rfc2217(Host::parse("rfc2217", host, None)?, options).into())
        }
        "ws" => {
            // A password may hold a question mark.
            let (password, host) = rest.split_at(rest.rfind('@').unwrap_or(0));
            let (host, options) = split_options(host, SocketOptions::parse)?;
            let host = format!("{password}{host}");
            let (host, password) = Host::parse_with_password("ws", &host, WEBREPL)?;
            Ok(Target::WebRepl(host, password, options).into())
        }
        "zenoh" => match wrong_name(rest) {
            Some(why) => Err(Problem::new(why).meant("zenoh:belay/lab1/pico")),
            None => Ok(Target::Zenoh(rest.to_owned()).into()),
        },
        "exec" => Ok(Target::Exec(parse_command("exec", rest)?).into()),
        "pty" => Ok(Target::Pty(parse_command("pty", rest)?).into()),
        "socket" => Err(Problem::new(format!("`{scheme}:` is unknown"))
            .meant(format!("tcp://{}", rest.trim_start_matches('/')))),
        "serial" | "file" | "port" => {
            let path = format!("/{}", rest.trim_start_matches('/'));
            Err(Problem::new(format!("`{scheme}:` is unknown")).meant(path))
        }
        "auto" => Err(Problem::new("nothing can follow `auto` but options").meant("auto")),
        _ => {
            let problem = Problem::new(format!("`{scheme}:` is unknown"));
            Err(problem.closest(scheme, &SCHEMES))
        }
    }
}

/// Splits off the scheme of `usb:…` and its like; the `C:` of a Windows path is none, nor is what comes after a
/// slash.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_scheme.then_some((scheme, rest))
}

fn split_options<T: Default>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, Problem>,
) -> Result<(&str, T), Problem> {
    match text.split_once('?') {
        Some((before, query)) => Ok((before, parse(query)?)),
        None => Ok((text, T::default())),
    }
}

fn is_com(path: &str) -> bool {
    path.get(..3).is_some_and(|com| com.eq_ignore_ascii_case("com"))
        && (4..=6).contains(&path.len())
        && path.bytes().skip(3).all(|byte| byte.is_ascii_digit())
}

fn looks_like_path(path: &str) -> bool {
    path.contains(['/', '\\']) && split_scheme(path).is_none()
}

fn not_a_path(name: &str) -> Problem {
    let problem = Problem::new("it is neither a path nor one of the other kinds");
    if name.starts_with("tty") || name.starts_with("cu.") || name.starts_with("rfcomm") {
        problem.meant(format!("/dev/{name}"))
    } else {
        problem.closest(name, &["auto"])
    }
}

fn parse_usb(id: &str) -> Result<UsbId, Problem> {
    let mut parts = id.splitn(3, ':');
    let mut number = |what: &str| {
        let digits = parts.next().unwrap_or_default();
        let bare = digits
            .strip_prefix("0x")
            .or_else(|| digits.strip_prefix("0X"))
            .unwrap_or(digits);
        if bare.is_empty() {
            return Err(Problem::new(format!("the {what} is missing")).meant("usb:2e8a:0005"));
        }
        // `from_str_radix` would take a sign.
        match u16::from_str_radix(bare, 16) {
            Ok(number) if bare.len() <= 4 && !bare.starts_with('+') => Ok(number),
            _ => Err(Problem::new(format!(
                "the {what} `{digits}` is not a number of up to four hexadecimal digits"
            ))),
        }
    };
    let (vendor, product) = (number("vendor number")?, number("product number")?);
    let serial = match parts.next() {
        Some("") => return Err(Problem::new("the serial number after the last `:` is missing")),
        serial => serial.map(percent::decode),
    };
    Ok(UsbId {
        vendor,
        product,
        serial,
    })
}

fn parse_command(scheme: &str, command: &str) -> Result<Vec<String>, Problem> {
    match shell_words::split(command) {
        Ok(words) if words.is_empty() => {
            Err(Problem::new("the command is missing").meant(format!("{scheme}:micropython")))
        }
        Ok(words) => Ok(words),
        Err(_) => Err(Problem::new("a quotation mark in the command has no partner")),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(Port::Path(path), options) => write!(f, "{}{options}", Encoded(path)),
            Self::Port(Port::Usb(id), options) => write!(f, "{id}{options}"),
            Self::Port(Port::Auto, options) => write!(f, "auto{options}"),
            Self::Tcp(host, options) => write!(f, "tcp://{host}{options}"),
            Self::Telnet(host, options) => write!(f, "telnet://{host}{options}"),
            Self::Rfc2217(host, options) => write!(f, "rfc2217://{host}{options}"),
            Self::WebRepl(host, _, options) => write!(f, "ws://{host}{options}"),
            Self::Zenoh(board) => write!(f, "zenoh:{board}"),
            Self::Exec(words) => write!(f, "exec:{}", command_line(words)),
            Self::Pty(words) => write!(f, "pty:{}", command_line(words)),
        }
    }
}

/// The words of a command as one line that is split into the same words again.
///
/// `shell_words::join` would leave a carriage return bare, which is trimmed from the end of an address.
pub(super) fn command_line(words: &[String]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(&byte);
    let quoted = words.iter().map(|word| {
        if !word.is_empty() && word.bytes().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

impl fmt::Display for UsbId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "usb:{:04x}:{:04x}", self.vendor, self.product)?;
        match &self.serial {
            Some(serial) => write!(f, ":{}", Encoded(serial)),
            None => Ok(()),
        }
    }
}

/// What is wrong with the name of a board, if anything: it has to be `belay/<host>/<board>`, two names without
/// patterns.
fn wrong_name(board: &str) -> Option<&'static str> {
    let is_name = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (1..=64).contains(&name.len()) && name.bytes().all(plain)
    };
    match board.split('/').collect::<Vec<_>>()[..] {
        ["belay", host, board] if is_name(host) && is_name(board) => None,
        ["belay", _, _] => Some("letters, digits, `-`, `_` and `.` make the name of a host or a board"),
        _ => Some("what follows `zenoh:` is `belay/`, a host, `/` and a board"),
    }
}
