//! What bodies and threads tell without having been asked, as `events.py` has it.

use super::{Machine, Python};

/// The events that there are.
pub(crate) const EVENTS: [&str; 2] = ["one", "other"];

/// What is known of each event.
#[derive(Debug, Default)]
pub(super) struct Events([Record; EVENTS.len()]);

#[derive(Debug, Default, Clone, Copy)]
struct Record {
    /// What it is told under, or 0 while nobody listens.
    token: u32,
    /// How many were told under that.
    number: u64,
}

impl Events {
    /// Does what the host wants of the library, if it is that, and gives the `repr` of what that gives.
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

    /// Counts what is told, and gives what it is told under and its number, if somebody listens.
    fn count(&mut self, at: usize) -> Option<(u32, u64)> {
        let record = &mut self.0[at];
        let told = (record.token, record.number);
        record.number += 1;
        (record.token > 0).then_some(told)
    }
}

impl Machine {
    /// What is sent of an event, which is counted whatever becomes of it.
    pub(super) fn event(&mut self, at: usize, value: u32) -> Option<String> {
        let (token, number) = self.heap.events.count(at)?;
        let mut facts = self.witness.facts();
        facts.events.entry(token).or_default().push(value);
        Some(format!("-u{token} {number}:{value}"))
    }

    /// A body tells an event. No thread tells another one between its being counted and sent, as there is a lock.
    pub(super) async fn tell_event(&mut self, at: usize, value: u32) -> Python<()> {
        self.tick().await?;
        let text = self.event(at, value);
        match text.and_then(|text| self.heap.session.frame(&text)) {
            Some(frame) => self.put(&frame).await,
            None => Ok(()),
        }
    }
}
