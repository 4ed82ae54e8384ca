//! Events that bodies and threads send, as in `events.py`.

use super::{Machine, Python};

/// The names of the events.
pub(crate) const EVENTS: [&str; 2] = ["one", "other"];

/// The state of each event.
#[derive(Debug, Default)]
pub(super) struct Events([Record; EVENTS.len()]);

#[derive(Debug, Default, Clone, Copy)]
struct Record {
    /// The token that its messages carry, or 0 while there is no listener.
    token: u32,
    /// How many messages were counted under that token.
    number: u64,
}

impl Events {
    /// Evaluates the host's call to the library, if the expression is one, and returns the `repr` of its
    /// value.
    pub(super) fn evaluate(&mut self, expression: &str) -> Option<String> {
        let call = expression.strip_prefix("N('_events')['")?;
        if call == "counts']()" {
            let heard = self.0.iter().filter(|record| record.token > 0);
            let counts = heard.map(|record| format!("({}, {})", record.token, record.number));
            return Some(format!("[{}]", counts.collect::<Vec<_>>().join(", ")));
        }
        let (event, token) = call.strip_prefix("listen']('sim','")?.split_once("',")?;
        let token = token.strip_suffix(')')?.parse().ok()?;
        let at = EVENTS.iter().position(|known| *known == event)?;
        if self.0[at].token != token {
            self.0[at] = Record { token, number: 0 };
        }
        Some("None".to_owned())
    }

    /// Counts a message, and returns its token and number if there is a listener.
    fn count(&mut self, at: usize) -> Option<(u32, u64)> {
        let record = &mut self.0[at];
        let told = (record.token, record.number);
        record.number += 1;
        (record.token > 0).then_some(told)
    }
}

impl Machine {
    /// The text of an event. It is counted even if it is never received.
    pub(super) fn event(&mut self, at: usize, value: u32) -> Option<String> {
        let (token, number) = self.heap.events.count(at)?;
        let mut facts = self.witness.facts();
        facts.events.entry(token).or_default().push(value);
        Some(format!("-u{token} {number}:{value}"))
    }

    /// A body sends an event. No other thread can send one between the counting and the sending: the agent
    /// holds a lock.
    pub(super) async fn tell_event(&mut self, at: usize, value: u32) -> Python<()> {
        self.tick().await?;
        let text = self.event(at, value);
        match text.and_then(|text| self.heap.session.frame(&text)) {
            Some(frame) => self.put(&frame).await,
            None => Ok(()),
        }
    }
}
