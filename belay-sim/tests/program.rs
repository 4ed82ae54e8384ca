//! The `belay-sim` program: the arguments that it refuses.

#![cfg(feature = "cli")]

use std::process::Command;

#[test]
fn a_probability_that_is_none_is_refused_with_a_word_on_what_one_is() {
    for option in ["--drop", "--repeat", "--flip"] {
        for value in ["2", "-0.1", "NaN", "often"] {
            let output = Command::new(env!("CARGO_BIN_EXE_belay-sim"))
                .args(["unix", &format!("{option}={value}")])
                .output()
                .expect("the program is built with the tests");
            let message = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success(), "{option}={value}");
            assert!(message.contains("a number from 0 to 1"), "{message}");
        }
    }
}
