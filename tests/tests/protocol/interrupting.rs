//! Interrupting and restarting a board, and finding one in the middle of something.

use std::time::Duration;

use belay_runtime::protocol::{Event, Execution, Mode, Operation, Sign, Stage};

use super::harness::{Bench, auto, plain};

pub(crate) async fn running_code_is_interrupted(mut bench: Bench) {
    bench.enter().await;
    for mode in [Mode::Auto, Mode::Plain] {
        bench.start(Operation::Execute(Execution {
            mode,
            ..auto("print('running')\nwhile True: pass")
        }));
        bench.until_output("running").await;
        assert!(bench.repl.interrupt());
        let (_, traceback) = bench.finish().await;
        assert!(traceback.contains("KeyboardInterrupt"), "{traceback}");
        bench.works().await;
    }
}

pub(crate) async fn code_can_refuse_to_be_interrupted(mut bench: Bench) {
    bench.enter().await;
    bench.start(Operation::Execute(auto(
        "import micropython, time\n\
         micropython.kbd_intr(-1)\n\
         print('deaf')\n\
         end = time.ticks_add(time.ticks_ms(), 300)\n\
         while time.ticks_diff(end, time.ticks_ms()) > 0: pass\n\
         print('unmoved')",
    )));
    bench.until_output("deaf").await;
    assert!(bench.repl.interrupt());
    let (output, traceback) = bench.finish().await;
    assert!(output.ends_with("unmoved\n"), "{output}");
    assert_eq!(traceback, "");
    bench.works().await;
}

pub(crate) async fn a_board_that_ignores_interrupts_finishes(mut bench: Bench) {
    bench.enter().await;
    bench.start(Operation::Execute(auto(
        "print('deaf')\nfor i in range(300000): pass\nprint('unmoved')",
    )));
    bench.until_output("deaf").await;
    assert!(bench.repl.interrupt());
    let (output, traceback) = bench.finish().await;
    assert_eq!((output.as_str(), traceback.as_str()), ("deaf\nunmoved\n", ""));
    bench.works().await;
}

pub(crate) async fn a_paste_is_interrupted(mut bench: Bench) {
    bench.enter().await;
    bench.works().await;
    for after in 0..4 {
        let source = "x = 1\n".repeat(1000) + "print('this must not run')";
        bench.start(Operation::Execute(auto(&source)));
        bench.until(|bench| bench.received.starts_with(b"R\x01")).await;
        for _ in 0..after {
            bench.turn(Duration::from_secs(5)).await;
        }
        assert!(bench.repl.interrupt());
        let (output, traceback) = bench.finish().await;
        assert_eq!(output, "");
        assert!(traceback.contains("KeyboardInterrupt"), "{traceback}");
        assert_eq!(bench.events.first(), Some(&Event::CutShort));
        bench.works().await;
    }
}

pub(crate) async fn a_request_is_interrupted(mut bench: Bench) {
    bench.enter().await;
    bench.start(Operation::Execute(auto("print('this must not run')")));
    assert!(bench.repl.interrupt());
    bench.until_stage(Stage::Idle).await;
    assert_eq!(bench.output, b"");
    bench.works().await;
}

pub(crate) async fn plain_source_is_interrupted(mut bench: Bench) {
    bench.enter().await;
    bench.start(Operation::Execute(plain(
        &"print('this must not run')\n".repeat(30),
    )));
    bench.repl.poll_write().expect("the first piece");
    assert!(bench.repl.interrupt());
    bench.until_stage(Stage::Idle).await;
    assert_eq!(bench.output, b"");
    bench.works().await;
}

/// Whenever the interrupt comes, the execution ends in one of the permitted ways, and the next one works.
pub(crate) async fn interrupts_at_any_moment_do_no_harm(mut bench: Bench) {
    bench.enter().await;
    bench.works().await;
    let source = format!(
        "{}for i in range(300): print(i)\nprint('finished')",
        "x = 1\n".repeat(100)
    );
    for turn in 0..60 {
        bench.start(Operation::Execute(auto(&source)));
        for _ in 0..turn % 20 {
            if bench.repl.stage() != Stage::Idle {
                bench.turn(Duration::from_micros(turn * 50)).await;
            }
        }
        assert!(bench.repl.interrupt());
        bench.until_stage(Stage::Idle).await;
        let Some(Event::Done { traceback, .. }) = bench.events.last() else {
            panic!("{:?}", bench.events);
        };
        let traceback = String::from_utf8_lossy(traceback).into_owned();
        let finished = bench.output.windows(8).any(|window| window == b"finished");
        assert!(
            traceback.contains("KeyboardInterrupt") || (finished && traceback.is_empty()),
            "{traceback}"
        );
        bench.works().await;
    }
}

pub(crate) async fn a_soft_reset_ends_in_the_raw_repl(mut bench: Bench) {
    bench.enter().await;
    for _ in 0..3 {
        bench.run("kept = 1").await;
        bench.start(Operation::SoftReset);
        bench.until_stage(Stage::Idle).await;
        assert_eq!(bench.events.last(), Some(&Event::Restarted { raw: true }));
        assert!(
            bench.received.starts_with(b"OK\r\n"),
            "{}",
            bench.received.escape_ascii()
        );
        assert!(
            matches!(&bench.events[0], Event::Sign(Sign::SoftReboot(_))),
            "{:?}",
            bench.events
        );
        let (_, traceback) = bench.run("kept").await;
        assert!(traceback.contains("NameError"), "{traceback}");
    }
}

pub(crate) async fn a_soft_reset_from_the_friendly_repl_ends_there(mut bench: Bench) {
    bench.enter().await;
    bench.run("kept = 1").await;
    bench.start(Operation::Exit);
    bench.until_stage(Stage::Friendly).await;
    bench.start(Operation::SoftReset);
    bench.until_stage(Stage::Friendly).await;
    bench
        .until(|bench| bench.events.contains(&Event::Restarted { raw: false }))
        .await;
    assert!(
        matches!(&bench.events[0], Event::Sign(Sign::SoftReboot(_))),
        "{:?}",
        bench.events
    );
    bench.enter().await;
    let (_, traceback) = bench.run("kept").await;
    assert!(traceback.contains("NameError"), "{traceback}");
}

/// CircuitPython only: the program runs once more, and then a key has to be pressed for the REPL.
pub(crate) async fn a_soft_reset_from_the_friendly_repl_waits_for_a_key(mut bench: Bench) {
    bench.enter().await;
    bench.run("kept = 1").await;
    bench.start(Operation::Exit);
    bench.until_stage(Stage::Friendly).await;
    bench.write(b"\x04").await;
    bench
        .read_until(b"Press any key to enter the REPL. Use CTRL-D to reload.\r\n")
        .await;
    bench.enter().await;
    let (_, traceback) = bench.run("kept").await;
    assert!(traceback.contains("NameError"), "{traceback}");
}

/// CircuitPython only: leaving the raw REPL ends the interpreter, and everything on the board is lost.
pub(crate) async fn another_repl_has_another_interpreter(mut bench: Bench) {
    bench.enter().await;
    bench.run("kept = 1").await;
    bench.start(Operation::Exit);
    bench.until_stage(Stage::Friendly).await;
    bench.enter().await;
    let (_, traceback) = bench.run("kept").await;
    assert!(traceback.contains("NameError"), "{traceback}");
}

/// CircuitPython only: a Ctrl-C discards all input that has not been read yet.
pub(crate) async fn an_interrupt_takes_what_was_typed_ahead_with_it(mut bench: Bench) {
    bench.enter().await;
    bench.works().await;
    bench.start(Operation::Execute(auto("print('running')\nwhile True: pass")));
    bench.until_output("running").await;
    bench
        .write(b"print('this must not run')\x04\x03print('nor this')\x04")
        .await;
    let (output, traceback) = bench.finish().await;
    assert_eq!(output, "running\n");
    assert!(traceback.contains("KeyboardInterrupt"), "{traceback}");
    bench.works().await;
}

pub(crate) async fn system_exit_restarts_the_board(mut bench: Bench) {
    bench.enter().await;
    bench.works().await;
    for execution in [auto("raise SystemExit"), plain("raise SystemExit")] {
        bench.start(Operation::Execute(execution));
        bench.until_stage(Stage::Idle).await;
        assert!(bench.events.contains(&Event::SystemExit), "{:?}", bench.events);
        assert_eq!(bench.events.last(), Some(&Event::Restarted { raw: true }));
        bench.works().await;
    }
}

/// MicroPython 1.9 only: no restart, and a prompt follows the two `\x04`.
pub(crate) async fn system_exit_only_ends_an_execution(mut bench: Bench) {
    bench.enter().await;
    let (output, traceback) = bench.run("kept = 1\nraise SystemExit").await;
    assert_eq!((output.as_str(), traceback.as_str()), ("", ""));
    assert_eq!(bench.run("print(kept)").await.0, "1\n");
}

/// While code runs, a Ctrl-D stays in the board's buffer; at the next prompt it causes a soft reset.
pub(crate) async fn a_stray_end_restarts_the_board(mut bench: Bench) {
    bench.enter().await;
    bench.start(Operation::Execute(auto(
        "print('running')\nfor i in range(100000): pass",
    )));
    bench.until_output("running").await;
    bench.write(b"\x04").await;
    bench
        .until(|bench| bench.events.contains(&Event::Sign(Sign::RawBanner)))
        .await;
    assert!(
        bench
            .events
            .iter()
            .any(|event| matches!(event, Event::Done { .. })),
        "{:?}",
        bench.events
    );
    assert!(
        bench
            .events
            .iter()
            .any(|event| matches!(event, Event::Sign(Sign::SoftReboot(_))))
    );
    bench.enter().await;
    bench.works().await;
}

/// States in which killed programs leave a board.
pub(crate) async fn the_raw_repl_is_entered_whatever_was_going_on(mut bench: Bench) {
    let paste = ["\x01\x05A\x01", &"x = 1\n".repeat(20)].concat();
    let failed_paste = ["\x01\x05A\x01f)\n", &"x = 1\n".repeat(20)].concat();
    let states = [
        ("half a line of the friendly REPL", "print('x"),
        (
            "an unfinished block of the friendly REPL",
            "for i in range(3):\r  print(i)\r",
        ),
        ("the friendly REPL's paste mode", "\x05x = 1\nprint(x"),
        ("half a source in the raw REPL", "\x01print('x"),
        ("half a request for raw-paste mode", "\x01\x05A"),
        ("a paste", paste.as_str()),
        ("a paste that does not compile", failed_paste.as_str()),
        ("running code", "\x01while True: pass\x04"),
        (
            "code that prints",
            "\x01while True: print('raw REPL; CTRL-B to exit')\x04",
        ),
        (
            "code that catches one interrupt",
            "\x01try:\n while True: pass\nexcept: \n while True: pass\n\x04",
        ),
        ("several banners", "\x01\x01\x01"),
    ];
    bench.enter().await;
    for (what, left_behind) in states {
        if left_behind.contains("while") && !bench.kind.is_interruptible() {
            continue;
        }
        bench.start(Operation::Exit);
        bench.until_stage(Stage::Friendly).await;
        bench.write(left_behind.as_bytes()).await;
        println!("entering after {what}");
        bench.enter().await;
        bench.works().await;
    }
}

pub(crate) async fn the_raw_repl_is_entered_while_the_board_starts(mut bench: Bench) {
    bench.enter().await;
    for _ in 0..3 {
        bench.board.restart().expect("the board has a reset button");
        bench.enter().await;
        bench.works().await;
    }
}
