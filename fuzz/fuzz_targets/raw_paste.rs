//! A paste: whatever the board grants and prints meanwhile, the credit is never exceeded, the source arrives unchanged,
//! and at most one end marker is sent.
#![no_main]

use arbitrary::Arbitrary;
use belay_runtime::protocol::{Event, Execution, Mode, Operation, Options, RawRepl, Stage};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Paste {
    source: String,
    window: std::num::NonZeroU16,
    second_window: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Write,
    Grant,
    Noise(u8),
    Interrupt,
    CutShort,
}

/// A machine whose board is at the raw prompt.
fn entered() -> RawRepl {
    let mut repl = RawRepl::new(Options::default());
    repl.start(Operation::Enter)
        .expect("it may be entered from any state");
    repl.receive(b"raw REPL; CTRL-B to exit\r\n>OKbelay-00000000-1\r\n\x04\x04>");
    while repl.poll_event().is_some() {}
    while repl.poll_write().is_some() {}
    assert_eq!(repl.stage(), Stage::Idle);
    repl
}

fuzz_target!(|paste: Paste| {
    let mut repl = entered();
    let source = paste.source.into_bytes();
    let execution = Execution {
        source: source.clone(),
        mode: Mode::RawPaste,
        framed: false,
    };
    if repl.start(Operation::Execute(execution)).is_err() {
        return;
    }
    assert_eq!(
        repl.poll_write().map(|write| write.bytes),
        Some(b"\x05A\x01".to_vec())
    );
    let window = usize::from(paste.window.get());
    let second = paste.second_window || window >= 0x0800;
    repl.receive(&[b"R\x01", &paste.window.get().to_le_bytes()[..]].concat());
    repl.receive(if second { b"\x01" } else { b"" });
    assert_eq!(repl.poll_event(), None);

    let mut credit = window * if second { 2 } else { 1 };
    let (mut sent, mut over) = (Vec::new(), false);
    for step in paste.steps {
        match step {
            Step::Write => {
                if let Some(write) = repl.poll_write() {
                    sent.extend(write.bytes);
                }
            }
            Step::Grant if !over => {
                credit += window;
                repl.receive(b"\x01");
            }
            // A thread's output. The two characters with a meaning here (`\x01` and `\x04`) come from the board only.
            Step::Noise(byte) if byte != 1 && byte != 4 => repl.receive(&[byte]),
            Step::Interrupt => assert!(repl.interrupt()),
            Step::CutShort if !over => {
                over = true;
                repl.receive(b"\x04");
            }
            _ => {}
        }
        while let Some(event) = repl.poll_event() {
            assert!(
                over || matches!(event, Event::Output(_) | Event::Sign(_)),
                "{event:?}"
            );
        }
    }
    let ends = sent.iter().filter(|byte| **byte == 4).count();
    assert!(ends <= 1, "{ends} ends are sent");
    let pasted: Vec<_> = sent.into_iter().filter(|byte| *byte > 4).collect();
    assert!(pasted.len() + ends <= credit + 1, "the window is overrun");
    assert!(source.starts_with(&pasted), "the source is not what is sent");
});
