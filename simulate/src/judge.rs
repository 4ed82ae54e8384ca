//! The judge: compares what the host reports with what has truly happened on the board.

use std::time::Duration;

use belay_runtime::{Error, ErrorKind};
use tokio::time::Instant;

use crate::bench::Bench;
use crate::board::{Background, EVENTS};
use crate::calls::{Call, Given, What, says_not_run};
use crate::host::{self, LONG};
use crate::keeping::{Done, Pocket};
use crate::outcome::Outcome;
use crate::run::FIRST_DEED;
use crate::schedule::{Flavour, Schedule, Trouble};

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The outcome; `None` if the call did not end.
    pub(crate) given: Option<Given>,
    pub(crate) took: Duration,
    pub(crate) at: Instant,
}

/// How soon the board has to end a call that was dropped.
const MERCY: Duration = Duration::from_secs(1);

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

/// Checks that the board ends dropped calls soon, where nothing else goes wrong.
pub(crate) fn dropped(bench: &Bench, schedule: &Schedule, ended: &[Ended], outcome: &mut Outcome) {
    let deaf = schedule.calls.iter().any(|(_, call)| call.is_deaf());
    if !schedule.is_calm() || deaf || bench.witness.facts().boots > 1 {
        return;
    }
    let of_network = schedule
        .line
        .losses
        .map_or(Duration::ZERO, |_| schedule.line.takes());
    let facts = bench.witness.facts();
    for ((_, call), dropped) in schedule.calls.iter().zip(ended) {
        let (Some(Given::Dropped), Some(begun)) = (&dropped.given, facts.begun.get(&call.id)) else {
            continue;
        };
        let end = facts.ended.get(&call.id).copied();
        let end = end.unwrap_or_else(Instant::now);
        let cleaned_up = match call.what {
            What::Tidy(n) => Duration::from_millis(u64::from(n)),
            _ => Duration::ZERO,
        };
        let late = end.saturating_duration_since(dropped.at.max(*begun));
        // A Ctrl-C that was lost or came too early is followed by another in half of the time for that.
        let limit = MERCY + schedule.deadlines.interrupt / 2 + cleaned_up + of_network;
        if late > limit {
            outcome.is_wrong(format!(
                "nobody waited for call {}, and it went on for {late:?}",
                call.id
            ));
        }
    }
}

fn right(call: &Call, printed: Option<&[u8]>, bench: &Bench, schedule: &Schedule, outcome: &mut Outcome) {
    let ran = bench.witness.facts().ran.get(&call.id).copied();
    if ran != Some(1) {
        outcome.is_wrong(format!("call {} gave its result and ran {ran:?} times", call.id));
    }
    let Some(printed) = printed else { return };
    // Over the raw REPL, a series of Ctrl-Cs also interrupts what runs between two calls, and the REPL prints
    // that.
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
    let own = without_threads(whole_of(&String::from_utf8_lossy(printed)));
    if own != wanted {
        outcome.is_wrong(format!(
            "call {} printed {wanted:?} and was given {own:?}",
            call.id
        ));
    }
}

/// The output without the end of a thread's text that began before it, and without the beginning of one that
/// ends after it.
fn whole_of(text: &str) -> &str {
    let digits = |text: &'_ str| text.bytes().take_while(u8::is_ascii_digit).count();
    let behind = &text[digits(text)..];
    let begun = behind.strip_prefix('~').unwrap_or(behind);
    let begun = begun.strip_prefix("\r\n").or_else(|| begun.strip_prefix('\n'));
    let text = begun.unwrap_or(text);
    match text.rfind("\r\n").map_or(0, |at| at + 2) {
        last if text[last..].starts_with('~') => &text[..last],
        _ => text,
    }
}

/// The output without what threads print.
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

/// Whether what was done with objects gave what it has to, or an error that may be.
pub(crate) fn deeds(bench: &Bench, schedule: &Schedule, done: &[Done], outcome: &mut Outcome) {
    for (done, id) in done.iter().zip(FIRST_DEED..) {
        match done {
            Done::Well => {}
            Done::Wrong(what) => outcome.is_wrong(format!("call {id} gave {what}")),
            Done::Failed(error) => {
                let call = Call::plain(id, What::Add(0, 0), LONG);
                error_of(&call, error, bench, schedule, outcome);
            }
        }
    }
}

/// The objects that stay on the board are those that somebody has.
pub(crate) fn objects(bench: &Bench, pocket: &Pocket, outcome: &mut Outcome) {
    let facts = bench.witness.facts();
    let (stay, gone) = (facts.objects.clone(), facts.gone.clone());
    drop(facts);
    if !gone.is_empty() {
        outcome.is_wrong(format!(
            "the objects {gone:?} were let go while somebody had them"
        ));
    }
    let held = pocket.held();
    if bench.was_reset() || stay == held {
        return;
    }
    let gone: Vec<_> = held.difference(&stay).collect();
    let left: Vec<_> = stay.difference(&held).collect();
    outcome.is_wrong(format!(
        "the objects {gone:?} are gone that somebody has, and {left:?} stay that nobody has"
    ));
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
        // A line that loses much at once cannot be told from a body that has read it; nor can a byte, where it costs all of
        // a question and is lost just when what ran has ended.
        // Far away several questions are on their way at a time, and a byte may be lost of each.
        ErrorKind::LineRead => {
            let far = schedule.line.losses.is_some();
            schedule.loses_much() || (schedule.types_questions() || far) && !schedule.is_clean()
        }
        _ => false,
    };
    if !truthful {
        outcome.is_wrong(format!("call {} gave {error:?}", call.id));
    }
    // Far away a long call may need more turns than there is time for.
    let slow = schedule.line.losses.is_some() && matches!(error.kind(), ErrorKind::Timeout { .. });
    let patient = schedule.calls.iter().all(|(_, call)| call.is_patient());
    if schedule.is_calm() && patient && !slow && !bench.was_reset() {
        outcome.is_wrong(format!("nothing was wrong, and call {} gave {error}", call.id));
    }
}

fn vanishes(schedule: &Schedule) -> bool {
    let vanishes = |trouble: &Trouble| matches!(trouble, Trouble::Vanish(_));
    schedule.troubles.iter().any(|(_, trouble)| vanishes(trouble))
}

/// Whether the link may have ended in the way that the error says.
pub(crate) fn may_be_over(error: &Error, bench: &Bench, schedule: &Schedule) -> bool {
    match error.kind() {
        ErrorKind::Reset => bench.was_reset(),
        ErrorKind::Closed => schedule.hangs_up(),
        ErrorKind::Disconnected(_) => bench.was_reset() || vanishes(schedule) || schedule.resets(),
        ErrorKind::FateUnknown(_) | ErrorKind::Transport(_) => vanishes(schedule),
        _ => false,
    }
}

/// Checks that every call ends within its deadlines. A call that waits for others may take as long as they
/// do, too.
fn in_time(schedule: &Schedule, ended: &[Ended], outcome: &mut Outcome) {
    let deadlines = &schedule.deadlines;
    let coming_back = deadlines.interrupt + deadlines.resync;
    let of_line = schedule.line.takes();
    let clean = schedule.is_clean();
    let limit = |call: &Call| {
        let consumer = call.consumer * if let What::Items(n, _) = call.what { n } else { 0 };
        call.deadline * (1 + call.signs_of_life(clean))
            + coming_back
            + of_line
            + consumer
            + call.kept_waiting()
    };
    let aside = if schedule.is_calm() {
        Duration::ZERO
    } else {
        deadlines.reset + deadlines.close * 3
    };
    // Between calls, threads are handed their answers, and the host asks how many events were sent.
    let others = schedule.settles.as_ref().map_or(0, Vec::len) + schedule.threads_that_ask();
    // What is dropped is given back behind each.
    let others = others + 2 * schedule.deeds.len();
    let aside = aside + (LONG + coming_back) * u32::try_from(others).unwrap_or(0);
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
            // Ending a dropped call delays the next one.
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

/// Whether nothing gets lost, and the board has started only once.
fn is_quiet(schedule: &Schedule, boots: u32) -> bool {
    schedule.is_clean() && !schedule.resets() && !schedule.hangs_up() && boots == 1
}

/// Checks what was received from the board, and how often everything ran.
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
    if !is_quiet(schedule, facts.boots) || heard.overflow > 0 {
        return;
    }
    let due = facts.told.iter().skip(bench.told_before).map(u32::to_string);
    if !heard.told.ends_with(&due.collect::<Vec<_>>()) {
        outcome.is_wrong(format!(
            "the board told {:?}, and was heard to tell {:?}",
            facts.told, heard.told
        ));
    }
    if schedule.flavour == Flavour::Agent {
        let printed = String::from_utf8_lossy(&heard.printed);
        let rest = without_marks(&without_threads(&printed));
        // What comes late comes all at once, and then an empty line of the prompt's may be taken for one of a thread's.
        let rest = match schedule.line.losses {
            Some(_) => rest.trim_end_matches("\r\n"),
            None => &rest,
        };
        if !rest.is_empty() {
            outcome.is_wrong(format!("nobody has printed {rest:?} of {printed:?}"));
        }
    }
}

/// Checks that each question was answered once, and that each asker got the answer to its own question.
pub(crate) fn questions(bench: &Bench, schedule: &Schedule, outcome: &mut Outcome) {
    for ((call, nth), times) in bench.ears.answers.counts().iter() {
        if *times > 1 {
            outcome.is_wrong(format!("question {nth} of {call} was answered {times} times"));
        }
    }
    let facts = bench.witness.facts();
    for (call, answer) in &facts.answers {
        let asked = schedule.background.iter().find_map(|(_, what)| match what {
            Background::Ask(query) if query.call == *call => Some(query.nth),
            _ => None,
        });
        let right = asked.map(|nth| host::answer(*call, nth).to_string());
        let said = answer.trim_matches(['j', 'x', '"', ' ']);
        if right.as_deref() != Some(said) {
            outcome.is_wrong(format!(
                "thread {call} was answered {answer:?} instead of {right:?}"
            ));
        }
    }
    if facts.waiting > 0 && is_quiet(schedule, facts.boots) {
        outcome.is_wrong(format!("{} threads wait for their answers", facts.waiting));
    }
}

/// Checks that the events that were received are those that were sent, in order, and that lost ones are
/// reported where they are missing.
pub(crate) fn events(bench: &Bench, schedule: &Schedule, settled: bool, outcome: &mut Outcome) {
    let settled = settled && !bench.was_reset();
    let facts = bench.witness.facts();
    let ears = bench.ears.heard();
    let last = ears.len().saturating_sub(EVENTS.len());
    for (at, ear) in ears.iter().enumerate() {
        let told = facts.events.get(&ear.token).map_or(&[][..], Vec::as_slice);
        let heard = match ear.take() {
            Ok(heard) => heard,
            Err(what) => {
                outcome.is_wrong(format!("instead of an event came {what}"));
                continue;
            }
        };
        let same = heard.len() <= told.len() && { heard.iter().zip(told) }
            .all(|(heard, told)| heard.is_none_or(|heard| heard == *told));
        let all = !(settled && at >= last) || heard.len() == told.len();
        let lossless = !heard.contains(&None) || facts.interrupts > 0 || !is_quiet(schedule, facts.boots);
        if !(same && all && lossless) {
            outcome.is_wrong(format!("the events {told:?} were told, and heard as {heard:?}"));
        }
    }
}

/// The output without what calls print.
fn without_marks(text: &str) -> String {
    let lines = text.split_inclusive("\r\n");
    let is_mark = |line: &&str| line.starts_with('<') && line.ends_with(">\r\n");
    lines.filter(|line| !is_mark(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_print_is_taken_out_whole_or_not() {
        for (text, own) in [
            ("<1:0>\r\n~12~\r\n<1:1>\r\n", "<1:0>\r\n<1:1>\r\n"),
            ("2~\r\n<1:0>\r\n~1", "<1:0>\r\n"),
            ("~\r\n<1:0>\r\n", "<1:0>\r\n"),
            ("\r\n<1:0>\r\n~12~\r", "<1:0>\r\n"),
            ("~1~\r\n", ""),
            ("2~\r\n", ""),
            ("strange", "strange"),
        ] {
            assert_eq!(without_threads(whole_of(text)), own, "{text:?}");
        }
    }
}
