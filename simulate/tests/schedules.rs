//! A few schedules of every kind, and that each can be repeated.

use belay_simulate::{FLAVOURS, Flavour, run, run_far, run_without_objects};

/// How many schedules of each flavour: the first of the million that `cargo xtask simulate` runs.
const SCHEDULES: u64 = 80;

/// Those that once showed a fault: of bodies that waited for the host while it thought something else, of what a board says
/// while the host comes back to it, of what threads say where the board has left the agent, of a board at its prompt that was
/// not asked for a banner, as what the line had lost counted as unread, of calls that were told to have read what a source
/// behind a ping did not bring, of a long request's body that was still there when another request's had been lost, of an
/// agent that was told by a bad line how much to read at once, of a bad line's single byte that was taken for a reader's, of
/// a call behind one that asked and was interrupted, which ran twice, and of banners that came late, when nothing could be asked.
const FOUND: [u64; 18] = [
    4_270,
    59_547,
    163_531,
    572_697,
    500_002_457,
    500_017_572,
    500_020_752,
    900_000_565,
    920_032_164,
    930_070_398,
    930_209_890,
    950_068_066,
    950_091_791,
    960_016_172,
    960_051_279,
    960_066_359,
    971_066_447,
    972_030_548,
];

#[test]
fn what_was_found_once_is_mended() {
    for seed in FOUND {
        let outcome = run_without_objects(seed, None, false);
        assert!(outcome.is_good(), "{seed}: {}", outcome.complaints.join("\n"));
    }
}

/// Those that once showed a fault with the board far away, all of one kind: what finds out whether a board that was reset still
/// has its agent takes five turns, and was begun anew just before the answer came.
const FOUND_FAR: [u64; 4] = [176, 231, 239, 272];

#[test]
fn what_was_found_far_away_is_mended() {
    for seed in FOUND_FAR {
        let outcome = run_without_objects(seed, Some(Flavour::Agent), true);
        assert!(outcome.is_good(), "{seed}: {}", outcome.complaints.join("\n"));
    }
}

#[test]
fn every_call_ends_truthfully_with_the_board_far_away_too() {
    for flavour in FLAVOURS {
        for seed in 1..=SCHEDULES {
            let outcome = run_far(seed, Some(flavour), false);
            assert!(
                outcome.is_good(),
                "--far --seed {seed} --count 1 -v --flavour {}: {}\n{}",
                flavour.name(),
                outcome.complaints.join("\n"),
                outcome.scenario
            );
        }
    }
}

#[test]
fn every_call_ends_truthfully_and_the_next_one_works() {
    for flavour in FLAVOURS {
        for seed in 1..=SCHEDULES {
            let outcome = run(seed, Some(flavour), false);
            assert!(
                outcome.is_good(),
                "--seed {seed} --count 1 -v --flavour {}: {}\n{}",
                flavour.name(),
                outcome.complaints.join("\n"),
                outcome.scenario
            );
        }
    }
}

#[test]
fn the_same_seed_sends_the_same_bytes_at_the_same_times() {
    let digest = |seed| run(seed, None, false).digest;
    for seed in 1..=100 {
        assert_eq!(digest(seed), digest(seed), "seed {seed}");
    }
}
