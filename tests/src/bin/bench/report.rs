//! The rows of all rounds, and the table that they become.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::host::Row;

/// What was measured of one thing in one round, in seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Summary {
    who: String,
    what: String,
    median: f64,
    min: f64,
    p99: f64,
    n: usize,
}

const ROWS: [&str; 8] = [
    "echo",
    "connect",
    "call",
    "print",
    "list",
    "bytes_down",
    "bytes_up",
    "stream",
];

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    json: bool,
    summaries: Vec<Summary>,
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            summaries: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds what a round gave, or why it gave nothing.
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

    /// Adds what a reader has to know beside the numbers.
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
            "{title:12}{:>11}{:>11}{:>11}{:>11}{:>11}  {:>12}{:>13}{:>15}",
            "floor",
            "agent",
            "raw REPL",
            "Belay/Py",
            "mpremote",
            "agent/floor",
            "Belay/agent",
            "mpremote/agent"
        );
        for what in ROWS {
            let of = |who| self.median(who, what);
            let (agent, raw, belay, mpremote) =
                (of("agent"), of("raw-repl"), of("belay-python"), of("mpremote"));
            println!(
                "{what:12}{:>11}{:>11}{:>11}{:>11}{:>11}  {:>12}{:>13}{:>15}",
                time(floor),
                time(agent),
                time(raw),
                time(belay),
                time(mpremote),
                ratio(agent, floor),
                ratio(belay, agent),
                ratio(mpremote, agent)
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
