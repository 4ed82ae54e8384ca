//! Every test of the workspace, and a look at what they left behind.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{self, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Outcome,
    prepare::{self, Boards},
    run::cargo,
};

/// How long a process may take to end after the tests.
const GRACE: Duration = Duration::from_secs(3);

/// The variable that marks every process that the tests start, directly or not.
const MARK: &str = "BELAY_TEST_RUN";

/// Prepares the machine and runs the tests.
pub(crate) fn run(more: &[String]) -> Outcome {
    prepare::boards(Boards::All)?;
    prepare::servers()?;
    let mpremote = prepare::mpremote()?;
    say_toolchain();
    let mark = format!("{MARK}={}", process::id());
    let mut tests = cargo(["test", "--workspace", "--no-fail-fast"]);
    tests
        .args(["--features", "belay-cli/fleet,belay-examples/fleet"])
        .args(more)
        .env("BELAY_MPREMOTE", mpremote)
        .env(MARK, process::id().to_string());
    let (totals, passed) = run_and_count(&mut tests)?;
    println!(
        "\ntotal: {} passed, {} failed, {} ignored",
        totals.passed, totals.failed, totals.ignored
    );
    nothing_left(&mark)?;
    println!("No process of the tests is left, and so no pseudo-terminal of theirs.");
    if passed {
        Ok(())
    } else {
        Err("tests failed".into())
    }
}

/// How many tests did what.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Totals {
    /// Adds what a line of `cargo test` reports, if it is such a line.
    fn add(&mut self, line: &str) {
        let Some(counts) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.1.split("; ") {
            let mut words = count.split_whitespace();
            let number = words
                .next()
                .and_then(|word| word.parse::<u64>().ok())
                .unwrap_or(0);
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                Some("ignored") => self.ignored += number,
                _ => {}
            }
        }
    }
}

/// Runs the tests, shows what they print and counts.
fn run_and_count(tests: &mut Command) -> Result<(Totals, bool), String> {
    let failed = |error| format!("cargo test: {error}");
    let mut child = tests.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut totals = Totals::default();
    for line in child
        .stdout
        .take()
        .into_iter()
        .flat_map(|output| BufReader::new(output).split(b'\n'))
    {
        let line = line.map_err(failed)?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        totals.add(&line);
    }
    let status = child.wait().map_err(failed)?;
    Ok((totals, status.success()))
}

/// A pseudo-terminal exists only as long as a process holds it, and every process that the tests have
/// started carries the mark in its environment.
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
        assert_eq!(
            totals,
            Totals {
                passed: 5,
                failed: 4,
                ignored: 1
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
        // For a moment after it was started a process shows no environment.
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
