//! A fixed sequence of calls, with what the host and the model of a board send each other, so that the same
//! bytes can be sent to a real board and its answers compared with the model's.

use std::sync::Arc;
use std::time::Duration;

use belay_runtime::link::Link;
use tokio::time::sleep;

use crate::bench::Bench;
use crate::board::EVENTS;
use crate::calls::{Call, DEPLOYED, Given, What};
use crate::choices::Choices;
use crate::host::{Ears, LONG};
use crate::keeping::{Deed, Done, Pocket};
use crate::line::{Fault, Faults, Nature};
use crate::run::{in_virtual_time, learn_all};
use crate::schedule::{Flavour, Schedule};
use crate::trace::{Passed, Way};

/// The source of the model's functions, for a real board.
pub(crate) const FUNCTIONS: &str = include_str!("by_rote.py");
/// The functions for which a board with a few kilobytes of memory has room.
pub(crate) const OLD_FUNCTIONS: &str = include_str!("by_rote_old.py");

/// Makes the fixed calls and returns everything that goes over the line, from connecting to closing. The line
/// has no faults except those that are planted here. The board is like MicroPython's unix port.
///
/// # Panics
///
/// When a call gives anything but the expected result.
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
    schedule.deeds = if flavour.is_small() {
        Vec::new()
    } else {
        vec![(Duration::ZERO, Deed::Drop(0))]
    };
    in_virtual_time(1, async {
        let mut bench = Bench::new(&schedule, false);
        // The board has finished starting by then.
        sleep(Duration::from_secs(1)).await;
        bench.line.keep();
        let old = flavour == Flavour::Old;
        bench.functions = Some(if old { OLD_FUNCTIONS } else { FUNCTIONS });
        bench.deployed = if old { 2 } else { DEPLOYED.len() };
        // Only one event, since the order in which a board counts several is its own affair.
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
        if let Some(pocket) = &bench.pocket {
            have_objects_stay(pocket).await;
        }
        link.close().await.expect("an end");
        bench.line.take_kept()
    })
}

fn text(length: usize) -> String {
    "abcdefgh".chars().cycle().take(length).collect()
}

/// The calls for which an old board has room.
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
    // A damaged line is refused and sent again. Over the raw REPL to the small agent, which handles
    // exceptions itself, a damaged byte could turn a name into another one, and the model does not know what
    // the board makes of such a source; so a parenthesis is dropped there instead.
    let lost = if bench.small { 8 } else { 20 };
    let faults = [(2, Fault::Flip), (lost, Fault::Drop), (31, Fault::Repeat)];
    for (id, (at, fault)) in (30..).zip(faults) {
        let faults = Faults::once(vec![(at, fault)], Choices::seeded(1));
        bench.line.spoil(Way::ToBoard, faults);
        give(bench, link, &Call::plain(id, What::Add(1, 1), LONG)).await;
        bench.line.heal();
    }
    // An interrupted call reports that, and the next one is served.
    let mut dropped = Call::plain(40, What::Spin(5_000), LONG);
    dropped.cancel = Some(Duration::from_millis(300));
    assert!(matches!(dropped.make(link, bench.small).await, Given::Dropped));
    give(bench, link, &Call::plain(41, What::Add(2, 2), LONG)).await;
}

/// Has the board ask the host questions: with answers at once and later, short and long ones, failures, and a
/// damaged answer.
async fn have_it_ask(bench: &Bench, link: &Link, small_stack: bool) {
    let calls = [What::Ask(5, 0), What::Ask(2, 40), What::Asked(4, 0)];
    for (id, what) in (50..).zip(calls) {
        give(bench, link, &Call::plain(id, what, LONG)).await;
    }
    // The fault hits the answer, which is sent behind the call.
    let faults = Faults::once(vec![(130, Fault::Flip)], Choices::seeded(1));
    bench.line.spoil(Way::ToBoard, faults);
    give(bench, link, &Call::plain(60, What::Ask(1, 0), LONG)).await;
    bench.line.heal();
    if small_stack {
        // The board's stack is too small for what follows.
        return;
    }
    // A request that was sent behind a call that asks is refused, however long it is, and sent again.
    for (id, length) in [(61, 3), (63, 200)] {
        let asks = Call::plain(id, What::Ask(1, 0), LONG);
        let behind = Call::plain(id + 1, What::Size(text(length), false), LONG);
        tokio::join!(give(bench, link, &asks), give(bench, link, &behind));
    }
}

/// Has the board send events, and checks how many it has sent.
async fn have_it_tell(bench: &Bench, link: &Link) {
    give(bench, link, &Call::plain(70, What::Emit(3), LONG)).await;
    assert!(bench.ears.settle(link).await);
}

/// Objects stay, are asked, and are let go.
async fn have_objects_stay(pocket: &Pocket) {
    let deeds = [
        Deed::Make(2, None),
        Deed::Ask(1),
        Deed::Each(5, 2),
        Deed::Ask(3),
        Deed::Make(40, None),
        Deed::Drop(43),
    ];
    for (id, deed) in (80..).zip(deeds) {
        let done = pocket.perform(id, deed).await;
        assert!(matches!(done, Done::Well), "{done:?}");
    }
    pocket.release().await;
    assert_eq!(pocket.held().len(), 1);
}

async fn give(bench: &Bench, link: &Link, call: &Call) {
    let given = call.make(link, bench.small).await;
    assert!(matches!(given, Given::Right(_)), "{call:?} gave {given:?}");
}
