//! Runs every test of the workspace, and checks that no process is left over.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    process::{self, Command},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Outcome,
    prepare::{self, Boards},
    run::cargo,
};

/// How long processes may take to end after the tests.
const GRACE: Duration = Duration::from_secs(3);

/// The environment variable that marks every process that the tests start, directly or indirectly.
const MARK: &str = "BELAY_TEST_RUN";

/// Prepares the machine and runs the tests.
pub(crate) fn run(nextest: bool, more: &[String]) -> Outcome {
    prepare::boards(Boards::All)?;
    prepare::servers()?;
    let mpremote = prepare::mpremote()?;
    say_toolchain();
    let mark = format!("{MARK}={}", process::id());
    let mut totals = Totals::default();
    let mut all_passed = true;
    for mut run in runs(nextest, more) {
        run.tests
            .env("BELAY_MPREMOTE", &mpremote)
            .env(MARK, process::id().to_string());
        all_passed &= run_and_count(run, &mut totals)?;
    }
    println!(
        "\ntotal: {} passed, {} failed, {} ignored",
        totals.passed, totals.failed, totals.ignored
    );
    nothing_left(&mark)?;
    println!("No process of the tests is left, and so no pseudo-terminal of theirs.");
    if all_passed {
        Ok(())
    } else {
        Err("tests failed".into())
    }
}

/// One run of some tests.
struct Run {
    tests: Command,
    /// Whether the results are printed to standard error.
    tells_on_error: bool,
}

/// The runs: `cargo test`; or `cargo nextest` followed by `cargo test` for the doctests, which nextest cannot
/// run.
fn runs(nextest: bool, more: &[String]) -> Vec<Run> {
    let of = |command: &[&str], more: &[String], tells_on_error| {
        let mut tests = cargo(command);
        tests
            .args(["--workspace", "--no-fail-fast"])
            .args(["--features", "belay-cli/fleet,belay-cli/sim,belay-examples/fleet"])
            .args(more);
        Run {
            tests,
            tells_on_error,
        }
    };
    if nextest {
        vec![
            of(&["nextest", "run"], more, true),
            of(&["test", "--doc"], &[], false),
        ]
    } else {
        vec![of(&["test"], more, false)]
    }
}

/// The number of tests by result.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Totals {
    /// Adds the numbers in a line, if it is a summary of `cargo test` or the last one of `cargo nextest`.
    fn add(&mut self, line: &str) {
        let of_test = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "));
        let of_nextest = line
            .trim_start()
            .strip_prefix("Summary [")
            .and_then(|rest| rest.split_once(" run: "));
        let Some((_, counts)) = of_test.or(of_nextest) else {
            return;
        };
        for count in counts.split([';', ',']) {
            let mut words = count.split_whitespace();
            let number = words
                .next()
                .and_then(|word| word.parse::<u64>().ok())
                .unwrap_or(0);
            // Nextest adds in parentheses how many of the passed tests were slow.
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed" | "timed" | "exec") => self.failed += number,
                Some("ignored" | "skipped") => self.ignored += number,
                _ => {}
            }
        }
    }
}

/// Runs tests, shows and counts their results. Returns whether all have passed.
fn run_and_count(run: Run, totals: &mut Totals) -> Result<bool, String> {
    let Run {
        mut tests,
        tells_on_error,
    } = run;
    let failed = |error| format!("running the tests: {error}");
    let (output, told) = io::pipe().map_err(failed)?;
    if tells_on_error {
        tests.stderr(told);
    } else {
        tests.stdout(told);
    }
    let mut child = tests.spawn().map_err(failed)?;
    // The command holds the write end of the pipe, so reading would never come to the end.
    drop(tests);
    for line in BufReader::new(output).split(b'\n') {
        let line = line.map_err(failed)?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        totals.add(&line);
    }
    let status = child.wait().map_err(failed)?;
    Ok(status.success())
}

/// Checks that no process of the tests is left. A pseudo-terminal exists only as long as a process holds it,
/// so none of those is left either. Every process that the tests start has the mark in its environment.
fn nothing_left(mark: &str) -> Outcome {
    let deadline = Instant::now() + GRACE;
    loop {
        let left = marked(mark);
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("the tests left processes behind:\n{}", left.join("\n")));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The processes whose environment contains the mark.
fn marked(mark: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            environment
                .split(|&byte| byte == 0)
                .any(|variable| variable == mark.as_bytes())
        })
        .map(|entry| {
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            format!("  {}: {command}", entry.file_name().display())
        })
        .collect()
}

/// Says which toolchain the tests run on, and whether it is the oldest one that the manifest promises.
fn say_toolchain() {
    let promised = env!("CARGO_PKG_RUST_VERSION");
    let output = Command::new("rustc").arg("--version").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let version = version.unwrap_or_else(|error| format!("rustc: {error}"));
    let oldest = version.starts_with(&format!("rustc {promised}."));
    println!(
        "Testing with {version}; rust-version is {promised}{}",
        if oldest {
            ""
        } else {
            ", which is not tested by this run"
        }
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_the_sum_of_all_result_lines_and_of_nothing_else() {
        let mut totals = Totals::default();
        totals.add(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        );
        totals.add(
            "test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s",
        );
        totals.add("test board::result ... ok. 5 passed");
        totals.add("     Summary [ 193.501s] 21 tests run: 18 passed (2 slow, 1 leaky), 2 failed, 1 timed out, 3 skipped");
        totals.add("        PASS [   0.501s] belay-tests::errors of_a_summary_that_was_run: 7 passed");
        assert_eq!(
            totals,
            Totals {
                passed: 23,
                failed: 7,
                ignored: 4
            }
        );
    }

    #[test]
    fn marked_finds_a_process_by_its_environment_and_forgets_it_when_it_has_ended() {
        let mark = format!("BELAY_XTASK_TEST={}", process::id());
        let mut child = Command::new("sleep")
            .arg("60")
            .env("BELAY_XTASK_TEST", process::id().to_string())
            .spawn()
            .expect("sleep is everywhere");
        // For a moment after its start a process shows no environment.
        let deadline = Instant::now() + Duration::from_secs(10);
        while marked(&mark).is_empty() && Instant::now() < deadline {
            thread::yield_now();
        }
        assert_eq!(marked(&mark).len(), 1);
        child.kill().expect("it sleeps");
        child.wait().expect("it was killed");
        assert!(marked(&mark).is_empty());
    }
}
