//! What can go wrong with a port, and what to do about it.

use std::borrow::Cow;
use std::fmt;
use std::io;

use super::address::AddressError;
use super::port_info::PortInfo;
use crate::printable::Printable;

/// Why a port could not be opened, or failed while it was in use.
///
/// `Display` says what happened, in one line; [`hint`](Self::hint) says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// A text is no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// There is no such port.
    #[error("there is no port `{port}`")]
    NotFound {
        /// The port asked for.
        port: String,
        /// The ports that there are.
        ports: Vec<PortInfo>,
    },
    /// No USB device fits the address.
    #[error("no port fits `{wanted}`")]
    NoMatch {
        /// The address.
        wanted: String,
        /// The ports that there are.
        ports: Vec<PortInfo>,
    },
    /// More than one USB device fits the address.
    #[error("{} ports fit `{wanted}`: {}", .candidates.len(), Paths(.candidates))]
    Ambiguous {
        /// The address.
        wanted: String,
        /// The ports that fit it.
        candidates: Vec<PortInfo>,
    },
    /// Another program has the port open for itself, or this one has.
    #[error("`{port}` is in use by {}", Holder(.holder.as_ref()))]
    Busy {
        /// The port.
        port: String,
        /// The program that has it, where the operating system tells.
        holder: Option<PortHolder>,
    },
    /// The operating system does not let this user open the port.
    #[error("you are not permitted to open `{port}`")]
    PermissionDenied {
        /// The port.
        port: String,
        /// The group whose members may open it.
        group: Option<String>,
    },
    /// What the address names is no serial port.
    #[error("`{port}` is {what}, not a serial port")]
    NotSerial {
        /// What the address names.
        port: String,
        /// What it is.
        what: &'static str,
    },
    /// The port could not be opened for another reason.
    #[error("`{port}` cannot be opened")]
    Open {
        /// The port.
        port: String,
        /// The reason.
        source: io::Error,
    },
    /// The socket could not be connected.
    #[error("cannot connect to `{to}`")]
    Connect {
        /// The address.
        to: String,
        /// The reason.
        source: io::Error,
    },
    /// The other side does not speak the protocol that the address names.
    #[error("`{to}` does not speak {what}: {}", Printable(.why))]
    NotSpoken {
        /// The address.
        to: String,
        /// The protocol that it should speak.
        what: &'static str,
        /// What it did instead.
        why: Cow<'static, str>,
    },
    /// A password is missing or wrong.
    #[error("`{to}` {}", if *.given { "rejects the password" } else { "needs a password, and none is given" })]
    Password {
        /// The address, without it.
        to: String,
        /// Whether there was one.
        given: bool,
    },
    /// The command could not be started.
    #[error("the command `{command}` cannot be started")]
    Command {
        /// The command.
        command: String,
        /// The reason.
        source: io::Error,
    },
    /// This machine's operating system lacks what the address needs.
    #[error("this operating system has no {0}")]
    Unsupported(&'static str),
    /// This program was built without what the address needs.
    #[error("this program was built without belay's feature `{feature}`, which `{address}` needs")]
    NotBuilt {
        /// The address.
        address: String,
        /// The feature.
        feature: &'static str,
    },
    /// Nothing in this program can open boards of other machines.
    #[error("this program cannot open `{address}`")]
    NotProvided {
        /// The address.
        address: String,
    },
    /// Reading from or writing to the port failed.
    #[error("the port failed")]
    Io(#[source] io::Error),
    /// The port went away: it was unplugged, most likely.
    #[error("the port is gone: {}", Printable(.0))]
    Vanished(Cow<'static, str>),
    /// The other side of a connection closed it, or is gone.
    #[error("the connection is gone: {}", Printable(.0))]
    HungUp(Cow<'static, str>),
    /// The command that leads to the board has ended.
    #[error("{}", Printable(.0))]
    Ended(Cow<'static, str>),
}

/// The program that has a port open.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortHolder {
    /// Its process number.
    pub pid: u32,
    /// Its name.
    pub name: String,
}

impl TransportError {
    /// Whether opening the port again may help.
    ///
    /// A missing permission counts: just after a board was plugged in it is about to be granted.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::NoMatch { .. }
            | Self::Busy { .. }
            | Self::PermissionDenied { .. }
            | Self::Open { .. }
            | Self::Connect { .. }
            | Self::NotSpoken { .. }
            | Self::Io(_)
            | Self::Vanished(_)
            | Self::HungUp(_)
            | Self::Ended(_) => true,
            Self::Address(_)
            | Self::Ambiguous { .. }
            | Self::NotSerial { .. }
            | Self::Password { .. }
            | Self::Command { .. }
            | Self::Unsupported(_)
            | Self::NotBuilt { .. }
            | Self::NotProvided { .. } => false,
        }
    }

    /// What to do about it, where something can be done.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Address(error) => error.hint().into(),
            Self::NotFound { ports, .. } | Self::NoMatch { ports, .. } => choice_of(ports).into(),
            Self::Ambiguous { candidates, .. } => format!(
                "unplug all but one, or say which one is meant:\n{}",
                Lines(candidates)
            )
            .into(),
            Self::Busy { holder, .. } => match holder {
                Some(holder) if holder.is_this_program() => {
                    "close what this program opened before, then open it again".into()
                }
                Some(holder) => format!(
                    "close {name}; if its window is gone, end it with `kill {pid}`",
                    name = Printable(&holder.name),
                    pid = holder.pid
                )
                .into(),
                None => {
                    "close the serial monitor, the editor (Thonny, Arduino) or the mpremote that has it open"
                        .into()
                }
            },
            Self::PermissionDenied {
                group: Some(group), ..
            } => format!(
                "join the group that may: `sudo usermod -a -G {group} $USER`, then log out and in again"
            )
            .into(),
            Self::PermissionDenied { group: None, .. } => {
                "look at the port's permissions; on Linux the group `dialout` usually may".into()
            }
            Self::NotSerial { .. } => "a serial port looks like `/dev/ttyACM0`, `/dev/ttyUSB0` or `COM3`; \
                `auto` finds the only one there is"
                .into(),
            Self::Connect { source, .. } => match source.kind() {
                io::ErrorKind::ConnectionRefused => {
                    "the host answers, but nothing listens on that port: is the serial server running?".into()
                }
                io::ErrorKind::TimedOut => "is the host switched on, and on this network?".into(),
                _ => "are the host's name and the port number right?".into(),
            },
            Self::NotSpoken { what: "WebREPL", .. } => {
                "WebREPL takes one user at a time, and has to be started on the \
                board: `import webrepl; webrepl.start()`"
                    .into()
            }
            Self::NotSpoken { .. } => {
                "a plain socket is `tcp://HOST:PORT`, and a Telnet server without the serial \
                port's settings `telnet://HOST:PORT`"
                    .into()
            }
            Self::Password { .. } => {
                "it is the one of `webrepl_cfg.py` on the board: say it in the address, \
                `ws://:PASSWORD@HOST`, or in the environment variable BELAY_WEBREPL_PASSWORD"
                    .into()
            }
            Self::Command { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "is the program installed, and on the PATH?".into()
            }
            Self::NotBuilt { feature, .. } => format!("run `cargo add belay-rs --features {feature}`").into(),
            Self::NotProvided { .. } => {
                "boards of other machines take the crate `belay-fleet`: call its `Fleet::provide` first"
                    .into()
            }
            Self::Vanished(_) => {
                "plug the board in again, or connect by `auto` or `usb:VID:PID`, which find it \
                under another name"
                    .into()
            }
            Self::HungUp(_) => {
                "is the server still running and in reach, and is nobody else connected to the board?".into()
            }
            Self::Ended(_) => "run the command by itself to see why it ends".into(),
            _ => return None,
        })
    }

    /// The same error again, for later callers.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Vanished(why) => Self::Vanished(why.clone()),
            Self::HungUp(why) => Self::HungUp(why.clone()),
            Self::Ended(why) => Self::Ended(why.clone()),
            Self::Io(source) => Self::Vanished(source.to_string().into()),
            other => Self::Vanished(other.to_string().into()),
        }
    }

    /// This error as reading or writing a transport returns it.
    pub(super) fn into_io(self) -> io::Error {
        io::Error::new(io::ErrorKind::UnexpectedEof, self)
    }
}

fn choice_of(ports: &[PortInfo]) -> String {
    if ports.is_empty() {
        return "this machine has no serial port: plug the board in, with a USB cable that carries data (many \
            only charge)"
            .to_owned();
    }
    format!("the serial ports of this machine are\n{}", Lines(ports))
}

/// Tells an error of a port that is gone from one of a port that failed.
impl From<io::Error> for TransportError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => error,
            Err(error) if is_unplugged(&error) => {
                Self::Vanished(format!("it was unplugged or closed ({error})").into())
            }
            Err(error) if is_hung_up(&error) => {
                Self::HungUp(format!("the other side closed it ({error})").into())
            }
            Err(error) => Self::Io(error),
        }
    }
}

/// Whether this is the operating system's error for a port that was unplugged.
fn is_unplugged(error: &io::Error) -> bool {
    // EIO, ENXIO and ENODEV, by their numbers, which every Unix shares; on Windows "access is denied", "the
    // device does not recognise the command", "a device is not functioning" and "is not connected".
    let codes: &[i32] = if cfg!(windows) {
        &[5, 22, 31, 1167]
    } else {
        &[5, 6, 19]
    };
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// Whether this is the operating system's error for a pipe or a connection whose other side is gone.
fn is_hung_up(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;

    matches!(
        error.kind(),
        Kind::UnexpectedEof
            | Kind::BrokenPipe
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::NotConnected
    )
}

impl PortHolder {
    fn is_this_program(&self) -> bool {
        self.pid == std::process::id()
    }
}

/// The program that has a port, as a message names it.
struct Holder<'a>(Option<&'a PortHolder>);

impl fmt::Display for Holder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(holder) if holder.is_this_program() => f.write_str("this program itself"),
            Some(holder) => write!(f, "{} (process {})", Printable(&holder.name), holder.pid),
            None => f.write_str("another program"),
        }
    }
}

/// The paths of ports, in one line.
struct Paths<'a>(&'a [PortInfo]);

impl fmt::Display for Paths<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<&str> = self.0.iter().map(|port| port.path.as_str()).collect();
        f.write_str(&paths.join(", "))
    }
}

/// Ports with what identifies them, each on a line of its own.
struct Lines<'a>(&'a [PortInfo]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(|port| format!("  {port}")).collect();
        f.write_str(&lines.join("\n"))
    }
}
