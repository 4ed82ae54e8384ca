//! Whether what the host says is so: held against what has truly happened on the board.

use std::time::Duration;

use belay_runtime::{Error, ErrorKind};

use crate::calls::{Call, Given, What, says_not_run};
use crate::run::{Bench, Outcome};
use crate::schedule::{Flavour, Schedule, Trouble};

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What it gave; nothing if it did not end.
    pub(crate) given: Option<Given>,
    pub(crate) took: Duration,
}

pub(crate) fn calls(bench: &Bench, schedule: &Schedule, ended: &[Ended], outcome: &mut Outcome) {
    for ((_, call), ended) in schedule.calls.iter().zip(ended) {
        match &ended.given {
            None => outcome.is_hung(format!("call {} did not end", call.id)),
            Some(Given::Wrong(what)) => outcome.is_wrong(format!("call {} gave {what}", call.id)),
            Some(Given::Error(error)) => error_of(call, error, bench, schedule, outcome),
            Some(Given::Right(printed)) => right(call, printed.as_deref(), bench, schedule, outcome),
            Some(Given::Dropped) => {}
        }
    }
    in_time(schedule, ended, outcome);
}

fn right(call: &Call, printed: Option<&[u8]>, bench: &Bench, schedule: &Schedule, outcome: &mut Outcome) {
    let ran = bench.witness.facts().ran.get(&call.id).copied();
    if ran != Some(1) {
        outcome.is_wrong(format!("call {} gave its result and ran {ran:?} times", call.id));
    }
    let Some(printed) = printed else { return };
    // Over the raw REPL a flood of Ctrl-C also ends what is between two calls, which the REPL then says.
    let flood = schedule.calls.iter().any(|(_, call)| call.keeps_board());
    if !schedule.is_clean() || flood && schedule.flavour != Flavour::Agent {
        return;
    }
    let mut wanted = String::new();
    if let What::Say(n) = call.what {
        for at in 0..n {
            wanted.extend(format!("<{}:{at}>\r\n", call.id).chars());
        }
    }
    let own = without_threads(&String::from_utf8_lossy(printed));
    if own != wanted {
        outcome.is_wrong(format!(
            "call {} printed {wanted:?} and was given {own:?}",
            call.id
        ));
    }
}

/// What is left of an output without what threads print.
fn without_threads(text: &str) -> String {
    let mut pieces = text.split('~');
    let mut left = pieces.next().unwrap_or_default().to_owned();
    while let (Some(number), Some(rest)) = (pieces.next(), pieces.next()) {
        if number.parse::<u32>().is_err() {
            left.push_str(number);
        }
        left.push_str(rest.strip_prefix("\r\n").unwrap_or(rest));
    }
    left
}

fn error_of(call: &Call, error: &Error, bench: &Bench, schedule: &Schedule, outcome: &mut Outcome) {
    let ran = bench.witness.facts().ran.get(&call.id).copied().unwrap_or(0);
    if says_not_run(error) && ran > 0 {
        outcome.is_wrong(format!(
            "call {} ran, and it is said that it was not sent: {error}",
            call.id
        ));
    }
    let truthful = match error.kind() {
        ErrorKind::Reset => bench.was_reset(),
        ErrorKind::Closed => schedule.hangs_up(),
        ErrorKind::Timeout { .. }
        | ErrorKind::Unresponsive { .. }
        | ErrorKind::Interrupted
        | ErrorKind::FateUnknown(_) => true,
        ErrorKind::Disconnected(_) => bench.was_reset() || vanishes(schedule) || schedule.resets(),
        ErrorKind::Transport(_) => vanishes(schedule),
        // A line that loses the beginning of something cannot be told from a body that has read it.
        ErrorKind::LineRead => !schedule.is_clean(),
        _ => false,
    };
    if !truthful {
        outcome.is_wrong(format!("call {} gave {error:?}", call.id));
    }
    if schedule.is_calm() && schedule.calls.iter().all(|(_, call)| call.is_patient()) && !bench.was_reset() {
        outcome.is_wrong(format!("nothing was wrong, and call {} gave {error}", call.id));
    }
}

fn vanishes(schedule: &Schedule) -> bool {
    let vanishes = |trouble: &Trouble| matches!(trouble, Trouble::Vanish(_));
    schedule.troubles.iter().any(|(_, trouble)| vanishes(trouble))
}

/// Whether the link may be at its end, as the error says that it is.
pub(crate) fn may_be_over(error: &Error, bench: &Bench, schedule: &Schedule) -> bool {
    match error.kind() {
        ErrorKind::Reset => bench.was_reset(),
        ErrorKind::Closed => schedule.hangs_up(),
        ErrorKind::Disconnected(_) => bench.was_reset() || vanishes(schedule) || schedule.resets(),
        ErrorKind::FateUnknown(_) | ErrorKind::Transport(_) => vanishes(schedule),
        _ => false,
    }
}

/// Every call ends within its deadlines. One that waits for others may take as long as they do.
fn in_time(schedule: &Schedule, ended: &[Ended], outcome: &mut Outcome) {
    let deadlines = &schedule.deadlines;
    let coming_back = deadlines.interrupt + deadlines.resync;
    let of_line = schedule.line.latency * 20
        + match schedule.line.speed {
            Some(_) => Duration::from_secs(3),
            None => Duration::from_millis(700),
        };
    let limit = |call: &Call| {
        let consumer = call.consumer * if let What::Items(n, _) = call.what { n } else { 0 };
        call.deadline * (1 + call.signs_of_life()) + coming_back + of_line + consumer
    };
    let aside = if schedule.is_calm() {
        Duration::ZERO
    } else {
        deadlines.reset + deadlines.close * 3
    };
    let mut before = Duration::ZERO;
    for ((_, call), ended) in schedule.calls.iter().zip(ended) {
        if schedule.in_turn {
            let allowed = limit(call) + before + aside;
            if ended.took > allowed {
                outcome.is_hung(format!(
                    "call {} ended after {:?} instead of {allowed:?}",
                    call.id, ended.took
                ));
            }
            // What nobody waits for any more is ended at the cost of what comes next.
            let left = !matches!(ended.given, Some(Given::Right(_))) || matches!(call.what, What::Items(..));
            before = if left {
                coming_back * 2 + deadlines.resync
            } else {
                Duration::ZERO
            };
        }
    }
    if !schedule.in_turn {
        let allowed: Duration = schedule
            .calls
            .iter()
            .map(|(_, call)| limit(call) + deadlines.resync)
            .sum();
        let allowed = allowed + aside;
        for ((_, call), ended) in schedule.calls.iter().zip(ended) {
            if ended.took > allowed {
                outcome.is_hung(format!(
                    "call {} ended after {:?} instead of {allowed:?}",
                    call.id, ended.took
                ));
            }
        }
    }
}

/// What was heard of the board, and how often everything ran.
pub(crate) fn board(bench: &Bench, schedule: &Schedule, outcome: &mut Outcome) {
    let facts = bench.witness.facts();
    for (call, times) in &facts.ran {
        if *times > 1 {
            outcome.is_wrong(format!("call {call} ran {times} times"));
        }
    }
    let heard = bench.heard.get();
    let mut told = facts.told.iter();
    for number in &heard.told {
        if !told.any(|told| told.to_string() == *number) {
            outcome.is_wrong(format!(
                "the board told {:?}, and was heard to tell {:?}",
                facts.told, heard.told
            ));
            break;
        }
    }
    let quiet = schedule.is_clean() && !schedule.resets() && !schedule.hangs_up() && facts.boots == 1;
    if !quiet || heard.overflow > 0 {
        return;
    }
    if heard.told.len() != facts.told.len() {
        outcome.is_wrong(format!(
            "the board told {:?}, and was heard to tell {:?}",
            facts.told, heard.told
        ));
    }
    if schedule.flavour == Flavour::Agent {
        let rest = without_marks(&without_threads(&String::from_utf8_lossy(&heard.printed)));
        if !rest.is_empty() {
            outcome.is_wrong(format!("nobody has printed {rest:?}"));
        }
    }
}

/// What is left of an output without what calls print.
fn without_marks(text: &str) -> String {
    let lines = text.split_inclusive("\r\n");
    let is_mark = |line: &&str| line.starts_with('<') && line.ends_with(">\r\n");
    lines.filter(|line| !is_mark(line)).collect()
}
