//! What is due, and when.

use super::*;

const INTERRUPT: Duration = Duration::from_secs(3);
const RESYNC: Duration = Duration::from_secs(4);

fn liveness() -> (Liveness, Instant) {
    let room = Room::of("micropython", true);
    (Liveness::new(room, INTERRUPT, RESYNC), Instant::now())
}

/// A request is in flight, with a long deadline.
fn busy(now: Instant) -> Around {
    Around {
        head: Some(now + Duration::from_secs(60)),
        ..Around::default()
    }
}

fn ask(liveness: &mut Liveness, now: Instant) -> u32 {
    let token = liveness.token();
    liveness.asked(token, now, now + SILENCE, SILENCE);
    token
}

#[test]
fn silence_is_asked_about_only_while_something_is_under_way() {
    let (mut liveness, now) = liveness();
    liveness.hush(now);
    assert_eq!(liveness.next_instant(Around::default()), None);
    assert_eq!(liveness.next_instant(busy(now)), Some(now + SILENCE));
    assert_eq!(liveness.due(now, busy(now)), Due::Nothing);
    assert_eq!(liveness.due(now + SILENCE, busy(now)), Due::Ping);
    ask(&mut liveness, now + SILENCE);
    assert_eq!(liveness.due(now + SILENCE, busy(now)), Due::Nothing);
    assert_eq!(liveness.due(now + SILENCE * 2, busy(now)), Due::PingAgain);
}

#[test]
fn a_ping_is_asked_again_ever_later_and_only_its_own_answer_counts() {
    let (mut liveness, mut now) = liveness();
    let first = ask(&mut liveness, now);
    let mut wait = SILENCE;
    let mut last = first;
    for _ in 0..10 {
        now = liveness.next_instant(Around::default()).unwrap();
        last = liveness.token();
        liveness.asked_again(last, now);
        wait = (wait * 2).min(LONGEST_SILENCE);
        assert_eq!(liveness.next_instant(Around::default()), Some(now + wait));
    }
    liveness.asked_for_banner();
    assert_eq!(liveness.pong(first, now), None);
    assert_eq!(liveness.pong(last, now), Some(1));
    assert!(!liveness.is_asking());
}

#[test]
fn only_an_answer_to_a_request_shows_that_the_board_has_memory_again() {
    let (mut liveness, now) = liveness();
    assert_eq!(liveness.ran_out_of_memory(), 1);
    let token = ask(&mut liveness, now);
    assert_eq!(liveness.pong(token, now), Some(0));
    assert_eq!(liveness.ran_out_of_memory(), 2);
    liveness.answered(now);
    assert_eq!(liveness.ran_out_of_memory(), 1);
}

#[test]
fn whoever_waits_for_a_ping_has_the_board_interrupted_in_the_end() {
    let (mut liveness, now) = liveness();
    ask(&mut liveness, now);
    let waits = Around {
        only_waiting: true,
        ..Around::default()
    };
    assert_eq!(liveness.due(now + RESYNC, waits), Due::Interrupt);
    assert_eq!(liveness.due(now + RESYNC, Around::default()), Due::PingAgain);
}

#[test]
fn an_interrupt_leaves_time_to_clean_up_presses_harder_and_is_given_up() {
    let (mut liveness, now) = liveness();
    assert!(liveness.begin_interrupt(now));
    assert_eq!(liveness.due(now + INTERRUPT / 2, Around::default()), Due::Press);
    let mut at = now + INTERRUPT / 2;
    let mut presses = 0;
    while liveness.due(at, Around::default()) != Due::GiveUp {
        if let Due::Press = liveness.due(at, Around::default()) {
            let press = liveness.press(at, false).unwrap();
            presses += 1;
            assert!(press.first || presses > 1);
        }
        at = liveness.next_instant(Around::default()).unwrap().max(at);
    }
    assert!(presses > 2, "{presses}");
    assert_eq!(at, now + INTERRUPT);
    liveness.give_up();
    assert!(liveness.is_stuck());
    assert_eq!(liveness.press(at, false), None);
    // A new request makes the next Ctrl-C come soon.
    assert!(liveness.begin_interrupt(at));
    assert_eq!(liveness.due(at + INTERRUPT_AGAIN, Around::default()), Due::Press);
}

#[test]
fn on_a_host_whose_timers_are_late_each_step_comes_to_its_question() {
    let (mut liveness, now) = liveness();
    assert!(liveness.begin_interrupt(now));
    let late = Duration::from_millis(30);
    let (mut at, mut questions) = (now, 0);
    while liveness.due(at, Around::default()) != Due::GiveUp {
        if let Due::Press = liveness.due(at, Around::default()) {
            questions += usize::from(liveness.press(at, false).unwrap().asks);
        }
        at = liveness.next_instant(Around::default()).unwrap().max(at) + late;
    }
    assert_eq!(questions, 2, "one behind the burst, one behind the flood");
}

#[test]
fn trouble_that_never_ends_is_given_up_however_often_an_interrupt_seems_to_work() {
    let (mut liveness, now) = liveness();
    assert!(liveness.begin_interrupt(now));
    liveness.interrupt_is_over();
    assert!(!liveness.begin_interrupt(now + INTERRUPT + RESYNC));
    liveness.answered(now);
    assert!(liveness.begin_interrupt(now + INTERRUPT + RESYNC));
}

#[test]
fn while_the_line_carries_a_ctrl_c_no_time_passes_but_the_last() {
    let (mut liveness, now) = liveness();
    liveness.begin_interrupt(now);
    let look = now + SILENCE;
    let around = Around {
        look: Some(look),
        ..Around::default()
    };
    assert_eq!(liveness.next_instant(around), Some(look));
    assert_eq!(liveness.due(now + INTERRUPT / 2, around), Due::Nothing);
    assert_eq!(liveness.due(now + INTERRUPT, around), Due::GiveUp);
    assert!(liveness.put_off(SILENCE));
    assert_eq!(liveness.due(now + INTERRUPT, around), Due::Nothing);
    liveness.interrupt_is_over();
    assert!(!liveness.put_off(SILENCE), "it is the request that is on its way");
}

#[test]
fn a_board_that_is_stuck_is_not_any_more_once_it_is_heard_of() {
    let (mut liveness, now) = liveness();
    let token = ask(&mut liveness, now);
    liveness.begin_interrupt(now);
    liveness.give_up();
    assert!(liveness.is_stuck() && liveness.is_asking());
    liveness.heard();
    assert!(!liveness.is_stuck() && liveness.is_asking());
    assert_eq!(liveness.pong(token, now), Some(0));
}

#[test]
fn a_damaged_answer_to_a_ping_has_it_asked_again_at_once_and_counts_once() {
    let (mut liveness, now) = liveness();
    ask(&mut liveness, now);
    liveness.damaged(now, false);
    assert_eq!(liveness.next_instant(Around::default()), Some(now + SILENCE));
    liveness.damaged(now, true);
    assert_eq!(liveness.next_instant(Around::default()), Some(now + DAMAGED));
}

#[test]
fn a_suspicion_that_nothing_confirms_is_dropped() {
    let (mut liveness, now) = liveness();
    liveness.suspect(Some(b"traceback".to_vec()), now);
    let mut many = 0;
    while liveness.is_suspected() {
        let at = liveness.next_instant(Around::default()).unwrap();
        assert!(liveness.probe_is_due(at, Around::default()));
        liveness.suspect_longer(at);
        many += 1;
    }
    assert!((3..10).contains(&many), "{many}");
    liveness.suspect(Some(b"traceback".to_vec()), now);
    assert_eq!(liveness.clear_suspicion(), Some(b"traceback".to_vec()));
}
