//! Failures: their messages and exit statuses.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use belay::transport::TransportError;
use belay::{Error, ErrorKind, Phase};

use crate::screen;

/// The operation failed on the board.
const FAILED: u8 = 1;
/// The command was used wrongly.
const USAGE: u8 = 2;
/// There is no board to connect to.
const NO_BOARD: u8 = 3;
/// The user pressed Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A failure with a message, its causes, and perhaps a hint.
    Said {
        what: String,
        because: Vec<String>,
        help: Option<String>,
        status: u8,
    },
    /// A failure that was reported already.
    Told(u8),
    /// The user interrupted the command.
    Interrupted,
}

impl Failure {
    /// The command was used wrongly.
    pub(crate) fn usage(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::said(what, USAGE).with_help(help)
    }

    /// The command was used correctly, but failed.
    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Self::said(what, FAILED)
    }

    /// There is no board.
    #[cfg(feature = "fleet")]
    pub(crate) fn nobody(what: impl Into<String>) -> Self {
        Self::said(what, NO_BOARD)
    }

    fn said(what: impl Into<String>, status: u8) -> Self {
        Self::Said {
            what: what.into(),
            because: Vec::new(),
            help: None,
            status,
        }
    }

    /// The same with a hint.
    #[must_use]
    pub(crate) fn with_help(mut self, text: impl Into<String>) -> Self {
        if let Self::Said { help, .. } = &mut self {
            *help = Some(text.into());
        }
        self
    }

    /// A file of this machine could not be used.
    pub(crate) fn local(path: &std::path::Path, error: &io::Error) -> Self {
        Self::failed(format!("{}: {}", path.display(), plain(error)))
    }

    /// Prints the failure to standard error, and returns the exit status.
    pub(crate) fn tell(self) -> ExitCode {
        let status = self.status();
        if let Self::Said {
            what, because, help, ..
        } = self
        {
            let mut text = format!("{}: {what}\n", screen::red("error"));
            for cause in because {
                let _ = writeln!(text, "  because: {cause}");
            }
            if let Some(help) = help {
                let _ = writeln!(
                    text,
                    "{}: {}",
                    screen::cyan("help"),
                    help.replace('\n', "\n      ")
                );
            }
            screen::note(&text);
        }
        ExitCode::from(status)
    }

    /// Prints the failure when more commands follow.
    pub(crate) fn tell_and_go_on(self) {
        let _ = self.tell();
    }

    /// The exit status of this failure.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Said { status, .. } | Self::Told(status) => *status,
            Self::Interrupted => INTERRUPTED,
        }
    }
}

/// The message of an error of the operating system, without its number.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((text, _)) => text.to_owned(),
        None => text,
    }
}

impl From<io::Error> for Failure {
    /// A broken pipe is no failure: the reader of the output has read enough.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Told(0),
            _ => Self::failed(plain(&error)),
        }
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        Error::from(ErrorKind::Transport(error))
            .in_phase(Phase::Open)
            .into()
    }
}

impl From<belay_packages::Error> for Failure {
    fn from(error: belay_packages::Error) -> Self {
        let mut failure = Self::failed(error.to_string());
        if let (Self::Said { because, .. }, Some(cause)) = (&mut failure, error.source()) {
            because.push(cause.to_string());
        }
        failure
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match (error.kind(), error.phase()) {
            (ErrorKind::Transport(TransportError::Address(_)), _) => USAGE,
            (ErrorKind::Transport(_), _) | (_, Some(Phase::Open | Phase::Enter)) => NO_BOARD,
            _ => FAILED,
        };
        let mut because = Vec::new();
        let mut cause = error.source();
        while let Some(one) = cause {
            because.push(one.to_string());
            cause = one.source();
        }
        Self::Said {
            help: help(&error),
            what: what(&error),
            because,
            status,
        }
    }
}

/// The message of an error, and the board that it is about. The name of our own method is left out.
fn what(error: &Error) -> String {
    let kind = match error.kind() {
        ErrorKind::Transport(TransportError::NoMatch { wanted, .. }) if wanted == "auto" => {
            return "there is no board: no USB device has a serial port".to_owned();
        }
        ErrorKind::Transport(TransportError::Ambiguous {
            wanted, candidates, ..
        }) if wanted == "auto" => {
            return format!("there are {} boards, and none is named", candidates.len());
        }
        kind => kind,
    };
    let phase = match (kind, error.phase()) {
        (ErrorKind::Timeout { .. } | ErrorKind::Protocol { .. }, Some(phase)) => format!(" (while {phase})"),
        _ => String::new(),
    };
    match error.device() {
        Some(device) => format!("{device}: {kind}{phase}"),
        None => format!("{kind}{phase}"),
    }
}

/// The hint for an error, in terms of the command instead of the library.
fn help(error: &Error) -> Option<String> {
    let own = match error.kind() {
        ErrorKind::Transport(TransportError::NotFound { .. } | TransportError::NoMatch { .. }) => {
            let known = error.hint().unwrap_or_default();
            return Some(format!(
                "{known}\nname one with `-p ADDRESS` or in BELAY_PORT; `belay ports` lists them"
            ));
        }
        ErrorKind::Transport(TransportError::Ambiguous { .. }) => {
            let known = error.hint().unwrap_or_default();
            return Some(format!(
                "{known}\nsay it with `-p`, for instance `belay -p PATH info`, or in BELAY_PORT"
            ));
        }
        ErrorKind::Transport(TransportError::Vanished(_))
        | ErrorKind::Disconnected(_)
        | ErrorKind::FateUnknown(_) => "plug the board in again, and give the command again",
        ErrorKind::Reset => {
            "the program on the board has reset it; `belay repl` and `belay monitor` survive that"
        }
        ErrorKind::Transport(TransportError::NotProvided { .. }) => {
            "this `belay` was built without it: `cargo install belay-cli --features fleet`"
        }
        ErrorKind::LineRead => {
            "the program reads `sys.stdin`, which is the host's line: have it call `input()`, or run it in `belay repl`, \
             whose keyboard is the board's"
        }
        ErrorKind::Unresponsive { .. } => {
            "is this the board's port, is MicroPython on the board, and is no other program using it? If what it runs does \
             not stop, press its reset button, or unplug it and plug it in again"
        }
        ErrorKind::Python(exception) if exception.is("MemoryError") => {
            "`belay reset` frees the board's memory"
        }
        // No option of this command changes that deadline.
        ErrorKind::Timeout { .. } if error.phase() == Some(Phase::Execute) => return None,
        ErrorKind::TooLong { .. } => "have the board write it to a file, and copy that with `belay fs cp`",
        _ => return error.hint().map(Into::into),
    };
    Some(own.to_owned())
}
