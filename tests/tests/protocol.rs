//! What the runtime's raw REPL relies on, held against real boards: the same suite on each of them.

#[path = "protocol/harness.rs"]
mod harness;

use std::time::Duration;

use belay_runtime::protocol::{Event, Execution, Mode, Operation, Refusal, Sign, Stage};

use harness::{Bench, auto, framed, plain};

macro_rules! on_boards {
    ($($board:ident => $kind:ident { $($test:ident)* })*) => {
        $(mod $board {
            $(#[test]
            fn $test() {
                super::harness::run(super::harness::Kind::$kind, super::$test);
            })*
        })*
    };
}

on_boards! {
    unix => Unix {
        the_raw_repl_is_entered_and_left_and_entered_again
        raw_paste_is_there_or_refused
        a_long_source_passes_the_window
        source_is_sent_plainly
        an_exception_ends_an_execution
        a_syntax_error_ends_an_execution
        a_paste_that_does_not_compile_is_cut_short
        too_large_an_object_is_a_memory_error
        too_large_a_paste_is_a_memory_error
        running_code_is_interrupted
        code_can_refuse_to_be_interrupted
        a_paste_is_interrupted
        a_request_is_interrupted
        plain_source_is_interrupted
        interrupts_at_any_moment_do_no_harm
        a_soft_reset_ends_in_the_raw_repl
        a_soft_reset_from_the_friendly_repl_ends_there
        system_exit_restarts_the_board
        a_stray_end_restarts_the_board
        ends_in_framed_output_are_output
        an_end_without_a_reply_is_only_claimed
        a_thread_may_print_anywhere
        an_unknown_request_is_declined
        the_raw_repl_is_entered_whatever_was_going_on
        the_raw_repl_is_entered_while_the_board_starts
    }
}

async fn the_raw_repl_is_entered_and_left_and_entered_again(mut bench: Bench) {
    bench.enter().await;
    bench.enter().await;
    bench.works().await;
    bench.start(Operation::Exit);
    bench.until_stage(Stage::Friendly).await;
    assert_eq!(bench.events, [Event::Exited]);
    bench.enter().await;
    bench.works().await;
}

async fn raw_paste_is_there_or_refused(mut bench: Bench) {
    bench.enter().await;
    bench.works().await;
    assert_eq!(bench.repl.has_raw_paste(), Some(bench.kind.has_raw_paste()));
    let refused = bench.events.contains(&Event::Refused(Refusal::Unknown));
    assert_eq!(refused, !bench.kind.has_raw_paste());
    bench.works().await;
    assert!(
        !bench.events.contains(&Event::Refused(Refusal::Unknown)),
        "it is asked once"
    );
}

async fn a_long_source_passes_the_window(mut bench: Bench) {
    bench.enter().await;
    bench.works().await;
    for length in [1, 127, 128, 255, 256, 257, 384, 2000] {
        let source = format!("print({length}){}", "#".repeat(length));
        let (output, traceback) = bench.run(&source).await;
        assert_eq!((output, traceback), (format!("{length}\n"), String::new()));
    }
}

async fn source_is_sent_plainly(mut bench: Bench) {
    bench.enter().await;
    for length in [1, 255, 256, 257, 1000] {
        let source = format!("print({length}){}", "#".repeat(length));
        let (output, traceback) = bench.execute(plain(&source)).await;
        assert_eq!((output, traceback), (format!("{length}\n"), String::new()));
    }
    let (output, traceback) = bench.execute(plain("")).await;
    assert_eq!((output.as_str(), traceback.as_str()), ("", ""));
    bench.works().await;
}

async fn an_exception_ends_an_execution(mut bench: Bench) {
    bench.enter().await;
    for execution in [
        auto("print(1)\nraise ValueError(5)"),
        plain("print(1)\nraise ValueError(5)"),
    ] {
        let (output, traceback) = bench.execute(execution).await;
        assert_eq!(output, "1\n");
        assert!(
            traceback.starts_with("Traceback (most recent call last):\n"),
            "{traceback}"
        );
        assert!(traceback.ends_with("ValueError: 5\n"), "{traceback}");
    }
    bench.works().await;
}

async fn a_syntax_error_ends_an_execution(mut bench: Bench) {
    bench.enter().await;
    for execution in [
        auto("print(1)\nf("),
        plain("print(1)\nf("),
        auto("f)"),
        plain("f)"),
    ] {
        let (output, traceback) = bench.execute(execution).await;
        assert_eq!(output, "");
        assert!(traceback.contains("SyntaxError"), "{traceback}");
        assert_eq!(bench.events.first(), Some(&Event::Started));
    }
    bench.works().await;
}

/// The first line is wrong already, and the rest is far more than the board's window.
async fn a_paste_that_does_not_compile_is_cut_short(mut bench: Bench) {
    bench.enter().await;
    bench.works().await;
    for _ in 0..5 {
        let source = format!("f)\n{}", "x = 1\n".repeat(1000));
        let (output, traceback) = bench.run(&source).await;
        assert_eq!(output, "");
        assert!(traceback.contains("SyntaxError"), "{traceback}");
        assert_eq!(bench.events.first(), Some(&Event::CutShort));
        bench.works().await;
    }
}

async fn too_large_an_object_is_a_memory_error(mut bench: Bench) {
    bench.enter().await;
    let (_, traceback) = bench.run("x = bytearray(1 << 28)").await;
    assert!(traceback.contains("MemoryError"), "{traceback}");
    bench.works().await;
}

/// The board compiles while it reads, and runs out of memory before it has read everything.
async fn too_large_a_paste_is_a_memory_error(mut bench: Bench) {
    bench.enter().await;
    let source = format!("x = [{}]", "12345, ".repeat(200_000));
    let (_, traceback) = bench.run(&source).await;
    assert!(traceback.contains("MemoryError"), "{traceback}");
    assert_eq!(bench.events.first(), Some(&Event::CutShort));
    bench.works().await;
}

async fn running_code_is_interrupted(mut bench: Bench) {
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

async fn code_can_refuse_to_be_interrupted(mut bench: Bench) {
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

async fn a_paste_is_interrupted(mut bench: Bench) {
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

async fn a_request_is_interrupted(mut bench: Bench) {
    bench.enter().await;
    bench.start(Operation::Execute(auto("print('this must not run')")));
    assert!(bench.repl.interrupt());
    bench.until_stage(Stage::Idle).await;
    assert_eq!(bench.output, b"");
    bench.works().await;
}

async fn plain_source_is_interrupted(mut bench: Bench) {
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

/// Wherever the interrupt meets the board, the execution ends in one of the ways that it may, and the next
/// one works.
async fn interrupts_at_any_moment_do_no_harm(mut bench: Bench) {
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

async fn a_soft_reset_ends_in_the_raw_repl(mut bench: Bench) {
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

async fn a_soft_reset_from_the_friendly_repl_ends_there(mut bench: Bench) {
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

async fn system_exit_restarts_the_board(mut bench: Bench) {
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

/// While code runs, a Ctrl-D waits in the board's buffer; at the prompt behind it, it is a soft reset.
async fn a_stray_end_restarts_the_board(mut bench: Bench) {
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

async fn ends_in_framed_output_are_output(mut bench: Bench) {
    bench.enter().await;
    bench.works().await;
    for forged in [
        "\\x04",
        "\\x04\\x04>",
        "\\x04Traceback\\x04>",
        "\\x04\\x04",
        "\\x01\\x04>",
    ] {
        let source = format!("print('a{forged}b')\nprint('[the ' + 'reply]', end='')");
        let (output, traceback) = bench.execute(framed(&source)).await;
        let printed = forged.replace("\\x04", "\x04").replace("\\x01", "\x01");
        assert_eq!(output, format!("a{printed}b\n[the reply]"));
        assert_eq!(traceback, "");
    }
    bench.works().await;
}

async fn an_end_without_a_reply_is_only_claimed(mut bench: Bench) {
    bench.enter().await;
    bench.start(Operation::Execute(framed("raise ValueError(5)")));
    bench
        .until(|bench| {
            bench
                .events
                .iter()
                .any(|event| matches!(event, Event::EndClaimed { .. }))
        })
        .await;
    assert_eq!(bench.repl.stage(), Stage::Running);
    assert!(bench.repl.accept_end());
    bench.works().await;
}

async fn a_thread_may_print_anywhere(mut bench: Bench) {
    bench.enter().await;
    let (_, traceback) = bench
        .run(
            "import _thread, time\n\
             on = True\n\
             def ticks():\n\
             \x20   while on:\n\
             \x20       print('TICK', end='')\n\
             \x20       time.sleep_us(200)\n\
             _thread.start_new_thread(ticks, ())",
        )
        .await;
    assert_eq!(traceback, "");
    let filler = "x = 1\n".repeat(60);
    for round in 0..200 {
        let source = format!("{filler}print('<{round}>')\nraise ValueError({round})");
        let (output, traceback) = bench.run(&source).await;
        assert!(
            output.replace("TICK", "").contains(&format!("<{round}>")),
            "{output}"
        );
        let traceback = traceback.replace("TICK", "");
        assert!(
            traceback.ends_with(&format!("ValueError: {round}\n")),
            "{traceback}"
        );
    }
    bench.run("on = False\ntime.sleep_ms(50)").await;
    bench.works().await;
}

/// The request is right and what it asks for is not known, which no machine of ours ever asks for.
async fn an_unknown_request_is_declined(mut bench: Bench) {
    bench.enter().await;
    bench.write(b"\x05B\x01").await;
    assert_eq!(bench.read_until(b">").await, b"R\x00>");
    bench.works().await;
}

/// What other programs leave behind when they are killed.
async fn the_raw_repl_is_entered_whatever_was_going_on(mut bench: Bench) {
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
        bench.start(Operation::Exit);
        bench.until_stage(Stage::Friendly).await;
        bench.write(left_behind.as_bytes()).await;
        println!("entering after {what}");
        bench.enter().await;
        bench.works().await;
    }
}

async fn the_raw_repl_is_entered_while_the_board_starts(mut bench: Bench) {
    bench.enter().await;
    for _ in 0..3 {
        bench.board.restart().expect("the board has a reset button");
        bench.enter().await;
        bench.works().await;
    }
}
