//! What a board does, as its sources and measurements have it.

use super::*;

#[test]
fn entering_interrupts_twice_and_then_asks_for_the_raw_repl() {
    let mut dialogue = Dialogue::with(Options::default());
    dialogue.start(Operation::Enter);
    assert_eq!(dialogue.written(), b"\r\x03\r\x03\r\x01");
}

#[test]
fn a_banner_is_believed_only_with_the_mark_that_was_asked_for_after_it() {
    let mut dialogue = Dialogue::with(Options::default());
    dialogue.start(Operation::Enter);
    dialogue.board(b"raw REPL; CTRL-B to exit\r\n>");
    let mark = dialogue.mark();
    dialogue.board(b"raw REPL; CTRL-B to exit\r\n>OKbelay-00000000-0\r\n\x04\x04>");
    assert_eq!(dialogue.repl.stage(), Stage::Entering);
    dialogue.board(format!("OK{mark}\r\n\x04\x04>").as_bytes());
    assert_eq!(dialogue.events().last(), Some(&Event::Entered));
    assert_eq!(dialogue.repl.stage(), Stage::Idle);
}

#[test]
fn raw_paste_runs_code_and_separates_its_output_from_the_traceback() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute("print(1); 1/0");
    assert_eq!(dialogue.written(), b"\x05A\x01");
    dialogue.board(b"R\x01\x80\x00\x01");
    assert_eq!(dialogue.written(), b"print(1); 1/0\x04");
    dialogue.board(b"\x041\r\n\x04Traceback\r\n\x04>");
    assert_eq!(
        dialogue.events(),
        [Event::Started, output(b"1\r\n"), done(b"Traceback\r\n")]
    );
    assert_eq!(dialogue.repl.has_raw_paste(), Some(true));
}

#[test]
fn a_framed_end_counts_only_after_the_reply() {
    let mut dialogue = Dialogue::entered();
    dialogue.start(Operation::Execute(Execution {
        framed: true,
        ..execution("agent()")
    }));
    dialogue.board(b"R\x01\x80\x00\x01");
    dialogue.board(b"\x04fake\x04tb\x04>more");
    let claimed = Event::EndClaimed {
        traceback: b"tb".to_vec(),
    };
    assert_eq!(
        dialogue.events(),
        [
            Event::Started,
            output(b"fake\x04tb\x04>"),
            claimed,
            output(b"more")
        ]
    );
    dialogue.repl.reply_seen();
    dialogue.board(b"\r\n\x04\x04>");
    assert_eq!(dialogue.events(), [output(b"\r\n"), done(b"")]);
}
