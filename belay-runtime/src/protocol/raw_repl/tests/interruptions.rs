//! What a board does about Ctrl-C, restarts and the output of threads, in every phase.

use super::*;

const KEYBOARD_INTERRUPT: &[u8] = b"KeyboardInterrupt: \r\n";
const BANNER: &[u8] = b"raw REPL; CTRL-B to exit\r\n>";

#[test]
fn an_interrupt_during_the_paste_ends_it_without_another_end() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute(&"x".repeat(500));
    dialogue.written();
    dialogue.board(b"R\x01\x80\x00\x01");
    assert_eq!(dialogue.written().len(), 256);
    assert!(dialogue.repl.interrupt());
    dialogue.board(b"\x01");
    assert_eq!(dialogue.written(), b"\x03", "no more source, and no end");
    dialogue.board(b"\x04\x04KeyboardInterrupt: \r\n\x04>");
    assert_eq!(dialogue.events(), [Event::CutShort, done(KEYBOARD_INTERRUPT)]);
    assert_eq!(dialogue.written(), b"");
}

#[test]
fn an_interrupt_during_the_request_ends_the_paste_that_follows() {
    let answer = b"R\x01\x80\x00\x01";
    for seen in 0..answer.len() - 1 {
        let mut dialogue = Dialogue::entered();
        dialogue.execute("f()");
        dialogue.written();
        dialogue.board(&answer[..seen]);
        assert!(dialogue.repl.interrupt());
        dialogue.board(&answer[seen..]);
        assert_eq!(dialogue.written(), b"\x03");
        dialogue.board(b"\x04\x04KeyboardInterrupt: \r\n\x04>");
        assert_eq!(dialogue.events(), [Event::CutShort, done(KEYBOARD_INTERRUPT)]);
    }
}

#[test]
fn an_interrupt_during_a_request_that_is_refused_keeps_the_source_from_running() {
    for refusal in [BANNER, b"R\x00>"] {
        let mut dialogue = Dialogue::entered();
        dialogue.execute("f()");
        dialogue.repl.interrupt();
        dialogue.written();
        dialogue.board(refusal);
        assert_eq!(
            dialogue.events().last(),
            Some(&Event::Aborted(Abort::Interrupted))
        );
        assert_eq!(dialogue.written(), b"");
        assert_eq!(dialogue.repl.stage(), Stage::Idle);
    }
}

#[test]
fn an_interrupt_of_plain_source_clears_the_line_and_needs_no_answer() {
    let mut repl = Dialogue::entered().repl;
    repl.start(Operation::Execute(plain(&"x".repeat(600))))
        .expect("the board is idle");
    repl.poll_write();
    assert!(repl.interrupt());
    assert_eq!(repl.poll_write().map(|write| write.bytes), Some(vec![3]));
    assert_eq!(repl.poll_write(), None, "and the rest of the source stays here");
    assert_eq!(repl.poll_event(), Some(Event::Aborted(Abort::Interrupted)));
    assert_eq!(repl.stage(), Stage::Idle);
}

#[test]
fn an_interrupt_of_running_code_ends_it_with_the_usual_framing() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute("while True: pass");
    dialogue.board(b"R\x01\x80\x00\x01");
    dialogue.board(b"\x04");
    dialogue.written();
    assert!(dialogue.repl.interrupt());
    assert_eq!(dialogue.written(), b"\x03");
    dialogue.board(b"\x04Traceback\r\nKeyboardInterrupt: \r\n\x04>");
    let interrupted = done(b"Traceback\r\nKeyboardInterrupt: \r\n");
    assert_eq!(dialogue.events(), [Event::Started, interrupted]);
}

#[test]
fn a_board_that_ignores_an_interrupt_goes_on_running_and_may_be_sent_another() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute("micropython.kbd_intr(-1)");
    dialogue.board(b"R\x01\x80\x00\x01");
    dialogue.board(b"\x04");
    dialogue.written();
    assert!(dialogue.repl.interrupt());
    dialogue.board(b"still here\r\n");
    assert!(dialogue.repl.interrupt());
    assert_eq!(dialogue.written(), b"\x03\x03");
    assert_eq!(dialogue.repl.stage(), Stage::Running);
}

#[test]
fn a_stray_end_restarts_the_board_at_its_next_prompt_and_is_noticed() {
    let mut dialogue = Dialogue::entered();
    dialogue.board(b"OK\r\nMPY: soft reboot\r\nraw REPL; CTRL-B to exit\r\n>");
    let signs: Vec<_> = dialogue
        .events()
        .into_iter()
        .filter(|event| matches!(event, Event::Sign(_)))
        .collect();
    let reboot = Sign::SoftReboot("MPY: soft reboot".into());
    assert_eq!(signs, [Event::Sign(reboot), Event::Sign(Sign::RawBanner)]);
}

#[test]
fn a_soft_reset_from_raw_mode_ends_at_the_raw_prompt() {
    for wording in ["MPY: soft reboot", "PYB: soft reboot", "soft reboot"] {
        let mut dialogue = Dialogue::entered();
        dialogue.start(Operation::SoftReset);
        assert_eq!(dialogue.written(), b"\x04");
        dialogue.board(format!("OK\r\n{wording}\r\nboot.py > says this\r\n").as_bytes());
        assert_eq!(dialogue.repl.stage(), Stage::Restarting);
        let mut events = dialogue.events();
        dialogue.board(BANNER);
        events.extend(dialogue.events());
        let announced = Event::Sign(Sign::SoftReboot(wording.into()));
        let printed = [output(b"boot.py > says this\r"), output(b"\n")];
        let [first, second] = printed;
        assert_eq!(events, [announced, first, second, Event::Restarted { raw: true }]);
        assert_eq!(dialogue.repl.stage(), Stage::Idle);
    }
}

#[test]
fn a_soft_reset_from_the_friendly_repl_ends_at_its_prompt() {
    let mut dialogue = Dialogue::entered();
    dialogue.start(Operation::Exit);
    dialogue.board(b"\r\nMicroPython\r\n>>> ");
    dialogue.events();
    dialogue.written();
    dialogue.start(Operation::SoftReset);
    assert_eq!(dialogue.written(), b"\x04");
    dialogue.board(b"\r\nMPY: soft reboot\r\nmain.py says this\r\nMicroPython v1.26.1; a board\r\n>>> ");
    assert_eq!(dialogue.events().last(), Some(&Event::Restarted { raw: false }));
    assert_eq!(dialogue.repl.stage(), Stage::Friendly);
}

#[test]
fn no_interrupt_is_sent_between_a_reset_and_its_banner() {
    let mut dialogue = Dialogue::entered();
    dialogue.start(Operation::SoftReset);
    dialogue.written();
    assert!(!dialogue.repl.interrupt());
    dialogue.board(b"OK\r\nMPY: soft reboot\r\n");
    assert!(!dialogue.repl.interrupt());
    assert_eq!(dialogue.written(), b"");
    dialogue.board(BANNER);
    assert!(dialogue.repl.interrupt());
}

#[test]
fn system_exit_ends_without_a_prompt_and_restarts() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute("raise SystemExit");
    dialogue.board(b"R\x01\x80\x00\x01");
    dialogue.board(b"\x04\x04\x04");
    assert_eq!(dialogue.repl.stage(), Stage::Ending);
    dialogue.board(b"\r\nsoft reboot\r\n");
    assert_eq!(dialogue.repl.stage(), Stage::Restarting);
    assert!(!dialogue.repl.interrupt());
    dialogue.board(BANNER);
    assert_eq!(
        dialogue.events(),
        [
            Event::Started,
            output(b"\r\nsoft reboot"),
            Event::SystemExit,
            Event::Sign(Sign::SoftReboot("soft reboot".into())),
            output(b"\r\n"),
            Event::Restarted { raw: true },
        ]
    );
}

#[test]
fn a_restart_during_the_request_is_not_taken_for_a_refusal() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute("f()");
    dialogue.written();
    dialogue.board(b"OK\r\nMPY: soft reboot\r\nraw REPL; CTRL-B to exit\r\n>");
    assert_eq!(dialogue.events().last(), Some(&Event::Aborted(Abort::Restarted)));
    assert_eq!(dialogue.written(), b"");
    assert_eq!(
        dialogue.repl.stage(),
        Stage::Unknown,
        "the request may be answered yet"
    );
}

#[test]
fn a_friendly_prompt_in_running_codes_output_is_a_sign_and_no_more() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute("f()");
    dialogue.board(b"R\x01\x80\x00\x01");
    dialogue.board(b"\x04\r\n>>> x\r\n\x04\x04>");
    assert_eq!(
        dialogue.events(),
        [
            Event::Started,
            output(b"\r\n>>> "),
            Event::Sign(Sign::FriendlyPrompt),
            output(b"x\r\n"),
            done(b""),
        ]
    );
}

/// What a thread prints at each place where it has been seen, and at those where the board's source lets it.
#[test]
fn background_output_is_output_wherever_it_lands() {
    let mut dialogue = Dialogue::entered();
    dialogue.board(b"after the prompt > R\r\n");
    dialogue.execute("f()");
    dialogue.board(b"before the answer R\r\nR\x01between\r\n\x80\x00\x01after the header\r\n");
    dialogue.board(b"before it compiles\r\n\x04");
    dialogue.board(b"while it runs\r\n\x04");
    dialogue.board(b"with the traceback\r\n\x04 before the prompt\r\n>");
    assert_eq!(
        dialogue.events(),
        [
            output(
                b"after the prompt > R\r\nbefore the answer R\r\nbetween\r\nafter the header\r\nbefore it compiles\r\n"
            ),
            Event::Started,
            output(b"while it runs\r\n before the prompt\r\n"),
            done(b"with the traceback\r\n"),
        ]
    );
    dialogue.start(Operation::Execute(plain("g()")));
    dialogue.board(b"before the acknowledgement\r\nOK\x04\x04>");
    assert_eq!(dialogue.events()[0], output(b"before the acknowledgement\r\n"));
}

#[test]
fn background_output_while_entering_does_not_disturb_it() {
    let mut dialogue = Dialogue::with(Options::default());
    dialogue.start(Operation::Enter);
    dialogue.board(b"tick > raw REPL; tick\r\nraw REPL; CTRL-B to exit\r\n>tick\r\n");
    let mark = dialogue.mark();
    dialogue.board(format!("tick\r\nOKtick\r\n{mark}\r\ntick >\r\n\x04tick >\r\n\x04>").as_bytes());
    assert_eq!(dialogue.events().last(), Some(&Event::Entered));
}

#[test]
fn a_bare_prompt_proves_nothing() {
    let mut dialogue = Dialogue::entered();
    dialogue.execute("f()");
    dialogue.board(b">");
    assert_eq!(dialogue.repl.stage(), Stage::Sending);
    dialogue.board(b"R\x01\x80\x00\x01>");
    assert_eq!(dialogue.repl.stage(), Stage::Compiling);
    dialogue.board(b"\x04>");
    assert_eq!(dialogue.repl.stage(), Stage::Running);
    dialogue.board(b"\x04>");
    assert_eq!(dialogue.repl.stage(), Stage::Ending);
}

#[test]
fn circuitpython_may_swallow_the_first_byte() {
    let mut dialogue = Dialogue::with(Options::default());
    dialogue.start(Operation::Enter);
    assert_eq!(
        dialogue.written().first(),
        Some(&b'\r'),
        "no byte that matters comes first"
    );
}

#[test]
fn banners_that_were_asked_for_before_are_not_those_of_a_restart() {
    let mut dialogue = Dialogue::entered();
    dialogue.start(Operation::Restart(Insistence::Gentle));
    dialogue.board(&BANNER.repeat(3));
    assert_eq!(dialogue.repl.stage(), Stage::Restarting);
    dialogue.board(&[b"OK\r\n", BANNER].concat());
    assert_eq!(dialogue.events().last(), Some(&Event::Restarted { raw: true }));
}

#[test]
fn what_a_thread_prints_before_the_mark_is_output_and_that_the_source_was_taken_is_not() {
    let mut dialogue = Dialogue::with(Options::default());
    dialogue.start(Operation::Enter);
    dialogue.board(BANNER);
    let mark = dialogue.mark();
    dialogue.board(format!("OKtick\r\n{mark}\r\n\x04\x04>").as_bytes());
    assert_eq!(dialogue.events(), [output(b"tick\r\n"), Event::Entered]);
    dialogue.start(Operation::Enter);
    dialogue.board(BANNER);
    let mark = dialogue.mark();
    dialogue.board(format!("OKolder\r\n\x04\x04>OK{mark}\r\n\x04\x04>").as_bytes());
    assert_eq!(dialogue.events(), [output(b"older\r\n\x04\x04>"), Event::Entered]);
}

#[test]
fn circuitpythons_title_escapes_are_output() {
    let title = b"\x1b]0;\xf0\x9f\x90\x8dWi-Fi: off | REPL | 8.0.5\x1b\\";
    let mut dialogue = Dialogue::with(Options::default());
    dialogue.start(Operation::Enter);
    dialogue.board(&[title, &b"\r\n>>> "[..], title, b"\r\n", BANNER].concat());
    let mark = dialogue.mark();
    dialogue.board(format!("OK{mark}\r\n\x04\x04>").as_bytes());
    assert_eq!(dialogue.events().last(), Some(&Event::Entered));
    dialogue.start(Operation::SoftReset);
    dialogue.board(
        &[
            b"OK\r\n",
            &title[..],
            b"\r\n",
            title,
            b"soft reboot\r\n",
            title,
            BANNER,
        ]
        .concat(),
    );
    let events = dialogue.events();
    assert!(events.contains(&Event::Sign(Sign::SoftReboot("soft reboot".into()))));
    assert_eq!(events.last(), Some(&Event::Restarted { raw: true }));
}

#[test]
fn circuitpythons_auto_reload_is_noticed() {
    let mut dialogue = Dialogue::entered();
    dialogue.board(b"\x1b]0;Done | 8.0.5\x1b\\soft reboot\r\n\r\nAuto-reload is on.\r\n");
    assert!(
        dialogue
            .events()
            .contains(&Event::Sign(Sign::SoftReboot("soft reboot".into())))
    );
}

#[test]
fn operations_wait_for_each_other() {
    let mut dialogue = Dialogue::with(Options::default());
    let early = dialogue.repl.start(Operation::Execute(execution("f()")));
    assert_eq!(early, Err(StartError::NotEntered));
    dialogue.enter();
    dialogue.execute("f()");
    for operation in [
        Operation::Execute(execution("g()")),
        Operation::SoftReset,
        Operation::Exit,
    ] {
        assert_eq!(dialogue.repl.start(operation), Err(StartError::Busy));
    }
}

#[test]
fn on_a_host_whose_timers_are_late_a_flood_takes_no_longer_than_twice_its_time() {
    let nominal = Insistence::Flood.pace() * 1_000;
    for late in [0, 1, 2, 20, 500].map(Duration::from_millis) {
        let mut repl = Dialogue::entered().repl;
        repl.start(Operation::Insist(Insistence::Flood)).unwrap();
        let (mut written, mut waited) = (Vec::new(), Duration::ZERO);
        while let Some(write) = repl.poll_write() {
            written.extend(write.bytes);
            if let Some(pause) = write.pause {
                waited += pause + late;
                repl.pause_was_late(late);
            }
        }
        // The first and the last pause are for the board, and are waited for on every host.
        assert!(
            waited < nominal * 2 + (late + Duration::from_millis(10)) * 3,
            "{late:?}: {waited:?}"
        );
        let presses = written.split(|byte| *byte == 0x03).count() - 1;
        assert!(
            presses > 2 && (presses > 1_000) == (late <= Duration::from_millis(1)),
            "{late:?}: {presses}"
        );
        assert!(written.starts_with(b"\r\x03") && written.ends_with(b"\r\x03\r\x01"));
    }
}
