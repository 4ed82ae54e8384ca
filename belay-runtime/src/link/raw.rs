//! Calls over the raw REPL: each line for the agent is a source of its own, typed at the raw prompt. Only frames
//! tell what became of it, so that nothing that a program or a thread prints can be taken for the protocol.

use super::CallPath;
use super::ending::End;
use super::engine::Engine;
use super::exception;
use super::own_words::take_out_mark;
use super::recover::ASK_FOR_BANNER;
use super::start::{absence, look_for_agent};
use super::unread::Sent;
use crate::protocol::{Event, Sign, is_out_of_memory};

/// How much of a long line one source brings where the board holds the sender back while it cannot take more.
const PIECE: usize = 512;
/// The same where it does not, and has to have room for a whole source.
const SMALL_PIECE: usize = 128;
/// How long a ping is at most that does not look for the agent.
const PING: usize = 64;
/// How often in a row the board may be out of memory before it has done anything.
const OUT_OF_MEMORY: u32 = 3;

impl Engine {
    pub(super) fn is_raw(&self) -> bool {
        self.path == CallPath::RawRepl
    }

    /// Types what has the agent handle a line. What is long is brought in pieces before the line that announces it,
    /// because a board keeps all of a source in memory that nobody guards.
    pub(super) fn type_line(&mut self, line: &[u8], what: Sent) {
        if self.is_small() {
            return self.type_small(line, what);
        }
        let end = line.iter().position(|byte| *byte == b'\n');
        let (head, body) = line.split_at(end.map_or(line.len(), |end| end + 1));
        let size = if self.wire.flow_control() {
            PIECE
        } else {
            SMALL_PIECE
        };
        for (at, piece) in body.chunks(size).enumerate() {
            let start = format!("_belay['b']({},{},b", at * size, body.len());
            self.submit(&call(&start, piece), what);
        }
        self.submit(&call("_belay['h'](", head), what);
    }

    pub(super) fn submit(&mut self, source: &[u8], what: Sent) {
        self.unread.add(what, source.len() + 1);
        self.wire.submit(source, false);
    }

    /// Types what has the agent for small boards handle a line, in parts, since its memory has no room for much.
    fn type_small(&mut self, line: &[u8], what: Sent) {
        let kind = line.get(2).copied();
        // Parts of about the same length: the board never forgets a literal that is as short as a rest can be.
        let parts = line.len().div_ceil(SMALL_PIECE).max(1);
        let size = line.len().div_ceil(parts).max(1);
        let mut parts = line.chunks(size).peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_some() {
                self.submit(&call("_belay['M'](", part), what);
                continue;
            }
            let last = call("_belay['line'](", part);
            let last = String::from_utf8_lossy(&last);
            // The value that the line asks for is worked out here, where no call has used any of the stack yet.
            let value = match kind {
                Some(b'c' | b'e' | b's') => format!("_belay['b'].eval(*{last})"),
                Some(b'x') => format!("_belay['b'].exec(*{last})"),
                _ => last.into_owned(),
            };
            let source = format!(
                "try:_belay['value']({value})\nexcept _belay['b'].BaseException as _belay_e:_belay['error'](_belay_e)\n"
            );
            self.submit(source.as_bytes(), what);
        }
    }

    /// The source of a ping. One that looks for the agent has it where it is expected, if it is on the board at all; if
    /// not, the board says so.
    pub(super) fn source_of_ping(&mut self, line: &[u8], token: u32, looking: bool) -> Vec<u8> {
        let take = if self.is_small() { "line" } else { "h" };
        let source = call(&format!("_belay['{take}']("), line);
        if !looking {
            return source;
        }
        let mark = format!("belay-{:08x}-{token}", self.lines.seed);
        self.wire.watch_for(absence(&mark));
        [look_for_agent(&mark).as_bytes(), source.as_slice()].concat()
    }

    pub(super) fn type_ping(&mut self, source: &[u8], token: u32, afresh: bool) {
        let around = ASK_FOR_BANNER.len() + 1;
        self.unread.add(Sent::Ping(token), source.len() + around);
        self.wire.submit(source, afresh);
    }

    pub(super) fn on_raw_event(&mut self, event: &Event) -> Result<(), End> {
        match event {
            Event::EndClaimed { .. } if let Some(mark) = self.wire.take_mark() => {
                self.wire.hold_back_output();
                if let Some(printed) = self.wire.output_held_back() {
                    take_out_mark(printed, None, &mark);
                }
                return Err(End::Reset);
            }
            Event::EndClaimed { traceback } if is_out_of_memory(traceback) => self.on_no_memory(),
            // The agent lets nothing out: it may not be where it was.
            Event::EndClaimed { traceback } if !traceback.is_empty() && self.may_heed_sign() => {
                self.look_for_agent();
            }
            Event::AtPrompt => {
                self.has_read();
                self.on_prompt();
            }
            // It was reset, unless a program prints that.
            Event::Sign(Sign::RawBanner) if self.barrier.is_some() && self.unread.has_any_room_for(PING) => {
                self.on_prompt();
            }
            // Either the board was reset or a program prints as much.
            Event::Sign(Sign::FriendlyPrompt) if self.barrier.is_none() => self.ping_afresh(),
            Event::Sign(_) if self.barrier.is_none() => self.ping(),
            Event::Sign(_) if !self.has_room_for(PING) && self.may_heed_sign() => self.ask_for_prompt(),
            _ => {}
        }
        Ok(())
    }
}

impl Engine {
    /// The board ran out of memory before it could do anything. If that goes on there is not even room for the
    /// question what it knows of the call.
    fn on_no_memory(&mut self) {
        self.out_of_memory += 1;
        if self.out_of_memory >= OUT_OF_MEMORY && !self.flying.is_empty() {
            self.out_of_memory = 0;
            let error = exception::out_of_memory().into_error(&self.wire.take_output());
            self.complete(0, Err(error));
        }
    }
}

/// A source that calls a function with a text as its last argument.
fn call(start: &str, text: &[u8]) -> Vec<u8> {
    [start.as_bytes(), &literal(text), b")"].concat()
}

/// A text of ASCII as Python writes it, without the name of anything.
pub(super) fn literal(text: &[u8]) -> Vec<u8> {
    let mut source = vec![b'\''];
    for byte in text {
        match byte {
            b'\n' => source.extend(b"\\n"),
            b'\\' | b'\'' => source.extend([b'\\', *byte]),
            b'\t' => source.extend(b"\\t"),
            b'\r' => source.extend(b"\\r"),
            _ => source.push(*byte),
        }
    }
    source.push(b'\'');
    source
}
