//! What a host and the model of a board say to each other in calls that are always the same, so that a real board can be
//! asked the same things, and held against the model.

use std::sync::Arc;
use std::time::Duration;

use belay_runtime::link::Link;
use tokio::time::sleep;

use crate::bench::Bench;
use crate::board::EVENTS;
use crate::calls::{Call, DEPLOYED, Given, What};
use crate::choices::Choices;
use crate::host::{Ears, LONG};
use crate::line::{Fault, Faults, Nature};
use crate::run::{in_virtual_time, learn_all};
use crate::schedule::{Flavour, Schedule};
use crate::trace::{Passed, Way};

/// What the functions of the model are on a real board.
pub(crate) const FUNCTIONS: &str = include_str!("by_rote.py");
/// Those that a board with a few kilobytes has room for.
pub(crate) const OLD_FUNCTIONS: &str = include_str!("by_rote_old.py");

/// Everything that goes over a line without faults but those that are put there on purpose, from connecting to closing.
/// The board is like MicroPython's unix port.
///
/// # Panics
///
/// When a call gives anything but what it has to give.
pub fn by_rote(flavour: Flavour) -> Vec<Passed> {
    learn_all();
    let mut schedule = Schedule::untroubled(1, flavour);
    schedule.background.clear();
    schedule.line = Nature {
        latency: Duration::ZERO,
        speed: None,
        ..schedule.line
    };
    schedule.board.window = (flavour != Flavour::Old).then_some(128);
    schedule.board.loads = !matches!(flavour, Flavour::Old | Flavour::Flushing);
    schedule.board.slowness = 0;
    schedule.asks = flavour.asks();
    schedule.settles = (!flavour.is_small()).then(Vec::new);
    in_virtual_time(1, async {
        let mut bench = Bench::new(&schedule, false);
        // It has started long ago.
        sleep(Duration::from_secs(1)).await;
        bench.line.keep();
        let old = flavour == Flavour::Old;
        bench.functions = Some(if old { OLD_FUNCTIONS } else { FUNCTIONS });
        bench.deployed = if old { 2 } else { DEPLOYED.len() };
        // In what order a board counts several it alone knows.
        bench.ears = Arc::new(Ears::hearing(&EVENTS[..1]));
        let link = bench.connect().await.expect("a link");
        if old {
            ask_a_little(&bench, &link).await;
        } else {
            ask_everything(&bench, &link).await;
        }
        if schedule.asks {
            have_it_ask(&bench, &link, flavour == Flavour::Flushing).await;
        }
        if bench.tells {
            have_it_tell(&bench, &link).await;
        }
        link.close().await.expect("an end");
        bench.line.take_kept()
    })
}

fn text(length: usize) -> String {
    "abcdefgh".chars().cycle().take(length).collect()
}

/// What an old board has room for.
async fn ask_a_little(bench: &Bench, link: &Link) {
    let calls = [
        What::Add(40, 2),
        What::Size(text(3), true),
        What::Size(text(90), false),
        What::Fail(5),
        What::Items(0, 0),
        What::Items(5, 0),
        What::Statement,
    ];
    for (id, what) in (1..).zip(calls) {
        give(bench, link, &Call::plain(id, what, LONG)).await;
    }
}

async fn ask_everything(bench: &Bench, link: &Link) {
    let calls = [
        What::Add(40, 2),
        What::Add(-7, 7),
        What::Size(text(3), true),
        What::Size(text(90), true),
        What::Size(text(200), false),
        What::Numbers(30),
        What::Data(20),
        What::Data(2000),
        What::Array(30),
        What::Array(90),
        What::Fail(5),
        What::Items(0, 0),
        What::Items(100, 0),
        What::Say(3),
        What::Statement,
        What::Spin(30),
    ];
    for (id, what) in (1..).zip(calls) {
        give(bench, link, &Call::plain(id, what, LONG)).await;
    }
    // A line that is damaged is refused, and sent again.
    // What another name makes of a source for the small agent, which looks for exceptions itself, the model does not know: there
    // it is a parenthesis that is lost.
    let lost = if bench.small { 8 } else { 20 };
    let faults = [(2, Fault::Flip), (lost, Fault::Drop), (31, Fault::Repeat)];
    for (id, (at, fault)) in (30..).zip(faults) {
        let faults = Faults::once(vec![(at, fault)], Choices::seeded(1));
        bench.line.spoil(Way::ToBoard, faults);
        give(bench, link, &Call::plain(id, What::Add(1, 1), LONG)).await;
        bench.line.heal();
    }
    // One that is interrupted says so, and the next one is served.
    let mut dropped = Call::plain(40, What::Spin(5_000), LONG);
    dropped.cancel = Some(Duration::from_millis(300));
    assert!(matches!(dropped.make(link, bench.small).await, Given::Dropped));
    give(bench, link, &Call::plain(41, What::Add(2, 2), LONG)).await;
}

/// What the host is asked: with answers at once and later, short ones and long ones, failures, and an answer that is damaged.
async fn have_it_ask(bench: &Bench, link: &Link, small_stack: bool) {
    let calls = [What::Ask(5, 0), What::Ask(2, 40), What::Asked(4, 0)];
    for (id, what) in (50..).zip(calls) {
        give(bench, link, &Call::plain(id, what, LONG)).await;
    }
    // It is of the answer, which comes behind the call.
    let faults = Faults::once(vec![(130, Fault::Flip)], Choices::seeded(1));
    bench.line.spoil(Way::ToBoard, faults);
    give(bench, link, &Call::plain(60, What::Ask(1, 0), LONG)).await;
    bench.line.heal();
    if small_stack {
        // Its stack is too small for that.
        return;
    }
    // What stands behind a call that asks is refused, however long it is, and sent again.
    for (id, length) in [(61, 3), (63, 200)] {
        let asks = Call::plain(id, What::Ask(1, 0), LONG);
        let behind = Call::plain(id + 1, What::Size(text(length), false), LONG);
        tokio::join!(give(bench, link, &asks), give(bench, link, &behind));
    }
}

/// What the host is told, and how much that was.
async fn have_it_tell(bench: &Bench, link: &Link) {
    give(bench, link, &Call::plain(70, What::Emit(3), LONG)).await;
    assert!(bench.ears.settle(link).await);
}

async fn give(bench: &Bench, link: &Link, call: &Call) {
    let given = call.make(link, bench.small).await;
    assert!(matches!(given, Given::Right(_)), "{call:?} gave {given:?}");
}
