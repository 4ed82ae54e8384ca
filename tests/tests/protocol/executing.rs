//! Executing source code, from the request to the end of the output.

use belay_runtime::protocol::{Event, Operation, Refusal, Stage};

use super::harness::{Bench, auto, framed, plain};

pub(crate) async fn the_raw_repl_is_entered_and_left_and_entered_again(mut bench: Bench) {
    bench.enter().await;
    bench.enter().await;
    bench.works().await;
    bench.start(Operation::Exit);
    bench.until_stage(Stage::Friendly).await;
    assert_eq!(bench.events, [Event::Exited]);
    bench.enter().await;
    bench.works().await;
}

pub(crate) async fn raw_paste_is_there_or_refused(mut bench: Bench) {
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

pub(crate) async fn a_long_source_passes_the_window(mut bench: Bench) {
    bench.enter().await;
    bench.works().await;
    for length in [1, 127, 128, 255, 256, 257, 384, bench.kind.long_source()] {
        let source = format!("print({length}){}", "#".repeat(length));
        let (output, traceback) = bench.run(&source).await;
        assert_eq!((output, traceback), (format!("{length}\n"), String::new()));
    }
}

pub(crate) async fn source_is_sent_plainly(mut bench: Bench) {
    bench.enter().await;
    for length in [1, 255, 256, 257, bench.kind.long_source()] {
        let source = format!("print({length}){}", "#".repeat(length));
        let (output, traceback) = bench.execute(plain(&source)).await;
        assert_eq!((output, traceback), (format!("{length}\n"), String::new()));
    }
    let (output, traceback) = bench.execute(plain("")).await;
    assert_eq!((output.as_str(), traceback.as_str()), ("", ""));
    bench.works().await;
}

pub(crate) async fn an_exception_ends_an_execution(mut bench: Bench) {
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

pub(crate) async fn a_syntax_error_ends_an_execution(mut bench: Bench) {
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
        assert!(bench.events.contains(&Event::Started), "{:?}", bench.events);
    }
    bench.works().await;
}

/// The first line has a syntax error already, and the rest is far longer than the board's window.
pub(crate) async fn a_paste_that_does_not_compile_is_cut_short(mut bench: Bench) {
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

pub(crate) async fn too_large_an_object_is_a_memory_error(mut bench: Bench) {
    bench.enter().await;
    let (_, traceback) = bench.run("x = bytearray(1 << 28)").await;
    assert!(traceback.contains("MemoryError"), "{traceback}");
    bench.works().await;
}

/// The board compiles while it reads, and runs out of memory before it has read everything.
pub(crate) async fn too_large_a_paste_is_a_memory_error(mut bench: Bench) {
    bench.enter().await;
    let fill = "hog = []\n\
                try:\n\
                \x20   while True: hog.append(bytearray(4000))\n\
                except MemoryError: hog.pop(), hog.pop()";
    assert_eq!(bench.run(fill).await.1, "");
    let source = format!("x = '{}'", "long ".repeat(20_000));
    let (_, traceback) = bench.run(&source).await;
    assert!(traceback.contains("MemoryError"), "{traceback}");
    assert_eq!(bench.events.first(), Some(&Event::CutShort));
    bench.works().await;
}

pub(crate) async fn ends_in_framed_output_are_output(mut bench: Bench) {
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

pub(crate) async fn an_end_without_a_reply_is_only_claimed(mut bench: Bench) {
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

pub(crate) async fn a_thread_may_print_anywhere(mut bench: Bench) {
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

/// A well-formed request for an unknown mode, which our machine never sends.
pub(crate) async fn an_unknown_request_is_declined(mut bench: Bench) {
    bench.enter().await;
    bench.write(b"\x05B\x01").await;
    assert_eq!(bench.read_until(b">").await, b"R\x00>");
    bench.works().await;
}
