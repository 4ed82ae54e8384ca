//! Removes protocol text, which is what host and board say to each other, from the output of a board.

use crate::protocol::{PROMPT, RAW_BANNER};

/// What the raw REPL sends after the output of an execution, and again after its traceback.
pub(super) const END: u8 = 0x04;
/// Both end bytes and the prompt.
const ENDS: &[u8] = b"\x04\x04>";
const INTERRUPTED: &[u8] = b"KeyboardInterrupt";
/// What a prompt prints before it echoes a typed line, or before the output of a source.
const PROMPTS: [&[u8]; 4] = [PROMPT, b"... ", b">OK", b">"];
/// Texts that occur only in what the host types, and in what a board prints about that.
const OURS: [&[u8]; 4] = [
    b"_belay",
    b"Traceback (most recent call last):",
    b"  File \"<stdin>\", line ",
    b"raw REPL; CTRL-B to exit",
];

/// Removes the first occurrence of this word. Returns its position.
pub(super) fn take_out(printed: &mut Vec<u8>, word: &[u8]) -> Option<usize> {
    let at = printed.windows(word.len()).position(|window| window == word)?;
    printed.drain(at..at + word.len());
    Some(at)
}

/// Removes the end of an execution that has just come: both end bytes, the traceback between them, and the prompt.
/// What a thread printed before the prompt stays.
pub(super) fn take_out_end(printed: &mut Vec<u8>, traceback: &[u8]) {
    if printed.last() == Some(&b'>') {
        printed.pop();
    }
    let last_end = |printed: &[u8]| printed.iter().rposition(|byte| *byte == END);
    let Some(second) = last_end(printed) else { return };
    printed.remove(second);
    let Some(first) = last_end(&printed[..second]) else {
        return;
    };
    if printed[first + 1..second] == *traceback {
        printed.drain(first..second);
    } else {
        printed.remove(first);
    }
}

/// Removes the end bytes of programs that were interrupted on the way to a prompt, and their `KeyboardInterrupt`
/// tracebacks.
pub(super) fn take_out_interrupted(printed: &mut Vec<u8>) {
    let mut from = 0;
    let next = |printed: &[u8], from: usize, wanted: u8| {
        let found = printed[from..].iter().position(|byte| *byte == wanted);
        found.map(|at| from + at)
    };
    while let Some(first) = next(printed, from, END)
        && let Some(second) = next(printed, first + 1, END)
        && let Some(prompt) = next(printed, second + 1, b'>')
    {
        printed.remove(prompt);
        printed.remove(second);
        let said = &printed[first + 1..second];
        if said.windows(INTERRUPTED.len()).any(|words| words == INTERRUPTED) {
            printed.drain(first + 1..second);
        }
        printed.remove(first);
        from = first;
    }
}

/// Removes the marks with this stem that a board was asked for on the way to a prompt, and the `OK`s with which it
/// took the sources that print them. The mark that was waited for is not in the output.
pub(super) fn take_out_stems(printed: &mut Vec<u8>, stem: &[u8]) {
    let mut from = 0;
    while let Some(at) = printed[from..]
        .windows(stem.len())
        .position(|window| window == stem)
    {
        let at = from + at;
        let behind = &printed[at + stem.len()..];
        let number = behind.strip_prefix(b"-").unwrap_or_default();
        let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let line_end: &[u8] = if number[digits..].starts_with(b"\r") {
            b"\r\n"
        } else {
            b"\n"
        };
        if digits == 0 || !number[digits..].starts_with(line_end) {
            from = at + stem.len();
            continue;
        }
        let begins = if printed[..at].ends_with(b"OK") {
            at - 2
        } else {
            at
        };
        printed.drain(begins..at + stem.len() + 1 + digits + line_end.len());
        from = begins;
    }
}

/// Removes what a board prints that has left its agent and was asked for these marks. The last of that is the end of
/// a source that prints a mark.
pub(super) fn take_out_marks(printed: &mut Vec<u8>, left_with: Option<&[u8]>, marks: &[Vec<u8>]) {
    take_out_end(printed, b"");
    take_out_answers(printed, marks);
    if let Some(traceback) = left_with {
        take_out(printed, &[&[END], traceback, &[END, b'>']].concat());
    }
    while take_out(printed, RAW_BANNER).is_some() {}
}

/// Removes what a board prints about the sources that print these marks, except for an end that other output
/// separates from its mark.
pub(super) fn take_out_answers(printed: &mut Vec<u8>, marks: &[Vec<u8>]) {
    for mark in marks {
        let Some(at) = take_out(printed, &[mark.as_slice(), b"\r\n"].concat()) else {
            continue;
        };
        if printed[at..].starts_with(ENDS) {
            printed.drain(at..at + ENDS.len());
        }
        if let Some(taken) = printed[..at].windows(2).rposition(|window| window == b"OK") {
            printed.drain(taken..taken + 2);
        }
    }
}

/// Removes what a board prints about a source that prints a mark, and that was interrupted before it did.
pub(super) fn take_out_unmarked(printed: &mut Vec<u8>, traceback: &[u8]) {
    take_out_end(printed, traceback);
    if printed.ends_with(b"OK") {
        printed.truncate(printed.len() - 2);
    }
}

/// Removes what a restarted board prints at its prompts when it is asked for a mark: what is typed, which the
/// friendly prompt echoes, and that there is no agent. Output before the first prompt, and whole lines that a thread
/// prints, stay.
pub(super) fn take_out_prompts(printed: &mut Vec<u8>, mark: &[u8]) {
    let place = |word: &[u8]| printed.windows(word.len()).position(|window| window == word);
    let first = [PROMPT, RAW_BANNER].into_iter().filter_map(place).min();
    let said = printed.split_off(first.unwrap_or(0));
    for line in said.split_inclusive(|byte| *byte == b'\n') {
        let mut line: Vec<u8> = line.iter().copied().filter(|byte| *byte != END).collect();
        let mut prompted = false;
        while let Some(prompt) = PROMPTS.iter().find(|prompt| line.starts_with(prompt)) {
            line.drain(..prompt.len());
            prompted = true;
        }
        let has = |word: &[u8]| line.windows(word.len()).any(|window| window == word);
        let is_empty = prompted && line.iter().all(u8::is_ascii_whitespace);
        if !is_empty && !has(mark) && !OURS.iter().any(|ours| has(ours)) {
            printed.extend(line);
        }
    }
}

/// What a board reports about itself before it gets the agent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// How much memory is free, in bytes, if that could be read.
    pub(super) free: Option<u64>,
    /// Whether it lacks what the agent needs.
    pub(super) lacks: bool,
    /// Whether it can load precompiled files.
    pub(super) loads: bool,
}

/// Removes what a board was asked to report behind this mark: the free memory, a comma, what it lacks and loads, and
/// a full stop. A report with something else inside, which a thread has printed, is not taken for one.
pub(super) fn take_out_look(printed: &mut Vec<u8>, mark: &[u8]) -> Option<Look> {
    let begins = printed.windows(mark.len()).position(|window| window == mark)?;
    let told = begins + mark.len();
    let stop = told + printed[told..].iter().position(|byte| *byte == b'.')?;
    let (free, lacks) = str::from_utf8(&printed[told..stop]).ok()?.split_once(',')?;
    let lacks: u8 = lacks.parse().ok()?;
    let look = Look {
        free: Some(free.parse().ok()?),
        lacks: lacks & 1 != 0,
        loads: lacks & 2 != 0,
    };
    let ends_line = printed[stop + 1..].starts_with(b"\r\n");
    printed.drain(begins..=stop + if ends_line { 2 } else { 0 });
    Some(look)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_taken_out_and_what_a_thread_prints_stays() {
        for (printed, traceback, left) in [
            ("a\x04\x04>", "", "a"),
            ("a\x04b\x04c\x04>", "c", "a\x04b"),
            ("a\x04\x04tick\r\n>", "", "atick\r\n"),
            ("\x04tick\r\n\x04>", "", "tick\r\n"),
            ("", "", ""),
        ] {
            let mut printed = printed.as_bytes().to_vec();
            take_out_end(&mut printed, traceback.as_bytes());
            assert_eq!(String::from_utf8_lossy(&printed), left);
        }
    }

    #[test]
    fn of_what_was_interrupted_on_the_way_only_what_was_printed_stays() {
        for (printed, left) in [
            ("a\x04\x04>b", "ab"),
            ("a\x04\r\nKeyboardInterrupt: \r\n\x04>b\x04\x04>", "ab"),
            ("\x04tick\r\n\x04tick\r\n>tick\r\n", "tick\r\ntick\r\ntick\r\n"),
            ("a\x04b>", "a\x04b>"),
        ] {
            let mut printed = printed.as_bytes().to_vec();
            take_out_interrupted(&mut printed);
            assert_eq!(String::from_utf8_lossy(&printed), left);
        }
    }

    #[test]
    fn the_marks_of_the_way_to_a_prompt_are_taken_out_and_what_a_program_prints_stays() {
        for (printed, left) in [
            ("abelay-1a-2\r\nb", "ab"),
            ("aOKbelay-1a-12\nbelay-1a-3\r\n\x04\x04>", "a\x04\x04>"),
            (
                "belay-1a-\r\nbelay-1b-2\r\nbelay-1a",
                "belay-1a-\r\nbelay-1b-2\r\nbelay-1a",
            ),
            ("belay-1a-2tick\r\n", "belay-1a-2tick\r\n"),
        ] {
            let mut printed = printed.as_bytes().to_vec();
            take_out_stems(&mut printed, b"belay-1a");
            assert_eq!(String::from_utf8_lossy(&printed), left);
        }
    }

    #[test]
    fn what_asks_for_a_mark_is_taken_out_and_what_a_thread_prints_stays() {
        let said = "a\x04\x04>bc\r\nraw REPL; CTRL-B to exit\r\n>OKtick\r\nbelay-1-here\r\n\x04\x04>";
        let mut printed = said.as_bytes().to_vec();
        take_out_marks(&mut printed, Some(b""), &[b"belay-1-here".to_vec()]);
        assert_eq!(String::from_utf8_lossy(&printed), "abc\r\ntick\r\n");
        let said =
            "a\x04\x04>raw REPL; CTRL-B to exit\r\n>OKbelay-1-here\r\n\x04\x04>OKbelay-2-here\r\n\x04\x04>";
        let mut printed = said.as_bytes().to_vec();
        let marks = [b"belay-1-here".to_vec(), b"belay-2-here".to_vec()];
        take_out_marks(&mut printed, Some(b""), &marks);
        assert_eq!(String::from_utf8_lossy(&printed), "a");
    }

    #[test]
    fn what_asks_for_a_mark_and_is_interrupted_is_taken_out() {
        let mut printed = b"a\r\nOK\x04KeyboardInterrupt: \r\n\x04>".to_vec();
        take_out_unmarked(&mut printed, b"KeyboardInterrupt: \r\n");
        assert_eq!(String::from_utf8_lossy(&printed), "a\r\n");
    }

    #[test]
    fn at_the_prompts_of_a_board_that_has_restarted_only_what_a_thread_prints_stays() {
        let traceback = "Traceback (most recent call last):\r\n  File \"<stdin>\", line 1, in <module>\r\n\
                         NameError: name '_belay' isn't defined\r\n";
        let said = format!(
            "boot\r\nMicroPython\r\n>>> _belay['h']('#1e0 _ABC\\n')\r\n{traceback}>>> \r\ntick\r\n\
             raw REPL; CTRL-B to exit\r\n>OK\x04{traceback}\x04>tick\r\n>OKbelay-1 _belay False\r\n\x04{traceback}\x04>"
        );
        let mut printed = said.into_bytes();
        take_out_prompts(&mut printed, b"belay-1 _belay False");
        assert_eq!(
            String::from_utf8_lossy(&printed),
            "boot\r\nMicroPython\r\ntick\r\ntick\r\n"
        );
    }

    #[test]
    fn what_a_board_says_of_itself_is_taken_out_where_it_is_whole() {
        let look = |free, lacks| {
            Some(Look {
                free: Some(free),
                lacks: lacks & 1 != 0,
                loads: lacks & 2 != 0,
            })
        };
        for (printed, told, left) in [
            ("belay-1:2000,0.\r\n", look(2000, 0), ""),
            ("belay-1:2000,2.\r\n", look(2000, 2), ""),
            (">>> belay-1:2000,1.\r\n", look(2000, 1), ">>> "),
            ("7\r\nbelay-1:20,0.8\r\n\r\n", look(20, 0), "7\r\n8\r\n\r\n"),
            ("belay-1:20tick\r\n00,0.\r\n", None, "belay-1:20tick\r\n00,0.\r\n"),
            ("belay-1:2000,0", None, "belay-1:2000,0"),
            ("belay-2:2000,0.", None, "belay-2:2000,0."),
        ] {
            let mut printed = printed.as_bytes().to_vec();
            assert_eq!(take_out_look(&mut printed, b"belay-1:"), told);
            assert_eq!(String::from_utf8_lossy(&printed), left);
        }
    }
}
