//! Calls over the raw REPL: each line for the agent is a source of its own, typed at the raw prompt. Only frames tell
//! what became of it, so that nothing that a program or a thread prints can be taken for the protocol.

use super::conversation::Conversation;
use super::ending::End;
use super::own_words::take_out_prompts;
use super::recover::ASK_FOR_BANNER;
use super::unread::Sent;
use crate::agent::Raised;
use crate::agent::source::{absence, look_for_agent};
use crate::protocol::{Event, Sign, is_out_of_memory};

/// The longest ping, in bytes, that does not look for the agent.
const PING: usize = 64;
/// How often in a row the board may run out of memory before it has done anything.
const OUT_OF_MEMORY: u32 = 3;

impl Conversation {
    /// Types the sources that have the agent handle a line.
    pub(super) fn type_line(&mut self, line: &[u8], what: Sent) {
        for source in self.flavour.sources(line, self.line.flow_control()) {
            self.submit(&source, what);
        }
    }

    pub(super) fn submit(&mut self, source: &[u8], what: Sent) {
        self.liveness.unread.add(what, source.len() + 1);
        self.line.submit(source);
    }

    /// The source of a ping. If it is `looking` it also puts the agent where the link expects it; if there is none on
    /// the board, the board says so.
    pub(super) fn source_of_ping(&mut self, line: &[u8], looking: bool) -> Vec<u8> {
        let source = self.flavour.source_of_ping(line);
        if !looking {
            return source;
        }
        // The mark is the same each time: the answer to an earlier question is as good, and may come after this one
        // was asked.
        let mark = format!("belay-{:08x}", self.seed);
        self.line.watch_for(absence(&mark));
        [look_for_agent(&mark).as_bytes(), source.as_slice()].concat()
    }

    pub(super) fn type_ping(&mut self, source: &[u8], token: u32, afresh: bool) {
        let around = ASK_FOR_BANNER.len() + 1;
        // A ping that looks for the agent is longer than the room there is. It is typed at a prompt, which reads it
        // at once; if it counted in full and the line lost its end, the next pings could not be sent.
        let length = (source.len() + around).min(PING);
        self.liveness.unread.add(Sent::Ping(token), length);
        self.line.submit_marked(source, afresh);
    }

    pub(super) fn on_raw_event(&mut self, event: &Event) -> Result<(), End> {
        if let Event::EndClaimed { .. } = event
            && let Some(mark) = self.line.take_mark()
        {
            self.line.hold_back_output();
            if let Some(printed) = self.line.output_held_back() {
                take_out_prompts(printed, &mark);
            }
            return Err(End::Reset);
        }
        if let Event::Sign(sign) = event {
            if let Sign::RawBanner = sign {
                self.watch.banner();
            }
            // From now on output may be what a prompt prints about typed sources.
            self.line.hold_back_output();
        }
        match event {
            Event::EndClaimed { traceback } if is_out_of_memory(traceback) => self.on_no_memory(),
            // The agent lets no exception out, so it may be missing.
            Event::EndClaimed { traceback }
                if !traceback.is_empty() && self.liveness.unread.may_heed_sign() =>
            {
                self.line.hold_back_output();
                self.watch.broken(self.liveness.unread.is_flushed());
                self.look_for_agent();
            }
            Event::Beheaded { missing } => self.watch.beheaded(*missing),
            Event::AtPrompt => {
                self.liveness.unread.all_is_read();
                self.on_prompt();
            }
            // The board was reset, unless a program has printed the banner.
            Event::Sign(Sign::RawBanner)
                if self.liveness.is_asking() && self.liveness.unread.has_any_room_for(PING) =>
            {
                self.on_prompt();
            }
            // Either the board was reset or a program has printed that.
            Event::Sign(Sign::FriendlyPrompt) if !self.liveness.is_asking() => self.ping_afresh(),
            Event::Sign(_) if !self.liveness.is_asking() => self.ping(),
            Event::Sign(_)
                if !self.liveness.unread.has_room_for(PING) && self.liveness.unread.may_heed_sign() =>
            {
                self.ask_for_prompt();
            }
            _ => {}
        }
        Ok(())
    }
}

impl Conversation {
    /// The board ran out of memory before it could do anything. If that goes on there is not even room to ask what it
    /// knows of the call.
    fn on_no_memory(&mut self) {
        let in_a_row = self.liveness.ran_out_of_memory();
        if in_a_row >= OUT_OF_MEMORY && !self.calls.none_flies() {
            self.liveness.has_memory();
            let error = Raised::out_of_memory().into_error(&self.line.take_output());
            self.complete(0, Err(error));
        }
    }
}
