//! Some seconds of `cargo xtask soak`, which runs for a quarter of an hour, on every run of the tests.

use std::process::Command;

/// Runs it on both runtimes.
fn holds(options: &[&str]) {
    for runtime in ["multi-thread", "current-thread"] {
        let soak = Command::new(env!("CARGO_BIN_EXE_soak"))
            .args(["--minutes", "0.05", "--runtime", runtime])
            .args(options)
            .output()
            .expect("the program is built with the tests");
        let complaints = String::from_utf8_lossy(&soak.stderr);
        let last = String::from_utf8_lossy(&soak.stdout);
        assert!(
            soak.status.success(),
            "{runtime}, {options:?}: {last}{complaints}"
        );
        assert!(last.starts_with("soak: "), "{last}");
        assert!(
            last.contains(" operations, 0 wrong, 0 hung, 0 lost, memory "),
            "{last}"
        );
    }
}

#[test]
fn everything_at_once_gives_what_it_has_to_and_leaves_the_host_as_it_was() {
    holds(&[]);
}

#[test]
fn everything_that_the_awkward_board_can_do_gives_what_it_has_to_at_once() {
    holds(&["--board", "mps2", "--boards", "1"]);
}
