//! Running other programs.

use std::{
    env,
    ffi::OsStr,
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::{
    Outcome, plant,
    prepare::{self, Boards},
};

/// The workspace's directory.
pub(crate) fn workspace() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.clone(), PathBuf::from)
}

/// Cargo's target directory for this workspace.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// The cargo that started us, run in the workspace.
pub(crate) fn cargo<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace()).args(arguments);
    // The variable is meant for what the tests compile (`.cargo/config.toml`); here it would have everything
    // compiled twice.
    cargo.env_remove("CARGO_PROFILE_DEV_DEBUG");
    cargo
}

/// `cargo run` in the workspace. It is quiet if the program has been built before; the first build shows its
/// progress, since it takes long.
pub(crate) fn cargo_run(arguments: &[&str], program: &str) -> Command {
    let mut cargo = cargo(["run"]);
    if target().join("debug").join(program).exists() {
        cargo.arg("--quiet");
    }
    cargo.args(arguments);
    cargo
}

/// Runs a program; its failure is an error with a message.
pub(crate) fn checked(what: &str, command: &mut Command) -> Outcome {
    let status = command
        .status()
        .map_err(|error| format!("{what}: {}: {error}", command.get_program().display()))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{what} failed ({status})"))
    }
}

/// Runs a program that reports its failures itself.
pub(crate) fn passing_on(command: &mut Command) -> Outcome {
    let status = command
        .status()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if status.success() {
        Ok(())
    } else {
        Err(String::new())
    }
}

/// Whether a program runs and succeeds; its output is discarded.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Runs one of the tools of the `tests` package, optimised because they have much to do, with the boards
/// prepared.
pub(crate) fn tool(name: &str, arguments: &[String]) -> Outcome {
    prepare::boards(Boards::All)?;
    passing_on(optimised(name).args(arguments))
}

/// Runs the simulation, optimised. It needs no board. With `--plant` it has to find faults that are planted
/// in a copy of the source.
pub(crate) fn simulate(arguments: &[String]) -> Outcome {
    if arguments.iter().any(|argument| argument == "--plant") {
        return plant::run();
    }
    let program = ["run", "--quiet", "--release", "--package", "belay-simulate", "--"];
    passing_on(cargo(program).args(arguments))
}

/// Runs the benchmark, with the packages that it compares with if they can be installed.
pub(crate) fn bench(arguments: &[String]) -> Outcome {
    let alone = ["--host", "--help", "-h"];
    if arguments
        .iter()
        .any(|argument| alone.contains(&argument.as_str()))
    {
        return passing_on(optimised("bench").args(arguments));
    }
    prepare::boards(Boards::All)?;
    if arguments.iter().any(|argument| argument == "--cost") {
        prepare::counting()?;
    }
    let mut bench = optimised("bench");
    match prepare::peers() {
        Ok(python) => drop(bench.env("BELAY_PEERS_PYTHON", python)),
        Err(message) => eprintln!("xtask: {message}; measuring without the peers"),
    }
    passing_on(bench.args(arguments))
}

/// A tool of the `tests` package.
fn optimised(name: &str) -> Command {
    cargo([
        "run",
        "--quiet",
        "--release",
        "--package",
        "belay-tests",
        "--bin",
        name,
        "--",
    ])
}
