//! Sources that are typed one behind the other, each of which answers with a frame.

use super::*;

/// Serves, with a board whose last source has answered and is about to be at its prompt.
fn serving() -> Dialogue {
    let mut dialogue = Dialogue::entered();
    dialogue.repl.serve();
    dialogue
}

/// All output since the last call, in one piece.
fn output(dialogue: &mut Dialogue) -> String {
    let mut output = Vec::new();
    for event in dialogue.events() {
        match event {
            Event::Output(bytes) => output.extend(bytes),
            Event::EndClaimed { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    String::from_utf8(output).expect("it is text")
}

const BANNER: &[u8] = b"raw REPL; CTRL-B to exit\r\n>";

/// A dialogue whose source has answered and ended.
fn at_prompt() -> Dialogue {
    let mut dialogue = serving();
    dialogue.repl.reply_seen();
    dialogue.board(b"\x04\x04>");
    dialogue
}

#[test]
fn a_source_is_typed_with_one_end_and_marked_or_afresh_behind_what_empties_the_line() {
    let mut repl = RawRepl::new(Options::default());
    assert_eq!(repl.submit(b"f()"), b"f()\x04");
    assert_eq!(repl.submit_marked(b"f()", false), b"\x01\x01f()\x04");
    assert_eq!(repl.submit_marked(b"f()", true), b"\r\x01\x01f()\x04");
}

#[test]
fn the_words_of_the_raw_repl_are_taken_out_and_all_else_is_output() {
    let mut dialogue = serving();
    assert_eq!(dialogue.repl.stage(), Stage::Serving);
    dialogue.repl.submit(b"f()");
    dialogue.board(b"before OKprinted \x04\x04> OK");
    dialogue.repl.reply_seen();
    dialogue.board(b"\x04between\x04>after OK");
    assert_eq!(
        output(&mut dialogue),
        "before printed \x04\x04> OKbetweenafter OK"
    );
}

#[test]
fn a_source_that_is_typed_ahead_is_told_from_the_output_of_the_one_before_it() {
    let mut dialogue = serving();
    dialogue.repl.submit(b"f()");
    dialogue.board(b"OKx");
    dialogue.repl.submit_marked(b"ping()", false);
    dialogue.board(b"OK, I print");
    dialogue.repl.reply_seen();
    dialogue.board(b"\x04\x04>raw REPL; CTRL-B to exit\r\n>raw REPL; CTRL-B to exit\r\n>OK");
    dialogue.repl.reply_seen();
    dialogue.board(b"\x04\x04>");
    assert_eq!(output(&mut dialogue), "xOK, I print");
}

#[test]
fn what_a_thread_prints_in_place_of_the_protocol_changes_nothing_but_its_place() {
    let noise = "\x04>\x04\x04>raw REPL; CTRL-B to exit\r\n>R\x01";
    let mut dialogue = serving();
    for _ in 0..10 {
        dialogue.repl.submit(b"f()");
        dialogue.board(format!("{noise}OK{noise}").as_bytes());
        dialogue.repl.reply_seen();
        dialogue.board(format!("{noise}\x04\x04>").as_bytes());
    }
    let mut heard: Vec<u8> = dialogue
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Output(bytes) => Some(bytes),
            _ => None,
        })
        .flatten()
        .collect();
    let mut printed = noise.repeat(30).into_bytes();
    heard.sort_unstable();
    printed.sort_unstable();
    assert_eq!(heard, printed);
}

#[test]
fn an_end_without_an_answer_is_claimed_with_its_traceback() {
    let mut dialogue = serving();
    dialogue.repl.submit(b"f(");
    dialogue.board(b"OK\x04SyntaxError\r\n\x04>");
    let claimed = dialogue.events().into_iter().find_map(|event| match event {
        Event::EndClaimed { traceback } => Some(traceback),
        _ => None,
    });
    assert_eq!(claimed, Some(b"SyntaxError\r\n".to_vec()));
    // The next one is recognised all the same.
    dialogue.repl.submit(b"f()");
    dialogue.board(b"OK");
    dialogue.repl.reply_seen();
    dialogue.board(b"\x04\x04>");
    assert_eq!(output(&mut dialogue), "");
}

#[test]
fn a_banner_that_was_asked_for_is_taken_out_and_another_one_is_a_sign() {
    let mut dialogue = serving();
    dialogue.repl.submit_marked(b"ping()", true);
    dialogue.board(&BANNER.repeat(2));
    dialogue.board(b"OK");
    dialogue.repl.reply_seen();
    dialogue.board(b"\x04\x04>");
    assert_eq!(dialogue.events(), []);
    dialogue.board(BANNER);
    assert!(dialogue.events().contains(&Event::Sign(Sign::RawBanner)));
}

#[test]
fn a_source_whose_marks_are_missing_is_told_from_one_that_is_damaged() {
    for (between, missing) in [
        (vec![], Some(2)),
        (BANNER.to_vec(), Some(1)),
        (BANNER.repeat(2), None),
        // Damaged by the line, or printed by a thread: this may have been a banner.
        (b"raw REPL; CTRL-B".to_vec(), None),
        ([b"x", BANNER].concat(), None),
    ] {
        for taken in [&b"OK\r\nMPY: soft reboot\r\n"[..], b"OK\x04SyntaxError\r\n\x04>"] {
            let mut dialogue = serving();
            dialogue.repl.submit(b"f()");
            dialogue.repl.submit_marked(b"ping()", false);
            dialogue.board(b"OK");
            dialogue.repl.reply_seen();
            dialogue.board(b"\x04\x04>");
            dialogue.board(&between);
            dialogue.board(taken);
            let told = dialogue.events().into_iter().find_map(|event| match event {
                Event::Beheaded { missing } => Some(missing),
                _ => None,
            });
            assert_eq!(told, missing, "{}", between.escape_ascii());
        }
    }
}

/// Receives this from the board. Returns whether it reports a missing beginning.
fn is_beheaded(dialogue: &mut Dialogue, said: &[u8]) -> bool {
    dialogue.board(said);
    let beheaded = |event: &Event| matches!(event, Event::Beheaded { .. });
    dialogue.events().iter().any(beheaded)
}

#[test]
fn a_source_behind_a_marked_one_is_not_taken_for_it() {
    let mut dialogue = at_prompt();
    dialogue.repl.submit_marked(b"ping()", false);
    dialogue.repl.submit(b"f()");
    let marks = BANNER.repeat(2);
    assert!(!is_beheaded(&mut dialogue, &[&marks[..], b"OK"].concat()));
    dialogue.repl.reply_seen();
    assert!(!is_beheaded(&mut dialogue, b"\x04\x04>OK"));
}

#[test]
fn a_source_that_is_taken_when_nobody_waits_for_it_any_longer_is_not_taken_for_a_marked_one() {
    let mut dialogue = at_prompt();
    dialogue.repl.submit(b"f()");
    dialogue.repl.settle(0);
    dialogue.repl.submit_marked(b"ping()", false);
    assert!(!is_beheaded(&mut dialogue, b"OK"));
    dialogue.repl.reply_seen();
    dialogue.board(b"\x04\x04>");
    // All of that has come once the ping is answered.
    dialogue.repl.settle(0);
    dialogue.repl.submit_marked(b"ping()", false);
    assert!(is_beheaded(&mut dialogue, b"OK"));
}

#[test]
fn what_a_thread_prints_between_a_banner_and_its_prompt_is_all_that_is_output() {
    let mut dialogue = at_prompt();
    dialogue.repl.submit_marked(b"ping()", false);
    let said = b"raw REPL; CTRL-B to exit\r\na>b>raw REPL; CTRL-B to exit\r\n>OK";
    dialogue.board(said);
    dialogue.repl.reply_seen();
    dialogue.board(b"\x04\x04>");
    // Nobody can tell which of them is the prompt: what is left is the same.
    assert_eq!(output(&mut dialogue), "ab>");
}

#[test]
fn a_prompt_that_is_asked_for_is_told_and_none_of_its_words_is_output() {
    let mut dialogue = serving();
    dialogue.repl.submit_marked(b"ping()", false);
    assert_eq!(dialogue.repl.ask(), b"\r\x01");
    dialogue.board(b"OK");
    dialogue.repl.reply_seen();
    // The answer to the ping settles what was sent before it, and not the question behind it.
    dialogue.repl.settle(1);
    dialogue.board(b"\x04\x04>raw REPL; CTRL-B to exit\r\n>");
    assert_eq!(dialogue.events(), [Event::AtPrompt]);
    dialogue.board(b"OK, said a thread");
    assert_eq!(output(&mut dialogue), "OK, said a thread");
}

#[test]
fn words_that_the_line_has_lost_are_not_waited_for() {
    let mut dialogue = serving();
    dialogue.repl.submit_marked(b"lost()", true);
    dialogue.repl.submit(b"f()");
    // The first source never arrived, and the `OK` of the second one is lost.
    dialogue.repl.reply_seen();
    dialogue.repl.settle(0);
    dialogue.board(b"\x04\x04>OK, said a thread");
    assert_eq!(output(&mut dialogue), "OK, said a thread");
}

#[test]
fn serving_ends_with_a_new_entry_a_reset_or_leaving() {
    for operation in [Operation::Enter, Operation::Exit, Operation::SoftReset] {
        let mut dialogue = serving();
        dialogue.start(operation);
        assert_ne!(dialogue.repl.stage(), Stage::Serving);
    }
}

#[test]
fn what_is_given_up_is_watched_for_signs_again() {
    let mut dialogue = Dialogue::entered();
    dialogue.start(Operation::Enter);
    dialogue.repl.abandon();
    dialogue.board(b"raw REPL; CTRL-B to exit\r\n>");
    assert!(dialogue.events().contains(&Event::Sign(Sign::RawBanner)));
}

#[test]
fn a_banner_that_was_asked_for_and_has_come_in_part_is_still_taken_out() {
    let mut dialogue = serving();
    dialogue.repl.ask();
    dialogue.board(b"raw REPL; CTRL-B");
    assert_eq!(output(&mut dialogue), "");
    dialogue.repl.settle(1);
    dialogue.board(b" to exit\r\n>printed");
    let events: Vec<_> = dialogue.events();
    assert!(events.contains(&Event::AtPrompt), "{events:?}");
    assert!(events.contains(&Event::Output(b"printed".to_vec())), "{events:?}");
    assert_eq!(events.len(), 2, "{events:?}");
}
