use std::sync::Arc;
use std::time::Duration;

use super::again::Again;
use super::unresponsive::{Purpose, Tried};
use super::*;
use crate::exception::Fate;

#[test]
fn display_is_one_line_with_device_method_and_phase() {
    let error = Error::from(ErrorKind::Timeout {
        after: Duration::from_secs(2),
        received: b"\x00boot".to_vec(),
    })
    .on_device(&Arc::from("/dev/ttyACM0"))
    .in_method("Lamp.switch")
    .in_phase(Phase::Execute);
    assert_eq!(
        error.to_string(),
        r#"/dev/ttyACM0: Lamp.switch: no answer within 2s; the board had sent "\x00boot" (while running the code)"#
    );
}

#[test]
fn a_failed_setup_has_the_hint_of_what_failed_in_it() {
    let cause = Error::from(DeviceException::new("ImportError", "no module named 'x'"));
    let hint = cause.hint().expect("what to do about a missing module");
    let error = Error::from(ErrorKind::Setup {
        cause: Box::new(cause),
        teardown: Vec::new(),
    });
    assert_eq!(error.hint(), Some(hint));
}

#[test]
fn a_device_without_a_name_is_not_named() {
    let error = Error::from(ErrorKind::Closed).on_device(&Arc::from(""));
    assert_eq!(error.to_string(), "the device is closed");
}

#[test]
fn debug_shows_causes_and_hint_as_a_failing_main_prints_them() {
    let cause = Error::from(DeviceException::new("OSError", "[Errno 2] ENOENT"));
    let error = Error::from(ErrorKind::Setup {
        cause: Box::new(cause),
        teardown: Vec::new(),
    });
    assert_eq!(
        format!("{error:?}"),
        "setup failed\n  because: OSError: [Errno 2] ENOENT"
    );
    let stuck = Stuck {
        board: BoardState::Silent,
        purpose: Purpose::EndCall,
        tried: Tried::Interrupts,
    };
    let error = Error::from(ErrorKind::Unresponsive { stuck, source: None });
    assert!(format!("{error:?}").contains("\n  hint: reset the board"));
}

#[test]
fn nothing_that_a_message_is_made_of_reaches_the_terminal_as_a_control_character() {
    let wild = "\x1b[2J\r\nfake\u{9b}31m\u{202e}";
    let escaped = r"\x1b[2J\r\nfake\u{9b}31m\u{202e}";
    let kinds: [ErrorKind; 8] = [
        ErrorKind::Protocol {
            what: wild.into(),
            received: wild.into(),
        },
        ErrorKind::Unsupported {
            feature: "this".into(),
            firmware: wild.into(),
        },
        ErrorKind::NotAttached { method: wild.into() },
        ThreadError::AlreadyRunning { name: wild.into() }.into(),
        ThreadError::StillRunning {
            names: vec![wild.into()],
            within: Duration::ZERO,
        }
        .into(),
        ActionError::Panicked(Some(wild.into())).into(),
        DeviceException::new(wild, wild).into(),
        TransportError::Vanished(wild.into()).into(),
    ];
    for kind in kinds {
        assert!(kind.to_string().contains(escaped), "{kind:?}");
        let cause = Error::from(kind).on_device(&Arc::from(wild)).in_method(wild);
        let error = Error::from(ErrorKind::FateUnknown(Some(Box::new(cause))));
        for text in [format!("{error:?}"), format!("{error:#?}")] {
            assert!(!text.contains(['\x1b', '\r', '\u{9b}', '\u{202e}']), "{text:?}");
        }
        assert_eq!(format!("{error:?}").lines().count(), 3, "{error:?}");
    }
}

#[test]
fn what_is_known_of_an_error_is_not_overwritten() {
    let error = Error::from(ErrorKind::Closed)
        .in_method("A.inner")
        .in_method("B.outer");
    assert_eq!(error.method(), Some("A.inner"));
}

/// The index of a kind, by which the test below sees that no kind is missing. A new kind gets the next number, and
/// entries in the table.
fn number(kind: &ErrorKind) -> usize {
    match kind {
        ErrorKind::Transport(_) => 0,
        ErrorKind::Protocol { .. } => 1,
        ErrorKind::Timeout { .. } => 2,
        ErrorKind::Python(_) => 3,
        ErrorKind::Value(_) => 4,
        ErrorKind::Reset => 5,
        ErrorKind::FateUnknown(_) => 6,
        ErrorKind::Disconnected(_) => 7,
        ErrorKind::Interrupted => 8,
        ErrorKind::Unresponsive { .. } => 9,
        ErrorKind::Unsupported { .. } => 10,
        ErrorKind::TooLong { .. } => 11,
        ErrorKind::Closed => 12,
        ErrorKind::RuntimeGone => 13,
        ErrorKind::Setup { .. } => 14,
        ErrorKind::Teardown(_) => 15,
        ErrorKind::Thread(_) => 16,
        ErrorKind::ThreadLost(_) => 17,
        ErrorKind::Busy { .. } => 18,
        ErrorKind::NotAttached { .. } => 19,
        ErrorKind::NamespaceTaken { .. } => 20,
        ErrorKind::HostAction(_) => 21,
        ErrorKind::NoRuntime => 22,
        ErrorKind::Reentered => 30,
        ErrorKind::NotOneLine => 23,
        ErrorKind::LineRead => 24,
        ErrorKind::File(_) => 25,
        ErrorKind::NotWritten { .. } => 26,
        ErrorKind::ModuleTaken { .. } => 27,
        ErrorKind::EventsLost { .. } => 28,
        ErrorKind::NotHeard(_) => 29,
        ErrorKind::ObjectGone => 31,
        ErrorKind::ObjectElsewhere => 32,
        ErrorKind::NoSuchName { .. } => 33,
    }
}

fn raised(class: &str, fate: Fate) -> Error {
    let mut exception = DeviceException::new(class, "");
    exception.fate = fate;
    exception.into()
}

fn timeout() -> Error {
    let (after, received) = (Duration::ZERO, Vec::new());
    ErrorKind::Timeout { after, received }.into()
}

fn protocol() -> Error {
    let (what, received) = ("".into(), Vec::new());
    ErrorKind::Protocol { what, received }.into()
}

fn unresponsive() -> Error {
    let stuck = Stuck {
        board: BoardState::Silent,
        purpose: Purpose::Connect,
        tried: Tried::Interrupts,
    };
    ErrorKind::Unresponsive { stuck, source: None }.into()
}

/// An error of each kind, several where their data matter, each with whether its call may be repeated.
fn every_kind() -> Vec<(Error, Again)> {
    let lost = || TransportError::Vanished("".into());
    vec![
        (lost().into(), Again::Later),
        (TransportError::Unsupported("").into(), Again::Never),
        (protocol().in_phase(Phase::Enter), Again::Later),
        (protocol().in_phase(Phase::Execute), Again::Never),
        (protocol(), Again::Never),
        (timeout().in_phase(Phase::Enter), Again::Later),
        (timeout().in_phase(Phase::Deploy), Again::Later),
        (timeout().in_phase(Phase::Execute), Again::Never),
        (timeout(), Again::Never),
        (raised("NameError", Fate::Missing), Again::Now),
        (raised("MemoryError", Fate::NotBegun), Again::Now),
        (raised("MemoryError", Fate::Begun), Again::IfIdempotent),
        (raised("TypeError", Fate::NotBegun), Again::Never),
        (raised("OSError", Fate::Begun), Again::Never),
        (
            crate::python::from_repr::<u8>(b"'text'").unwrap_err().into(),
            Again::Never,
        ),
        (ErrorKind::Reset.into(), Again::IfIdempotent),
        (ErrorKind::FateUnknown(None).into(), Again::IfIdempotent),
        (
            ErrorKind::FateUnknown(Some(Box::new(lost().into()))).into(),
            Again::IfIdempotent,
        ),
        (ErrorKind::Disconnected(None).into(), Again::Now),
        (ErrorKind::Interrupted.into(), Again::Never),
        (unresponsive().in_phase(Phase::Enter), Again::Later),
        (unresponsive(), Again::Never),
        (
            ErrorKind::Unsupported {
                feature: "".into(),
                firmware: "".into(),
            }
            .into(),
            Again::Never,
        ),
        (ErrorKind::TooLong { limit: 0 }.into(), Again::Never),
        (ErrorKind::Closed.into(), Again::Never),
        (ErrorKind::RuntimeGone.into(), Again::Never),
        (
            ErrorKind::Setup {
                cause: Box::new(ErrorKind::Disconnected(None).into()),
                teardown: Vec::new(),
            }
            .into(),
            Again::Never,
        ),
        (ErrorKind::Teardown(Vec::new()).into(), Again::Never),
        (
            ErrorKind::ThreadLost(Arc::new(ErrorKind::Reset.into())).into(),
            Again::Never,
        ),
        (
            ErrorKind::Busy {
                waited: Duration::ZERO,
            }
            .into(),
            Again::Later,
        ),
        (ErrorKind::NotAttached { method: "".into() }.into(), Again::Never),
        (
            ErrorKind::ModuleTaken {
                module: "".into(),
                taken_by: "".into(),
                wanted_by: "".into(),
            }
            .into(),
            Again::Never,
        ),
        (
            ErrorKind::NamespaceTaken {
                namespace: "".into(),
                taken_by: "".into(),
                wanted_by: "".into(),
            }
            .into(),
            Again::Never,
        ),
        (ActionError::RuntimeGone.into(), Again::Never),
        (ErrorKind::NoRuntime.into(), Again::Never),
        (ErrorKind::Reentered.into(), Again::Never),
        (ErrorKind::ObjectGone.into(), Again::Never),
        (ErrorKind::ObjectElsewhere.into(), Again::Never),
        (ErrorKind::NoSuchName { name: String::new() }.into(), Again::Never),
        (ErrorKind::NotOneLine.into(), Again::Never),
        (ErrorKind::LineRead.into(), Again::Never),
    ]
    .into_iter()
    .chain(of_threads())
    .chain(of_events())
    .chain(of_files())
    .collect()
}

fn of_events() -> [(Error, Again); 2] {
    let lost = ErrorKind::EventsLost {
        lost: Some(1),
        why: EventLoss::Line,
    };
    let not_heard = ErrorKind::NotHeard(Arc::new(ErrorKind::Reset.into()));
    [(lost.into(), Again::Never), (not_heard.into(), Again::Never)]
}

fn of_files() -> [(Error, Again); 4] {
    let path = || "/x".to_owned();
    let not_written = |left, cause: ErrorKind| {
        let (path, cause) = (path(), Box::new(cause.into()));
        ErrorKind::NotWritten { path, left, cause }.into()
    };
    [
        (FileError::NotFound { path: path() }.into(), Again::Never),
        (not_written(Left::Old, ErrorKind::Reset), Again::Later),
        (not_written(Left::Old, ErrorKind::Closed), Again::Never),
        (not_written(Left::OldOrNew, ErrorKind::Reset), Again::Never),
    ]
}

fn of_threads() -> [(Error, Again); 5] {
    let name = || "name".to_owned();
    let (names, within) = (|| vec![name()], Duration::ZERO);
    let exception = || Box::new(DeviceException::new("OSError", ""));
    [
        (ThreadError::AlreadyRunning { name: name() }.into(), Again::Later),
        (
            ThreadError::NoSlot {
                name: name(),
                exception: exception(),
            }
            .into(),
            Again::Later,
        ),
        (
            ThreadError::NotPaused {
                names: names(),
                within,
            }
            .into(),
            Again::Later,
        ),
        (
            ThreadError::StillRunning {
                names: names(),
                within,
            }
            .into(),
            Again::Never,
        ),
        (ThreadError::NotKnown { id: 1 }.into(), Again::Never),
    ]
}

#[test]
fn of_every_kind_it_is_said_whether_the_call_may_be_made_again() {
    let mut seen = Vec::new();
    for (error, again) in every_kind() {
        seen.push(number(error.kind()));
        assert_eq!(error.again(), again, "{error:#?}");
    }
    seen.sort_unstable();
    seen.dedup();
    let last = seen.last().copied();
    assert_eq!(Some(seen.len() - 1), last, "a kind is missing: {seen:?}");
}

#[test]
fn what_an_executor_calls_again_by_itself_is_retryable_unless_the_task_may_run_twice() {
    for (error, again) in every_kind() {
        if again.now(false) {
            assert!(error.is_retryable(), "{error:#?}");
        }
        let only_idempotent = again.now(true) && !again.now(false);
        assert_eq!(only_idempotent, again == Again::IfIdempotent, "{error:#?}");
        assert!(!(only_idempotent && error.is_retryable()), "{error:#?}");
    }
}
