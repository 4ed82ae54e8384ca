//! A schedule of calls and faults: every call ends with a result or a true error, and the next one works.
#![no_main]

use belay_simulate::{Choices, run_choices};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|schedule: &[u8]| {
    let outcome = run_choices(&mut Choices::of_bytes(schedule), 0, None, false);
    assert!(
        outcome.is_good(),
        "{}\n{}",
        outcome.complaints.join("\n"),
        outcome.scenario
    );
});
