//! Fuzzing: runs every target of `fuzz/`, one after the other.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use crate::{
    Outcome,
    run::{checked, succeeds, workspace},
};

/// The toolchain that fuzzing needs.
const NIGHTLY: &str = "nightly";

/// Runs each target for some seconds, and reports the number of executions.
pub(crate) fn run(seconds: u64, only: Option<&str>) -> Outcome {
    prepare()?;
    let targets = targets()?;
    let chosen: Vec<_> = targets
        .iter()
        .filter(|target| only.is_none_or(|only| *target == only))
        .collect();
    if chosen.is_empty() {
        return Err(format!(
            "there is no such target; there are: {}",
            targets.join(", ")
        ));
    }
    let mut summary = Vec::new();
    for target in chosen {
        println!("fuzzing {target} for {seconds} s");
        let executions = fuzz(target, seconds)?;
        summary.push(format!("fuzz: {target}: {executions}, no finding"));
    }
    println!("{}", summary.join("\n"));
    Ok(())
}

/// Installs the toolchain and cargo-fuzz if they are missing.
fn prepare() -> Outcome {
    if !succeeds(Command::new("rustup").args(["run", NIGHTLY, "rustc", "--version"])) {
        println!("Installing the {NIGHTLY} toolchain, which fuzzing needs");
        let arguments = ["toolchain", "install", NIGHTLY, "--profile", "minimal"];
        checked(
            "installing the nightly toolchain",
            Command::new("rustup").args(arguments),
        )?;
    }
    if !succeeds(Command::new("cargo").args(["fuzz", "--version"])) {
        println!("Installing cargo-fuzz");
        checked(
            "installing cargo-fuzz",
            Command::new("cargo").args(["install", "--quiet", "--locked", "cargo-fuzz"]),
        )?;
    }
    Ok(())
}

/// `cargo fuzz` on the nightly toolchain, without the environment variables by which the running cargo would
/// force its own.
fn cargo_fuzz(command: &str) -> Command {
    let mut fuzz = Command::new("rustup");
    fuzz.current_dir(workspace())
        .args(["run", NIGHTLY, "cargo", "fuzz", command]);
    fuzz.env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("RUSTC")
        .env_remove("RUSTDOC");
    fuzz
}

fn targets() -> Result<Vec<String>, String> {
    let output = cargo_fuzz("list")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo fuzz: {error}"))?;
    let names = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .collect();
    if output.status.success() {
        Ok(names)
    } else {
        Err("cargo fuzz list failed".into())
    }
}

/// Fuzzes one target, and returns the fuzzer's report of its number of executions.
fn fuzz(target: &str, seconds: u64) -> Result<String, String> {
    let failed = |error| format!("fuzzing {target}: {error}");
    // The fuzzer adds interesting inputs to the first directory, and only reads the second one.
    let (corpus, seeds) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
    for directory in [&corpus, &seeds] {
        fs::create_dir_all(workspace().join(directory))
            .map_err(|error| format!("making {directory}: {error}"))?;
    }
    let mut child = cargo_fuzz("run")
        .args([
            target,
            &corpus,
            &seeds,
            "--",
            &format!("-max_total_time={seconds}"),
            "-verbosity=1",
            "-print_final_stats=0",
        ])
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut done = None;
    for line in child
        .stderr
        .take()
        .into_iter()
        .flat_map(|errors| BufReader::new(errors).lines())
    {
        let line = line.map_err(failed)?;
        // Lines with `#` are progress reports, which come all the time; show the others.
        if !line.starts_with('#') {
            eprintln!("{line}");
        }
        if let Some(rest) = line.strip_prefix("Done ") {
            done = Some(rest.to_owned());
        }
    }
    let status = child.wait().map_err(failed)?;
    if !status.success() {
        return Err(format!(
            "fuzzing {target} has found something ({status}); see above"
        ));
    }
    done.ok_or_else(|| format!("the fuzzer of {target} did not say how much it has done"))
}
