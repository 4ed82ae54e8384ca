//! One run of a schedule: the real link against the model of a board, from connecting to a last call over a
//! repaired line.

use std::sync::Arc;
use std::time::Duration;

use belay_runtime::link::Link;
use belay_runtime::{Error, ErrorKind};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::bench::Bench;
use crate::board::learn;
use crate::calls::{Call, Given, What};
use crate::choices::Choices;
use crate::host::LONG;
use crate::judge::{self, Ended};
use crate::keeping::{Deed, Done, Pocket};
use crate::line::Line;
use crate::outcome::Outcome;
use crate::schedule::{FLAVOURS, Flavour, Schedule, Trouble};

/// After this time, something counts as hung instead of late.
const HUNG: Duration = Duration::from_secs(600);
/// The number of the first call that does something with objects.
pub(crate) const FIRST_DEED: u32 = 2_000;
/// The same once nothing is wrong any more.
const LATE_DEED: u32 = 3_000;

/// Runs the schedule of a seed: for any flavour, or for the given one.
pub fn run(seed: u64, only: Option<Flavour>, shown: bool) -> Outcome {
    run_choices(&mut Choices::seeded(seed), seed, only, shown)
}

/// Runs what follows from a seed with a board far away: 50 ms there and as much back, over a network that loses packets.
pub fn run_far(seed: u64, only: Option<Flavour>, shown: bool) -> Outcome {
    run_drawn(&mut Choices::seeded(seed), seed, only, true, shown)
}

/// The same, at hand or far away, without objects that stay on the board. They are drawn after everything else: so a seed
/// that showed a fault before there were any still stands for the same schedule.
///
/// # Panics
///
/// When the system has no resources left for a runtime.
pub fn run_without_objects(seed: u64, only: Option<Flavour>, far: bool) -> Outcome {
    learn_all();
    let mut schedule = Schedule::drawn(&mut Choices::seeded(seed), only, far);
    schedule.deeds.clear();
    in_virtual_time(seed, conduct(schedule, false))
}

/// Runs the schedule that these choices make.
///
/// # Panics
///
/// When the system has no resources left for a runtime.
pub fn run_choices(choices: &mut Choices, seed: u64, only: Option<Flavour>, shown: bool) -> Outcome {
    run_drawn(choices, seed, only, false, shown)
}

fn run_drawn(choices: &mut Choices, seed: u64, only: Option<Flavour>, far: bool, shown: bool) -> Outcome {
    learn_all();
    let schedule = Schedule::drawn(choices, only, far);
    in_virtual_time(seed, conduct(schedule, shown))
}

/// Lets the model learn, once, the sources that hosts send.
pub(crate) fn learn_all() {
    learn(learn_sources);
}

/// Runs this on a clock that stands still while there is anything to do.
pub(crate) fn in_virtual_time<T>(seed: u64, what: impl Future<Output = T>) -> T {
    belay_runtime::random::seed_this_thread(Some(seed));
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let given = runtime.expect("a runtime can be made").block_on(what);
    belay_runtime::random::seed_this_thread(None);
    given
}

/// Lets the model learn all that hosts send in order to connect and to look for the agent.
fn learn_sources() {
    for (flavour, loads) in FLAVOURS
        .into_iter()
        .flat_map(|flavour| [(flavour, false), (flavour, true)])
    {
        let mut schedule = Schedule::untroubled(0, flavour);
        schedule.board.loads = loads;
        in_virtual_time(0, async {
            let mut bench = Bench::new(&schedule, false);
            bench.connect().await.expect("a clean connection");
            // After a reset the host looks for the agent again.
            bench.line.press_reset();
            sleep(Duration::from_secs(1)).await;
            if let Some(link) = bench.link.take() {
                let call = Call::plain(1, What::Add(1, 2), LONG);
                let _ = call.make(&link, flavour.is_small()).await;
                let _ = link.close().await;
            }
        });
    }
}

async fn conduct(schedule: Schedule, shown: bool) -> Outcome {
    let mut outcome = Outcome {
        scenario: describe(&schedule),
        ..Outcome::default()
    };
    let mut stands_still = false;
    let mut bench = Bench::new(&schedule, shown);
    let line = bench.line.clone();
    line.note(&outcome.scenario);
    tokio::select! {
        biased;
        () = take_course(&mut bench, &schedule, &mut outcome) => {}
        () = line.time_stands_still() => stands_still = true,
    }
    if stands_still {
        outcome.is_hung("something goes on and on, and no time passes".to_owned());
    }
    outcome.digest = line.digest();
    outcome
}

/// Runs the whole schedule, and judges it.
async fn take_course(bench: &mut Bench, schedule: &Schedule, outcome: &mut Outcome) {
    let connected = if schedule.early {
        connect_badly(bench, schedule).await
    } else {
        Some(bench.connect().await)
    };
    let mut ended = Vec::new();
    match connected {
        Some(Ok(link)) => {
            let done;
            (ended, done) = work(bench, schedule, &link).await;
            bench.line.heal();
            bench.line.note(&"nothing is wrong any more");
            judge::calls(bench, schedule, &ended, outcome);
            match done {
                Some(done) => judge::deeds(bench, schedule, &done, outcome),
                None => outcome.is_hung("what is done with objects did not end".to_owned()),
            }
        }
        Some(Err(_)) if schedule.early => bench.line.heal(),
        Some(Err(error)) => outcome.is_lost(format!("cannot connect: {error}")),
        None => outcome.is_hung("connecting does not end".to_owned()),
    }
    afterwards(bench, schedule, outcome).await;
    let pocket = bench.pocket.clone().filter(|_| outcome.is_good());
    if let Some(pocket) = pocket.clone() {
        let deeds = [Deed::Make(3, None), Deed::Ask(2), Deed::Drop(1)];
        let deeds = deeds.map(|deed| (Duration::ZERO, deed)).to_vec();
        for done in do_with_objects(pocket, bench.line.clone(), deeds, LATE_DEED).await {
            if !matches!(done, Done::Well) {
                outcome.is_lost(format!("what is done with objects afterwards gave {done:?}"));
            }
        }
    }
    // By then threads have told everything, and the line has brought it.
    sleep(Duration::from_secs(5)).await;
    let settled = match &bench.link {
        Some(link) if bench.tells => bench.ears.settle(link).await,
        _ => false,
    };
    if let Some(pocket) = pocket {
        pocket.release().await;
        judge::objects(bench, &pocket, outcome);
    }
    judge::board(bench, schedule, outcome);
    judge::questions(bench, schedule, outcome);
    judge::events(bench, schedule, settled, outcome);
    judge::dropped(bench, schedule, &ended, outcome);
}

fn describe(schedule: &Schedule) -> String {
    use std::fmt::Write as _;
    let mut text = schedule.flavour.name().to_owned();
    if schedule.line.losses.is_some() {
        text.push_str(", far away");
    }
    if schedule.in_turn {
        text.push_str(", in turn");
    }
    for (after, call) in &schedule.calls {
        let what = format!("{:?}", call.what);
        let _ = write!(
            text,
            "; {after:?} {}: {what:.40} within {:?}",
            call.id, call.deadline
        );
        if let Some(cancel) = call.cancel {
            let _ = write!(text, " dropped after {cancel:?}");
        }
        if let Some(items) = call.items {
            let _ = write!(text, " dropped after {items} items");
        }
    }
    for (after, deed) in &schedule.deeds {
        let _ = write!(text, "; {after:?} {deed:?}");
    }
    for (after, trouble) in &schedule.troubles {
        let _ = match trouble {
            Trouble::Spoil(way, faults) => match faults.rate {
                Some(rate) => write!(text, "; {after:?} {way:?} one in {rate}: {:?}", faults.kinds),
                None => write!(text, "; {after:?} {way:?} {:?}", faults.once),
            },
            other => write!(text, "; {after:?} {other:?}"),
        };
    }
    if schedule.early {
        let _ = write!(text, "; from the beginning, {:?}", schedule.reset_on_connect);
    }
    text
}

/// Connects while the line has faults already, and while other troubles happen as well.
async fn connect_badly(bench: &mut Bench, schedule: &Schedule) -> Option<Result<Link, Error>> {
    let mut troubles = JoinSet::new();
    for (after, trouble) in schedule.troubles.clone() {
        if let Trouble::Spoil(way, faults) = trouble {
            bench.line.spoil(way, faults);
        } else {
            let cable = bench.line.clone();
            troubles.spawn(async move {
                sleep(after).await;
                cable.note(&format_args!("{trouble:?}"));
                trouble_line(&cable, trouble).await;
            });
        }
    }
    let connected = timeout(HUNG, bench.connect()).await.ok();
    troubles.shutdown().await;
    bench.line.mend();
    bench.line.appear();
    connected
}

/// Makes the calls, and lets go wrong what is to go wrong. Gives what became of the calls, and of what was done with objects.
async fn work(bench: &Bench, schedule: &Schedule, link: &Link) -> (Vec<Ended>, Option<Vec<Done>>) {
    let mut troubles = JoinSet::new();
    let mut done = None;
    for (after, trouble) in schedule.troubles.clone() {
        let (cable, link) = (bench.line.clone(), link.clone());
        troubles.spawn(async move {
            sleep(after).await;
            cable.note(&format_args!("{trouble:?}"));
            make_trouble(&cable, &link, trouble).await;
        });
    }
    for after in schedule.settles.iter().flatten().copied() {
        let (link, ears) = (link.clone(), bench.ears.clone());
        troubles.spawn(async move {
            sleep(after).await;
            ears.settle(&link).await;
        });
    }
    if let Some(pocket) = bench.pocket.clone() {
        let (deeds, cable) = (schedule.deeds.clone(), bench.line.clone());
        let doing = do_with_objects(pocket, cable, deeds, FIRST_DEED);
        done = Some(tokio::spawn(doing));
    }
    let small = bench.small;
    let one = |after: Duration, call: Call| {
        let (link, cable) = (link.clone(), bench.line.clone());
        async move {
            sleep(after).await;
            let begun = Instant::now();
            cable.note(&format_args!("call {} is made: {:?}", call.id, call.what));
            let given = timeout(HUNG, call.make(&link, small)).await.ok();
            cable.note(&format_args!("call {} gave {given:?}", call.id));
            Ended {
                given,
                took: begun.elapsed(),
                at: Instant::now(),
            }
        }
    };
    let mut ended = Vec::new();
    if schedule.in_turn {
        for (after, call) in schedule.calls.clone() {
            ended.push(one(after, call).await);
        }
    } else {
        let calls = schedule.calls.iter().cloned();
        let calls: Vec<_> = calls
            .map(|(after, call)| tokio::spawn(one(after, call)))
            .collect();
        for call in calls {
            if let Ok(call) = call.await {
                ended.push(call);
            }
        }
    }
    let _ = timeout(HUNG, async { while troubles.join_next().await.is_some() {} }).await;
    let done = match done {
        Some(done) => timeout(HUNG, done).await.ok().and_then(Result::ok),
        None => Some(Vec::new()),
    };
    (ended, done)
}

/// Does one thing after the other with objects that stay on the board.
async fn do_with_objects(
    pocket: Arc<Pocket>,
    cable: Line,
    deeds: Vec<(Duration, Deed)>,
    first: u32,
) -> Vec<Done> {
    let mut all = Vec::new();
    for ((after, deed), id) in deeds.into_iter().zip(first..) {
        sleep(after).await;
        cable.note(&format_args!("call {id} is made: {deed:?}"));
        let done = pocket.perform(id, deed).await;
        cable.note(&format_args!("call {id} gave {done:?}"));
        all.push(done);
    }
    all
}

async fn make_trouble(cable: &Line, link: &Link, trouble: Trouble) {
    match trouble {
        // The calls show how this ended.
        Trouble::Reset(policy) => drop(link.reset(policy).await),
        Trouble::EndAll => link.end_all(),
        Trouble::Close => drop(link.close().await),
        of_line => trouble_line(cable, of_line).await,
    }
}

/// Applies a trouble of the line or the board, whether there is a link or not.
async fn trouble_line(cable: &Line, trouble: Trouble) {
    match trouble {
        Trouble::Spoil(way, faults) => cable.spoil(way, faults),
        Trouble::Cut(time) => {
            cable.cut();
            sleep(time).await;
            cable.mend();
        }
        Trouble::Press => cable.press_reset(),
        Trouble::Vanish(time) => {
            cable.vanish();
            sleep(time).await;
            cable.appear();
        }
        Trouble::Reset(_) | Trouble::EndAll | Trouble::Close => {}
    }
}

/// Makes a call over the repaired line; if the board or the port was lost, over a new connection.
async fn afterwards(bench: &mut Bench, schedule: &Schedule, outcome: &mut Outcome) {
    let begun = Instant::now();
    let busy = schedule.calls.iter().any(|(_, call)| call.keeps_board());
    for id in 1000..1100 {
        let Ok(connected) = timeout(HUNG, bench.connect()).await else {
            return outcome.is_hung("connecting afterwards does not end".to_owned());
        };
        let may_wait = busy && begun.elapsed() < Duration::from_secs(180);
        let link = match connected {
            Ok(link) => link,
            Err(_) if may_wait => continue,
            Err(error) => return outcome.is_lost(format!("cannot connect afterwards: {error}")),
        };
        let call = Call::plain(id, What::Add(i64::from(id), 1), LONG);
        bench.line.note(&format_args!("call {id} afterwards"));
        let Ok(given) = timeout(HUNG, call.make(&link, bench.small)).await else {
            return outcome.is_hung(format!("call {id} afterwards does not end"));
        };
        bench.line.note(&format_args!("call {id} gave {given:?}"));
        match given {
            Given::Right(_) => return,
            Given::Error(error) if judge::may_be_over(&error, bench, schedule) => bench.hang_up().await,
            Given::Error(error)
                if may_wait
                    && matches!(
                        error.kind(),
                        ErrorKind::Unresponsive { .. } | ErrorKind::Timeout { .. }
                    ) => {}
            // A board that restarts, perhaps twice, may take longer than the deadline for interrupting it.
            Given::Error(error)
                if id == 1000
                    && bench.was_reset()
                    && matches!(error.kind(), ErrorKind::Unresponsive { .. }) => {}
            Given::Error(error) if id == 1000 && matches!(error.kind(), ErrorKind::Interrupted) => {}
            Given::Error(error)
                if id == 1000
                    && (schedule.loses_much() || schedule.types_questions())
                    && matches!(error.kind(), ErrorKind::LineRead) => {}
            given => return outcome.is_lost(format!("call {id} afterwards gave {given:?}")),
        }
    }
    outcome.is_lost("no call works afterwards".to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{Fault, Faults, Nature};
    use crate::trace::{Passed, Way};

    #[test]
    fn a_board_that_still_answers_what_it_was_told_before_is_connected() {
        learn_all();
        let mut schedule = Schedule::untroubled(1, Flavour::Raw);
        // A line slow enough that events and answers take time on it.
        schedule.line = Nature {
            latency: Duration::ZERO,
            speed: Some(11),
            ..schedule.line
        };
        in_virtual_time(1, async {
            let mut bench = Bench::new(&schedule, false);
            sleep(Duration::from_secs(1)).await;
            let told = "\r\x01_belay['h']('')\x04".repeat(60);
            let nature = schedule.line;
            let told = told.as_bytes();
            bench.line.inner().to_board.send(told, Instant::now(), &nature);
            bench.connect().await.expect("a link");
        });
    }

    /// Connects over this line, and returns what went over it.
    fn connected(schedule: &Schedule, lost: Option<u64>) -> Vec<Passed> {
        in_virtual_time(1, async {
            let mut bench = Bench::new(schedule, false);
            sleep(Duration::from_secs(1)).await;
            if let Some(at) = lost {
                let faults = Faults::once(vec![(at, Fault::Drop)], Choices::seeded(1));
                bench.line.spoil(Way::ToHost, faults);
            }
            bench.line.keep();
            bench.connect().await.expect("a link");
            bench.line.take_kept()
        })
    }

    #[test]
    fn a_word_of_the_board_that_is_lost_while_it_is_sent_the_agent_costs_no_connection() {
        learn_all();
        let mut schedule = Schedule::untroubled(1, Flavour::Agent);
        schedule.board.window = Some(128);
        let said = connected(&schedule, None);
        let said: Vec<u8> = { said.into_iter() }
            .filter(|passed| passed.said_by_board)
            .flat_map(|passed| passed.bytes)
            .collect();
        // The bytes with which the board accepts raw-paste mode and extends its window.
        let words = said.iter().zip(0..).filter(|(byte, _)| **byte == 1);
        let lost: Vec<u64> = words.map(|(_, at)| at).collect();
        assert!(lost.len() > 20, "{}", said.escape_ascii());
        for at in lost {
            connected(&schedule, Some(at));
        }
    }
}
