//! Sources that are typed one after the other, each of which answers in frames: what the raw REPL says around
//! each is taken out of the output, whatever threads print in between.

use std::collections::VecDeque;

use super::super::scan::Scanner;
use super::super::signs::RAW_BANNER_LINE;
use super::state::{Claim, State};
use super::{Event, RawRepl};

const END: u8 = 0x04;
const PROMPT: u8 = b'>';
/// Begins at the raw prompt anew, whatever is in its line and whichever prompt the board is at.
const AFRESH: &[u8] = b"\r\x01";
/// Stands before a question that whatever runs may read the beginning of: each brings a banner, so what is missing of
/// them is.
const MARKS: &[u8] = b"\x01\x01";
/// What is looked for: that a source is taken, and the banner that [`AFRESH`] and each of the [`MARKS`] brings. Its prompt is
/// said on its own: a thread may print before that.
const WORDS: [&[u8]; 2] = [b"OK", RAW_BANNER_LINE];

/// What of the raw REPL's own words is still to come. Where a thread prints the same words, either may be taken
/// out: what is left is the same.
#[derive(Debug)]
pub(super) struct Serving {
    phase: Phase,
    scanner: Scanner,
    /// How many of each word.
    expected: [usize; 2],
    /// How many of the banners have come without their prompts so far.
    begun: usize,
    /// How many of the banners were asked for on their own.
    asked: usize,
    /// Whether each of the sources that are still to be taken has marks.
    marked: VecDeque<bool>,
    /// Whether the last one that was submitted has.
    last_marked: bool,
    /// Whether others may be taken before those: no longer waited for, but perhaps not lost.
    strays: bool,
    /// How many banners have come since the prompt did, as long as nothing else has.
    shown: Option<usize>,
}

#[derive(Debug)]
pub(super) enum Phase {
    Prompt,
    /// A source runs, and has not answered.
    Running(Claim),
    /// The same, and what it printed looks like its end.
    Claimed,
    /// It has answered, and so many of its two ends have come.
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

    /// While a source runs, a prompt is none that was led to.
    pub(super) fn expects_banner(&self) -> bool {
        self.expected[1] + self.begun > 0 && !matches!(self.phase, Phase::Running(_))
    }

    pub(super) fn reply_seen(&mut self, output: &mut Vec<u8>) {
        self.scanner.give_up(output);
        if matches!(self.phase, Phase::Prompt) {
            // The line has lost the word that a source was taken.
            self.expected[0] = self.expected[0].saturating_sub(1);
            self.marked.pop_front();
        }
        self.phase = Phase::Ending(0);
    }

    pub(super) fn give_up(&mut self, output: &mut Vec<u8>) {
        self.scanner.give_up(output);
    }

    /// Returns what happened when the byte completes what looks like an end without an answer, the answer of a prompt, or
    /// what says that a source is taken whose beginning is missing.
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

    /// What is held back is output if no word is expected any more.
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

    /// No source is waited for. Up to the last one with marks, which has been answered, the board has taken what has reached it.
    fn forget_sources(&mut self) {
        self.strays = !self.last_marked && !self.marked.is_empty();
        self.marked.clear();
    }

    /// A source is taken. Gives how many of its marks are missing, if it has any and that can be told.
    fn taken(&mut self) -> usize {
        self.phase = Phase::Running(Claim::default());
        // The line has lost the prompts that stand before it.
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
    /// prompt; each answers with frames ([`RawRepl::reply_seen`]). To be called when the board is at the raw
    /// prompt, or about to be because what it runs has answered.
    pub fn serve(&mut self) {
        let phase = match &self.state {
            State::Idle => Phase::Prompt,
            State::Traceback(_) => Phase::Ending(1),
            State::Prompting(_) => Phase::Ending(2),
            _ => Phase::Ending(0),
        };
        self.state = State::Serving(Serving::new(phase));
    }

    /// What types this source, of which the same is true as of [`super::Execution::source`].
    pub fn submit(&mut self, source: &[u8]) -> Vec<u8> {
        if let State::Serving(serving) = &mut self.state {
            serving.add(false);
        }
        [source, &[END]].concat()
    }

    /// The same of a source that whatever runs may read the beginning of, in which case [`Event::Beheaded`] says so. `afresh`
    /// is for when it is not certain what the board is at: the prompt is made one of the raw REPL. Its line is empty in
    /// either case.
    pub fn submit_marked(&mut self, source: &[u8], afresh: bool) -> Vec<u8> {
        if let State::Serving(serving) = &mut self.state {
            serving.add(true);
            serving.expected[1] += MARKS.len();
        }
        let start: &[u8] = if afresh { b"\r" } else { b"" };
        [start, MARKS, source, &[END]].concat()
    }

    /// What asks a prompt to show itself ([`Event::AtPrompt`]), in two bytes. While something runs, it does so
    /// behind that.
    pub fn ask(&mut self) -> &'static [u8] {
        if let State::Serving(serving) = &mut self.state {
            serving.expected[1] += 1;
            serving.asked += 1;
        }
        AFRESH
    }

    /// Says that nothing that was submitted is still under way, but for the answers to so many of the last
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

    /// Says that of what was submitted some is never sent, and the rest is not waited for.
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
