//! What a board does, as its sources and measurements have it: entering, running, ending.

use super::*;

const REFUSAL: &[u8] = b"raw REPL; CTRL-B to exit\r\n>";

#[test]
fn entering_interrupts_twice_and_then_asks_for_the_raw_repl() {
    let mut dialogue = Dialogue::with(Options::default());
    dialogue.start(Operation::Enter);
    assert_eq!(dialogue.written(), b"\r\x03\r\x03\r\x01");
    assert_eq!(dialogue.pauses, 2, "the interrupts are given time to work");
}

#[test]
fn a_board_at_its_prompt_is_asked_at_once() {
    let mut repl = RawRepl::new(Options::default());
    repl.start(Operation::Enter).expect("it can begin");
    let first = repl.poll_write().expect("it writes");
    assert_eq!((&first.bytes[..], first.pause.is_some()), (&b"\r\x03"[..], true));
    for byte in b"\r\n>>> \r\n>>>" {
        repl.receive(&[*byte]);
        while repl.poll_event().is_some() {}
        assert!(!repl.pause_is_over(), "until both prompts are there");
    }
    repl.receive(b" ");
    while repl.poll_event().is_some() {}
    assert!(repl.pause_is_over());
    assert!(!repl.pause_is_over(), "it is said once");
    let last = repl.poll_write().expect("it writes");
    assert_eq!((&last.bytes[..], last.pause), (&b"\r\x01"[..], None));
    assert_eq!(repl.poll_write(), None);
}

#[test]
fn a_program_that_was_stopped_is_interrupted_once_more() {
    let mut dialogue = Dialogue::with(Options::default());
    dialogue.start(Operation::Enter);
    let stopped = b"Traceback (most recent call last):\r\n  File \"<stdin>\", line 1, in <module>\r\nKeyboardInterrupt: \r\n>>> ";
    dialogue.board(stopped);
    assert_eq!(dialogue.written(), b"\r\x03\r\x03\r\x01");
    assert!(!dialogue.repl.pause_is_over());
}

#[test]
fn a_second_banner_is_not_taken_for_an_answer() {
    let mut dialogue = Dialogue::with(Options::default());
    dialogue.start(Operation::Enter);
    dialogue.board(REFUSAL);
    let mark = dialogue.mark();
    dialogue.board(b"raw REPL; CTRL-B to exit\r\n>OKbelay-00000000-0\r\n\x04\x04>");
    assert_eq!(dialogue.repl.stage(), Stage::Entering);
    dialogue.board(format!("OK{mark}\r\n\x04\x04>").as_bytes());
    assert_eq!(dialogue.events().last(), Some(&Event::Entered));
    assert_eq!(dialogue.repl.stage(), Stage::Idle);
}

#[test]
fn an_echo_of_the_mark_is_not_taken_for_the_mark() {
    let mut dialogue = Dialogue::with(Options::default());
    dialogue.start(Operation::Enter);
    dialogue.board(REFUSAL);
    let asked = dialogue.written();
    dialogue.board(&asked[..asked.len() - 1]);
    dialogue.board(b"\r\n\x04\x04>");
    assert_eq!(dialogue.repl.stage(), Stage::Entering);
}

#[test]
fn a_board_that_was_still_booting_is_asked_again() {
    let mut dialogue = Dialogue::with(Options::default());
    dialogue.start(Operation::Enter);
    dialogue.board(b"ets Jun  8 2016 00:22:57\r\nrst:0x1 (POWERON_RESET)\r\n");
    dialogue.enter();
    assert_eq!(dialogue.repl.stage(), Stage::Idle);
}

#[test]
fn leaving_ends_at_the_friendly_prompt() {
    let mut dialogue = Dialogue::entered();
    dialogue.start(Operation::Exit);
    assert_eq!(dialogue.written(), b"\r\x02");
    dialogue.board(b"\r\nMicroPython v1.26.1; a board\r\nType \"help()\" for more information.\r\n");
    assert_eq!(dialogue.repl.stage(), Stage::Exiting);
    dialogue.board(b">>> ");
    assert_eq!(dialogue.events().last(), Some(&Event::Exited));
    assert_eq!(dialogue.repl.stage(), Stage::Friendly);
}

#[test]
fn plain_execution_ends_with_ok_output_traceback_and_prompt() {
    let mut dialogue = Dialogue::entered();
    dialogue.start(Operation::Execute(plain("print(1)")));
    assert_eq!(dialogue.written(), b"print(1)\x04");
    assert_eq!(dialogue.repl.stage(), Stage::Compiling);
    dialogue.board(b"OK");
    assert_eq!(dialogue.repl.stage(), Stage::Running);
    dialogue.board(b"1\r\n\x04");
    assert_eq!(dialogue.repl.stage(), Stage::Ending);
    dialogue.board(b"Traceback\r\n\x04>");
    assert_eq!(
        dialogue.events(),
        [Event::Started, output(b"1\r\n"), done(b"Traceback\r\n")]
    );
}

#[test]
fn a_syntax_error_comes_after_ok_too() {
    let mut dialogue = Dialogue::entered();
    dialogue.start(Operation::Execute(plain("f(")));
    dialogue.board(b"OK\x04SyntaxError: invalid syntax\r\n\x04>");
    let error = done(b"SyntaxError: invalid syntax\r\n");
    assert_eq!(dialogue.events(), [Event::Started, error]);
}

#[test]
fn a_source_with_a_character_that_the_raw_repl_obeys_is_not_sent() {
    for (mode, byte) in [Mode::Auto, Mode::Plain]
        .into_iter()
        .zip([1_u8, 2, 3, 4, 5, 0, 0x1b, 0x7f])
    {
        let mut dialogue = Dialogue::entered();
        let source = [b"x = '", &[byte][..], b"'"].concat();
        let refused = dialogue.repl.start(Operation::Execute(Execution {
            source,
            mode,
            framed: false,
        }));
        assert_eq!(refused, Err(StartError::ControlCharacter { byte, at: 5 }));
        assert_eq!(dialogue.written(), b"");
        assert_eq!(dialogue.repl.stage(), Stage::Idle);
    }
}

#[test]
fn an_empty_source_does_not_become_a_soft_reset() {
    let mut dialogue = Dialogue::entered();
    dialogue.start(Operation::Execute(plain("")));
    assert_eq!(dialogue.written(), b"\n\x04");
}

#[test]
fn raw_paste_separates_output_from_traceback() {
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
fn two_windows_are_filled_and_each_grant_opens_another() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute(&"x".repeat(1000));
    dialogue.written();
    dialogue.board(b"R\x01\x80\x00\x01");
    assert_eq!(dialogue.written().len(), 256);
    dialogue.board(b"\x01");
    assert_eq!(dialogue.written().len(), 128);
    dialogue.board(b"\x01\x01");
    assert_eq!(dialogue.written().len(), 256);
}

#[test]
fn a_small_window_is_filled_and_no_more() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute(&"x".repeat(100));
    dialogue.written();
    dialogue.board(b"R\x01\x20\x00");
    assert_eq!(
        dialogue.written().len(),
        32,
        "no second window has been granted yet"
    );
    dialogue.board(b"\x01");
    assert_eq!(dialogue.written().len(), 32);
}

#[test]
fn a_window_larger_than_any_known_is_believed_with_its_grant() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute(&"x".repeat(100_000));
    dialogue.written();
    dialogue.board(b"R\x01\x00\x80\x01");
    assert_eq!(dialogue.written().len(), 0x1_0000);
}

#[test]
fn the_end_of_the_paste_waits_for_credit_too() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute(&"x".repeat(64));
    dialogue.written();
    dialogue.board(b"R\x01\x20\x00\x01");
    assert_eq!(dialogue.written().len(), 64);
    dialogue.board(b"\x01");
    assert_eq!(dialogue.written(), b"\x04");
}

#[test]
fn a_board_that_takes_the_request_for_a_restart_gets_the_source_plainly() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute("f()");
    assert_eq!(dialogue.written(), b"\x05A\x01");
    dialogue.board(&REFUSAL[..REFUSAL.len() - 1]);
    assert_eq!(dialogue.written(), b"", "the prompt belongs to the refusal");
    dialogue.board(b">");
    assert_eq!(dialogue.written(), b"f()\x04");
    assert_eq!(dialogue.events(), [Event::Refused(Refusal::Unknown)]);
    dialogue.board(b"OK\x04\x04>");
    assert_eq!(dialogue.events(), [Event::Started, done(b"")]);
    dialogue.execute("g()");
    assert_eq!(dialogue.written(), b"g()\x04", "it is not asked a second time");
}

#[test]
fn a_board_that_declines_raw_paste_gets_the_source_after_its_prompt() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute("f()");
    dialogue.written();
    dialogue.board(b"R\x00");
    assert_eq!(dialogue.written(), b"", "the prompt is still to come");
    dialogue.board(b">");
    assert_eq!(dialogue.written(), b"f()\x04");
    assert_eq!(dialogue.events(), [Event::Refused(Refusal::Declined)]);
}

#[test]
fn a_refusal_aborts_where_nothing_else_was_allowed() {
    let mut dialogue = Dialogue::entered();
    dialogue.start(Operation::Execute(Execution {
        mode: Mode::RawPaste,
        ..execution("f()")
    }));
    dialogue.board(REFUSAL);
    let aborted = Event::Aborted(Abort::NoRawPaste);
    assert_eq!(dialogue.events(), [Event::Refused(Refusal::Unknown), aborted]);
    assert_eq!(dialogue.repl.stage(), Stage::Idle);
}

#[test]
fn a_source_that_could_overflow_the_line_buffer_is_not_sent_plainly() {
    let mut dialogue = Dialogue::entered();
    let source = "x".repeat(8_000 + 1);
    dialogue.execute(&source);
    dialogue.written();
    dialogue.board(REFUSAL);
    let aborted = Event::Aborted(Abort::TooLong);
    assert_eq!(dialogue.events(), [Event::Refused(Refusal::Unknown), aborted]);
    let refused = dialogue.repl.start(Operation::Execute(execution(&source)));
    let (length, limit) = (source.len(), 8_000);
    assert_eq!(refused, Err(StartError::TooLong { length, limit }));
    assert_eq!(dialogue.written(), b"");
}

#[test]
fn plain_source_is_paced() {
    let mut repl = Dialogue::entered().repl;
    repl.start(Operation::Execute(plain(&"x".repeat(100))))
        .expect("the board is idle");
    let writes: Vec<_> = std::iter::from_fn(|| repl.poll_write()).collect();
    let sizes: Vec<_> = writes.iter().map(|write| write.bytes.len()).collect();
    let pauses: Vec<_> = writes.iter().map(|write| write.pause).collect();
    let pause = Some(Duration::from_millis(10));
    assert_eq!(sizes, [31, 31, 31, 8]);
    assert_eq!(pauses, [pause, pause, pause, None]);
}

#[test]
fn an_abrupt_end_of_the_paste_is_answered_with_one_end() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute(&format!("f)\n{}", "x".repeat(500)));
    dialogue.written();
    dialogue.board(b"R\x01\x80\x00\x01");
    dialogue.written();
    dialogue.board(b"\x04");
    assert_eq!(dialogue.written(), b"\x04");
    dialogue.board(b"\x04SyntaxError: \r\n\x04>");
    assert_eq!(dialogue.events(), [Event::CutShort, done(b"SyntaxError: \r\n")]);
    assert_eq!(dialogue.written(), b"");
}

#[test]
fn an_abrupt_end_that_crosses_the_final_end_is_answered_with_none() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute("f)");
    dialogue.written();
    dialogue.board(b"R\x01\x80\x00\x01");
    assert_eq!(dialogue.written(), b"f)\x04");
    dialogue.board(b"\x04\x04SyntaxError: \r\n\x04>");
    assert_eq!(dialogue.events(), [Event::Started, done(b"SyntaxError: \r\n")]);
    assert_eq!(
        dialogue.written(),
        b"",
        "at an empty prompt it would be a soft reset"
    );
}

#[test]
fn line_ends_are_left_as_the_board_wrote_them() {
    for line_end in ["\n", "\r\n"] {
        let mut dialogue = Dialogue::with(Options::default());
        dialogue.start(Operation::Enter);
        dialogue.board(REFUSAL);
        let mark = dialogue.mark();
        dialogue.board(format!("OK{mark}{line_end}\x04\x04>").as_bytes());
        assert_eq!(dialogue.events().last(), Some(&Event::Entered));
        dialogue.execute("print(1)");
        dialogue.board(format!("R\x01\x20\x00\x01\x041{line_end}\x04\x04>").as_bytes());
        assert_eq!(dialogue.events()[1], output(format!("1{line_end}").as_bytes()));
    }
}

#[test]
fn an_end_in_a_programs_output_forges_the_end_unless_a_reply_frames_it() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute("print('\\x04')");
    dialogue.board(b"R\x01\x80\x00\x01");
    dialogue.board(b"\x04\x04\r\n\x04\x04>");
    let forged = done(b"\r\n");
    assert!(
        dialogue.events().contains(&forged),
        "this is why replies are framed"
    );

    let mut dialogue = Dialogue::entered();
    dialogue.start(Operation::Execute(framed("agent()")));
    dialogue.board(b"R\x01\x80\x00\x01");
    dialogue.board(b"\x04fake\x04tb\x04>more");
    let claimed = Event::EndClaimed {
        traceback: b"tb".to_vec(),
    };
    let claims = [
        Event::Started,
        output(b"fake\x04tb\x04>"),
        claimed,
        output(b"more"),
    ];
    assert_eq!(dialogue.events(), claims);
    dialogue.repl.reply_seen();
    dialogue.board(b"\r\n\x04\x04>");
    assert_eq!(dialogue.events(), [output(b"\r\n"), done(b"")]);
}

#[test]
fn a_framed_execution_hands_out_its_output_before_it_looks_at_an_end() {
    let mut repl = Dialogue::entered().repl;
    repl.start(Operation::Execute(framed("agent()")))
        .expect("the board is idle");
    repl.poll_write();
    repl.receive(b"R\x01\x80\x00\x01");
    assert_eq!(repl.poll_event(), None);
    repl.poll_write();
    repl.receive(b"\x04the reply\x04\x04>");
    assert_eq!(repl.poll_event(), Some(Event::Started));
    assert_eq!(repl.poll_event(), Some(output(b"the reply")));
    repl.reply_seen();
    assert_eq!(
        repl.poll_event(),
        Some(done(b"")),
        "though all of it had been received before"
    );
}

#[test]
fn a_claimed_end_can_be_believed() {
    let mut dialogue = Dialogue::entered();
    dialogue.start(Operation::Execute(framed("agent()")));
    dialogue.board(b"R\x01\x80\x00\x01");
    assert!(!dialogue.repl.accept_end(), "nothing has been claimed");
    dialogue.board(b"\x04\x04MemoryError: \r\n\x04>");
    assert_eq!(dialogue.repl.stage(), Stage::Running);
    assert!(dialogue.repl.accept_end());
    assert_eq!(dialogue.repl.stage(), Stage::Idle);
}

#[test]
fn of_a_long_traceback_the_end_is_kept() {
    let mut dialogue = Dialogue::with(Options {
        traceback_limit: 8,
        ..Options::default()
    });
    dialogue.enter();
    dialogue.execute("f()");
    dialogue.board(b"R\x01\x80\x00\x01\x04\x04");
    dialogue.board(b"Traceback\r\nValueError\x04>");
    let done = Event::Done {
        traceback: b"lueError".to_vec(),
        truncated: true,
    };
    assert_eq!(dialogue.events().last(), Some(&done));
}
