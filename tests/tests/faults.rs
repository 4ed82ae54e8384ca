//! A few of the many seeds that `cargo xtask faults` runs, on every run of the tests: those that once revealed a fault,
//! and some of every kind.

use std::process::Command;

/// These seeds contain lost bytes, cuts, restarts, a vanished port and bad lines of several degrees.
const OF_EVERY_KIND: std::ops::RangeInclusive<u64> = 1..=30;

/// A failure names its seed: `cargo xtask faults --seeds … --call-path …` reproduces it.
fn all_recover(options: &[&str], once_lost: &[u64]) {
    // The slow seeds first, since several boards share the work.
    let seeds = once_lost.iter().copied().chain(OF_EVERY_KIND);
    let seeds: Vec<String> = seeds.map(|seed| seed.to_string()).collect();
    let faults = Command::new(env!("CARGO_BIN_EXE_faults"))
        .args(["--seeds", &seeds.join(",")])
        .args(options)
        .output()
        .expect("the program is built with the tests");
    let complaints = String::from_utf8_lossy(&faults.stderr);
    let last = String::from_utf8_lossy(&faults.stdout);
    let runs = seeds.len();
    assert!(faults.status.success(), "{options:?}: {last}{complaints}");
    assert_eq!(
        last.trim(),
        format!("faults: {runs} runs, 0 wrong, 0 hung, 0 lost, {runs} recovered")
    );
}

#[test]
fn every_call_over_a_faulty_line_ends_truthfully_and_the_next_one_works_in_the_agent() {
    all_recover(&["--call-path", "agent"], &[138, 221, 383, 106, 367, 141]);
}

#[test]
fn every_call_over_a_faulty_line_ends_truthfully_and_the_next_one_works_over_the_raw_repl() {
    all_recover(&["--call-path", "raw-repl"], &[47, 59, 36, 37]);
}

#[test]
fn every_call_over_a_faulty_line_ends_truthfully_and_the_next_one_works_on_a_small_board() {
    all_recover(&["--call-path", "small"], &[42, 1054, 1153, 1272]);
}

#[test]
fn every_call_over_a_faulty_line_ends_truthfully_and_the_next_one_works_without_flow_control() {
    all_recover(&["--call-path", "agent", "--no-flow-control"], &[84]);
    all_recover(&["--call-path", "small", "--no-flow-control"], &[300_067]);
}

#[test]
fn every_event_over_a_faulty_line_is_heard_once_and_in_order_or_counted() {
    all_recover(&["--with", "events"], &[]);
}

#[test]
fn every_item_of_a_stream_to_the_board_arrives_once_and_in_order_or_the_call_says_so() {
    all_recover(&["--with", "streams-in"], &[103]);
}

#[test]
fn every_call_over_a_faulty_line_ends_truthfully_and_the_next_one_works_on_a_board_like_circuitpython() {
    all_recover(&["--board", "circuitpython-like"], &[]);
    all_recover(&["--board", "circuitpython-like", "--call-path", "raw-repl"], &[]);
}

#[test]
fn every_call_over_a_faulty_line_that_is_far_away_ends_truthfully_and_the_next_one_works() {
    let seeds: Vec<String> = OF_EVERY_KIND.map(|seed| seed.to_string()).collect();
    let faults = Command::new(env!("CARGO_BIN_EXE_faults"))
        .args(["--seeds", &seeds.join(","), "--far", "25"])
        .output()
        .expect("the program is built with the tests");
    let said = String::from_utf8_lossy(&faults.stdout);
    let complaints = String::from_utf8_lossy(&faults.stderr);
    assert!(faults.status.success(), "{said}{complaints}");
    assert!(said.contains("0 wrong, 0 hung, 0 lost, 30 recovered"), "{said}");
}
