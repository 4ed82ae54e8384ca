//! The rows of all rounds, and the table that they become.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::host::Row;

/// The measurements of one kind of work in one round, in seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Summary {
    who: String,
    what: String,
    median: f64,
    min: f64,
    p99: f64,
    n: usize,
}

const ROWS: [&str; 16] = [
    "echo",
    "connect",
    "call",
    "mixed",
    "print",
    "list",
    "floats",
    "dicts",
    "strings",
    "arg_text",
    "arg_list",
    "bytes_down",
    "bytes_up",
    "stream",
    "question",
    "bytes_in",
];

/// All measurements.
#[derive(Debug)]
pub(crate) struct Report {
    json: bool,
    summaries: Vec<Summary>,
    memory: Vec<Memory>,
    notes: Vec<String>,
}

/// The free memory of a board in bytes, without and with the agent.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Memory {
    pub(crate) who: String,
    pub(crate) what: &'static str,
    pub(crate) free_before: u64,
    pub(crate) free_after: u64,
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            who,
            free_before: before,
            free_after: after,
            ..
        } = self;
        let taken = before.saturating_sub(*after);
        write!(
            f,
            "Memory, {who}: {before} bytes free before and {after} with the agent: it takes {taken}."
        )
    }
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            summaries: Vec::new(),
            memory: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds the times of a round, or why there are none.
    pub(crate) fn take(&mut self, who: &str, what: &str, times: Result<Vec<Duration>, String>) {
        match times {
            Ok(times) => {
                let (median, min, p99) = Row::seconds(what, &times).summary();
                self.add(Summary {
                    who: who.into(),
                    what: what.into(),
                    median,
                    min,
                    p99,
                    n: times.len(),
                });
            }
            Err(problem) => self.note(format!("{who} {what}: {problem}")),
        }
    }

    pub(crate) fn add(&mut self, summary: Summary) {
        if self.json
            && let Ok(line) = serde_json::to_string(&summary)
        {
            println!("{line}");
        }
        self.summaries.push(summary);
    }

    pub(crate) fn remember(&mut self, memory: Memory) {
        if self.json
            && let Ok(line) = serde_json::to_string(&memory)
        {
            println!("{line}");
        }
        self.memory.push(memory);
    }

    /// Adds a note that is printed below the numbers.
    pub(crate) fn note(&mut self, note: String) {
        eprintln!("{note}");
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The median over the rounds.
    pub(crate) fn median(&self, who: &str, what: &str) -> Option<f64> {
        let wanted = |summary: &&Summary| summary.who == who && summary.what == what;
        let mut medians: Vec<f64> = self
            .summaries
            .iter()
            .filter(wanted)
            .map(|summary| summary.median)
            .collect();
        medians.sort_by(f64::total_cmp);
        medians.get(medians.len() / 2).copied()
    }

    /// Prints the table, unless every round has been printed already.
    pub(crate) fn print(&self, title: &str) {
        if self.json {
            return;
        }
        let floor = self.median("wire", "echo");
        println!(
            "{title:12}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}  {:>12}{:>13}{:>15}{:>14}",
            "floor",
            "agent",
            "raw REPL",
            "Belay/Py",
            "mpremote",
            "mpr/serial",
            "agent/floor",
            "Belay/agent",
            "mpremote/agent",
            "serial/agent"
        );
        for what in ROWS {
            let of = |who| self.median(who, what);
            let (agent, raw) = (of("agent"), of("raw-repl"));
            let (belay, mpremote, serial) = (of("belay-python"), of("mpremote"), of("mpremote-serial"));
            println!(
                "{what:12}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}  {:>12}{:>13}{:>15}{:>14}",
                time(floor),
                time(agent),
                time(raw),
                time(belay),
                time(mpremote),
                time(serial),
                ratio(agent, floor),
                ratio(belay, agent),
                ratio(mpremote, agent),
                ratio(serial, agent)
            );
        }
        let first = (
            time(self.median("agent", "connect_first")),
            time(self.median("raw-repl", "connect_first")),
        );
        println!(
            "The first connect of a round: agent {}, raw REPL {}.",
            first.0, first.1
        );
        println!(
            "mpr/serial: the same mpremote on a link to the port, where it does what it does on a board's own port."
        );
        for memory in &self.memory {
            println!("{memory}");
        }
        for note in &self.notes {
            println!("{note}");
        }
    }
}

fn time(seconds: Option<f64>) -> String {
    match seconds {
        None => "-".into(),
        Some(seconds) if seconds < 1e-3 => format!("{:.1} µs", seconds * 1e6),
        Some(seconds) => format!("{:.2} ms", seconds * 1e3),
    }
}

fn ratio(of: Option<f64>, to: Option<f64>) -> String {
    match of.zip(to) {
        None => "-".into(),
        Some((of, to)) => format!("{:.2} ×", of / to),
    }
}
