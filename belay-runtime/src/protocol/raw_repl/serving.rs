//! Sources that are typed one behind the other, each of which is answered by frames. What the raw REPL prints around
//! each source is removed from the output, whatever threads print in between.

use std::collections::VecDeque;

use super::super::scan::Scanner;
use super::super::signs::RAW_BANNER_LINE;
use super::state::{Claim, State};
use super::{Event, RawRepl};

const END: u8 = 0x04;
const PROMPT: u8 = b'>';
/// Begins anew at the raw prompt, whatever its line contains and whichever prompt the board is at.
const AFRESH: &[u8] = b"\r\x01";
/// Stands before a question whose beginning a running program may read. Each of these bytes brings a banner, so
/// missing banners tell how many of the bytes are missing.
const MARKS: &[u8] = b"\x01\x01";
/// The words to look for: the acceptance of a source, and the banner that [`AFRESH`] and each of the [`MARKS`]
/// brings. The prompt behind the banner is looked for on its own, since a thread may print before it.
const WORDS: [&[u8]; 2] = [b"OK", RAW_BANNER_LINE];

/// The words of the raw REPL that are still to come. If a thread prints the same words, either may be removed: what
/// is left is the same.
#[derive(Debug)]
pub(super) struct Serving {
    phase: Phase,
    scanner: Scanner,
    /// How many of each word are expected.
    expected: [usize; 2],
    /// How many banners have come whose prompts have not.
    begun: usize,
    /// How many of the banners were asked for on their own, by [`RawRepl::ask`].
    asked: usize,
    /// For each source that is still to be taken, whether it has marks.
    marked: VecDeque<bool>,
    /// Whether the source that was submitted last has marks.
    last_marked: bool,
    /// Whether other sources may be taken before those: they are no longer waited for, but perhaps not lost.
    strays: bool,
    /// How many banners have come since the prompt, as long as nothing else has.
    shown: Option<usize>,
}

#[derive(Debug)]
pub(super) enum Phase {
    Prompt,
    /// A source runs, and has not answered.
    Running(Claim),
    /// The same, and its output looks like its end.
    Claimed,
    /// The source has answered, and so many of its two end bytes have come.
    Ending(u8),
}

impl Serving {
    pub(super) fn new(phase: Phase) -> Self {
        Self {
            phase,
            scanner: Scanner::new(&WORDS),
            expected: [0; 2],
            begun: 0,
            asked: 0,
            marked: VecDeque::new(),
            last_marked: false,
            strays: false,
            shown: None,
        }
    }

    /// Whether a banner is expected. While a source runs, none is.
    pub(super) fn expects_banner(&self) -> bool {
        self.expected[1] + self.begun > 0 && !matches!(self.phase, Phase::Running(_))
    }

    pub(super) fn reply_seen(&mut self, output: &mut Vec<u8>) {
        self.scanner.give_up(output);
        if matches!(self.phase, Phase::Prompt) {
            // The line has lost the `OK` of a source.
            self.expected[0] = self.expected[0].saturating_sub(1);
            self.marked.pop_front();
        }
        self.phase = Phase::Ending(0);
    }

    pub(super) fn give_up(&mut self, output: &mut Vec<u8>) {
        self.scanner.give_up(output);
    }

    /// Returns an event when the byte completes what looks like an end without an answer, the answer of a prompt, or
    /// the acceptance of a source whose beginning is missing.
    fn feed(&mut self, byte: u8, output: &mut Vec<u8>, limit: usize) -> Option<Event> {
        match &mut self.phase {
            Phase::Running(claim) => {
                output.push(byte);
                let traceback = claim.feed(byte, limit)?;
                self.phase = Phase::Claimed;
                return Some(Event::EndClaimed { traceback });
            }
            Phase::Ending(ends) if *ends < 2 && byte == END => *ends += 1,
            Phase::Ending(2) if byte == PROMPT => {
                self.phase = Phase::Prompt;
                self.shown = Some(0);
            }
            _ => {
                let before = output.len();
                let event = self.find_word(byte, output);
                if output.len() != before {
                    self.shown = None;
                }
                return event;
            }
        }
        None
    }

    fn find_word(&mut self, byte: u8, output: &mut Vec<u8>) -> Option<Event> {
        if self.begun > 0 && byte == PROMPT {
            return self.banner_came(output);
        }
        if self.expected == [0; 2] {
            output.push(byte);
            return None;
        }
        let word = self.scanner.feed(byte, output)?;
        self.scanner = Scanner::new(&WORDS);
        if self.expected[word] == 0 {
            output.extend(WORDS[word]);
            return None;
        }
        self.expected[word] -= 1;
        if word == 1 {
            self.begun += 1;
            return None;
        }
        let missing = self.taken();
        self.nothing_expected(output);
        (missing > 0).then_some(Event::Beheaded { missing })
    }

    fn banner_came(&mut self, output: &mut Vec<u8>) -> Option<Event> {
        self.begun -= 1;
        if let Some(shown) = &mut self.shown {
            *shown += 1;
        }
        self.nothing_expected(output);
        let asked = self.asked > 0;
        self.asked -= usize::from(asked);
        asked.then_some(Event::AtPrompt)
    }

    /// Once no word is expected any more, what is held back becomes output.
    fn nothing_expected(&mut self, output: &mut Vec<u8>) {
        if self.expected == [0; 2] {
            self.scanner.give_up(output);
        }
    }

    fn add(&mut self, marked: bool) {
        self.expected[0] += 1;
        self.marked.push_back(marked);
        self.last_marked = marked;
    }

    /// No source is waited for. If the last one had marks it has been answered, so the board has taken all that has
    /// reached it before; otherwise the board may still take some.
    fn forget_sources(&mut self) {
        self.strays = !self.last_marked && !self.marked.is_empty();
        self.marked.clear();
    }

    /// A source was taken. Returns how many of its marks are missing, if it has any and that can be told.
    fn taken(&mut self) -> usize {
        self.phase = Phase::Running(Claim::default());
        // The prompts of the banners before it are lost.
        self.begun = 0;
        let shown = self.shown.take();
        match (self.marked.pop_front(), shown) {
            (Some(true), Some(shown)) if !self.strays => MARKS.len().saturating_sub(shown),
            _ => 0,
        }
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.scanner.held()
    }
}

impl RawRepl {
    /// From now on sources are typed with [`RawRepl::submit`], one behind the other and without waiting for the
    /// prompt; each is answered by frames ([`RawRepl::reply_seen`]). To be called when the board is at the raw
    /// prompt, or about to be because the running source has answered.
    pub fn serve(&mut self) {
        let phase = match &self.state {
            State::Idle => Phase::Prompt,
            State::Traceback(_) => Phase::Ending(1),
            State::Prompting(_) => Phase::Ending(2),
            _ => Phase::Ending(0),
        };
        self.state = State::Serving(Serving::new(phase));
    }

    /// The bytes that type this source, to which the rule of [`super::Execution::source`] applies.
    pub fn submit(&mut self, source: &[u8]) -> Vec<u8> {
        if let State::Serving(serving) = &mut self.state {
            serving.add(false);
        }
        [source, &[END]].concat()
    }

    /// The same for a source whose beginning a running program may read; [`Event::Beheaded`] then says so. `afresh`
    /// is for when it is not known which prompt the board is at: then it becomes the raw REPL's. In either case the
    /// source begins in an empty line.
    pub fn submit_marked(&mut self, source: &[u8], afresh: bool) -> Vec<u8> {
        if let State::Serving(serving) = &mut self.state {
            serving.add(true);
            serving.expected[1] += MARKS.len();
        }
        let start: &[u8] = if afresh { b"\r" } else { b"" };
        [start, MARKS, source, &[END]].concat()
    }

    /// The two bytes that ask a prompt to show itself ([`Event::AtPrompt`]). While something runs, the prompt does so
    /// once that has ended.
    pub fn ask(&mut self) -> &'static [u8] {
        if let State::Serving(serving) = &mut self.state {
            serving.expected[1] += 1;
            serving.asked += 1;
        }
        AFRESH
    }

    /// Says that nothing that was submitted is under way any more, except for the answers to so many of the last
    /// questions ([`RawRepl::ask`]).
    pub fn settle(&mut self, asked: usize) {
        if let State::Serving(serving) = &mut self.state {
            serving.asked = serving.asked.min(asked);
            serving.expected = [0, serving.asked];
            serving.forget_sources();
            if serving.asked == 0 {
                serving.scanner.give_up(&mut self.output);
            }
        }
    }

    /// Says that some of what was submitted will never be sent, and that the rest is not waited for.
    pub fn drop_submitted(&mut self) {
        if let State::Serving(serving) = &mut self.state {
            serving.last_marked = false;
        }
        self.settle(0);
    }

    pub(super) fn serving(&mut self, byte: u8, mut serving: Serving) -> State {
        let limit = self.options.traceback_limit;
        if let Some(event) = serving.feed(byte, &mut self.output, limit) {
            self.emit(event);
        }
        State::Serving(serving)
    }
}
