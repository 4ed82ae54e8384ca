//! How a conversation ends, and what callers are told then and later.

use std::io;
use std::sync::{Arc, OnceLock};

use super::LinkEvent;
use super::calls::Sink;
use super::conversation::{Command, Conversation};
use super::line::Item;
use crate::agent::Reply;
use crate::error::{Error, ErrorKind};
use crate::transport::TransportError;

/// Why a conversation is at its end.
#[derive(Debug)]
pub(super) enum End {
    /// It was closed.
    Closed,
    /// The board was reset.
    Reset,
    /// The port failed or vanished.
    Lost(TransportError),
    /// The board no longer takes part.
    Failed(Error),
}

/// How the conversation has ended, for callers that come later.
#[derive(Debug, Default)]
pub(super) struct Ending(OnceLock<Known>);

#[derive(Debug)]
enum Known {
    Closed,
    Reset,
    Lost(TransportError),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Lost(error.into())
    }
}

impl Ending {
    /// Why the conversation is at its end, unless it was closed.
    pub(super) fn cause(&self) -> Option<Error> {
        self.0
            .get()
            .filter(|known| !matches!(known, Known::Closed))
            .map(Known::cause)
    }

    /// The error of a request that is made after the end.
    pub(super) fn error(&self) -> Error {
        match self.0.get() {
            // The task that would have recorded the end was itself ended.
            None => ErrorKind::RuntimeGone.into(),
            Some(Known::Closed) => ErrorKind::Closed.into(),
            Some(known) => disconnected(known.cause()),
        }
    }
}

impl Known {
    fn cause(&self) -> Error {
        match self {
            Self::Closed => ErrorKind::Closed.into(),
            Self::Reset => ErrorKind::Reset.into(),
            Self::Lost(error) => error.again().into(),
        }
    }
}

impl Conversation {
    /// Ends all that somebody waits for; the link goes on.
    pub(super) fn end_all(&mut self) {
        for stream in self.streams.tell_all(|| ErrorKind::Closed.into()) {
            self.close_stream(stream);
        }
        for job in self.calls.take_queue() {
            match job.sink {
                Sink::Reply(_) => self.answer(job.sink, Err(ErrorKind::Closed.into())),
                Sink::Batch(_) | Sink::Nobody => drop(self.calls.push(job)),
            }
        }
        for sink in self.calls.abandon_all(self.now) {
            self.answer(sink, Err(ErrorKind::Closed.into()));
        }
        if !self.calls.none_flies() && !self.liveness.is_interrupting() {
            self.interrupt();
        }
    }

    /// Hands out all that has been received, with the events that were sent while the conversation was about to end.
    pub(super) fn hear_the_rest(&mut self) {
        while let Some(item) = self.line.next_item() {
            if let Item::Frame(frame) = item {
                match Reply::decode(frame) {
                    Some(Reply::Event(value)) => self.on_board_event(value),
                    Some(Reply::Told(told)) => self.told.take(told, self.now),
                    _ => {}
                }
            }
        }
        self.line.let_output_go();
        self.line.hand_out();
    }

    /// The conversation has ended: tells everybody who waits.
    pub(super) fn finish(&mut self, end: &End) {
        let known = match end {
            End::Closed => Known::Closed,
            End::Reset => Known::Reset,
            End::Lost(error) => Known::Lost(error.again()),
            End::Failed(error) => Known::Lost(TransportError::Vanished(chain(error).into())),
        };
        // The end is recorded first: whoever is told now may make another request at once.
        let ending = Arc::clone(&self.ending);
        let known = ending.0.get_or_init(|| known);
        match end {
            End::Closed => {}
            End::Reset => self.events.send(LinkEvent::Reset),
            End::Lost(_) | End::Failed(_) => self.events.send(LinkEvent::Lost),
        }
        self.asked.give_up();
        let flying = self.calls.take_flying().into_iter().map(|flying| flying.job.sink);
        for sink in std::mem::take(&mut self.untold).into_iter().chain(flying) {
            let error: Error = match known {
                Known::Closed | Known::Reset => known.cause(),
                Known::Lost(_) => ErrorKind::FateUnknown(Some(Box::new(known.cause()))).into(),
            };
            self.answer(sink, Err(error));
        }
        for job in self.calls.take_queue() {
            // The first batch of a stream starts it; any other belongs to a stream that has run already.
            let begun = job.request.goes_on();
            let error = match known {
                Known::Lost(_) if begun => ErrorKind::FateUnknown(Some(Box::new(known.cause()))).into(),
                Known::Reset if begun => known.cause(),
                Known::Closed => known.cause(),
                _ => disconnected(known.cause()),
            };
            self.answer(job.sink, Err(error));
        }
        let error = || match known {
            Known::Lost(_) => ErrorKind::FateUnknown(Some(Box::new(known.cause()))).into(),
            _ => known.cause(),
        };
        self.streams.tell_all(error);
        self.streams.clear();
    }

    /// Refuses a command that comes after the end.
    pub(super) fn refuse(&self, command: Command) {
        // A stream that just ended would look like one without items. All other commands find the recorded end
        // themselves.
        if let Command::Open { items, .. } = command {
            let _ = items.send(Err(self.ending.error()));
        }
    }
}

/// The error of a request that was not sent, and now cannot be.
fn disconnected(cause: Error) -> Error {
    ErrorKind::Disconnected(Some(Arc::new(cause))).into()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
