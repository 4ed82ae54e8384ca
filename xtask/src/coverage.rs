//! Line coverage of each crate by all tests, on boards, and with the compilers that the tests start.

use std::{collections::BTreeMap, env, fs, path::Path, process::Command};

use crate::{
    Outcome,
    prepare::{self, Boards},
    run::{checked, succeeds, target, workspace},
};

/// The crates whose coverage is checked: those that run in a user's program and in a user's compiler.
const HELD: [&str; 2] = ["belay-runtime", "belay-macros"];

/// The minimum percentage of covered lines.
const LEAST: f64 = 90.0;

/// Runs every test with instrumented crates and reports how many lines of each crate were executed.
///
/// All crates of the workspace are instrumented wherever they are compiled: the compilers that the tests of
/// the macros start load instrumented macros, and the lines executed there count, too.
pub(crate) fn run(more: &[String]) -> Outcome {
    prepare::boards(Boards::All)?;
    let mpremote = prepare::mpremote()?;
    tools()?;
    checked(
        "cleaning",
        &mut instrumented(&["llvm-cov", "clean", "--workspace"]),
    )?;
    // The tests of the examples run the example programs.
    checked(
        "the examples",
        &mut instrumented(&["build", "--package", "belay-examples", "--examples"]),
    )?;
    let mut tests = instrumented(&["test", "--workspace", "--tests", "--no-fail-fast"]);
    tests.args(more).env("BELAY_MPREMOTE", mpremote);
    if env::var_os("BELAY_BOARDS_DIR").is_none() {
        // The instrumented tests have a target directory of their own, which contains no boards.
        tests.env("BELAY_BOARDS_DIR", target().join("boards"));
    }
    let passed = checked("the tests", &mut tests);
    let directory = target().join("llvm-cov");
    fs::create_dir_all(&directory).map_err(|error| format!("making {}: {error}", directory.display()))?;
    let lcov = directory.join("lcov.info");
    let mut report = instrumented(&["llvm-cov", "report", "--lcov", "--output-path"]);
    checked("the report", report.arg(&lcov))?;
    let mut pages = instrumented(&["llvm-cov", "report", "--html", "--output-dir"]);
    checked("the pages of the report", pages.arg(&directory))?;
    let text = fs::read_to_string(&lcov).map_err(|error| format!("reading {}: {error}", lcov.display()))?;
    let crates = lines_of_crates(&text, &format!("{}/", workspace().display()));
    println!("\nLine by line: {}/html/index.html", directory.display());
    for (name, lines) in &crates {
        println!(
            "coverage: {name}: {} of {} lines, {:.1} %",
            lines.covered,
            lines.all,
            lines.percentage()
        );
    }
    passed?;
    for name in HELD {
        let percentage = crates.get(name).map_or(0.0, |lines| lines.percentage());
        if percentage < LEAST {
            return Err(format!(
                "{name} is covered to {percentage:.1} % only, not {LEAST} %"
            ));
        }
    }
    Ok(())
}

/// `cargo` with instrumented crates, in a target directory of their own. `cargo llvm-cov test` is no use,
/// since it would not build the examples.
fn instrumented(arguments: &[&str]) -> Command {
    let mut shell = Command::new("sh");
    shell
        .current_dir(workspace())
        .args([
            "-c",
            "eval \"$(cargo llvm-cov show-env --sh)\" && exec cargo \"$@\"",
            "cargo",
        ])
        .args(arguments)
        .env("CARGO_TARGET_DIR", target().join("llvm-cov-target"));
    shell
}

/// Installs cargo-llvm-cov and LLVM's tools if they are missing, or explains how to.
fn tools() -> Outcome {
    if !succeeds(Command::new("cargo").args(["llvm-cov", "--version"])) {
        println!("Installing cargo-llvm-cov");
        let mut install = Command::new("cargo");
        checked(
            "installing cargo-llvm-cov",
            install.args(["install", "--quiet", "--locked", "cargo-llvm-cov"]),
        )?;
    }
    let by_hand = env::var_os("LLVM_COV").is_some() && env::var_os("LLVM_PROFDATA").is_some();
    if by_hand || has_llvm_tools() {
        return Ok(());
    }
    println!("Installing the toolchain's llvm-tools");
    let mut add = Command::new("rustup");
    checked(
        "installing the llvm-tools",
        add.args(["component", "add", "llvm-tools"]).current_dir(workspace()),
    )
    .map_err(|error| {
        format!(
            "{error}; run `rustup component add llvm-tools`, or install the LLVM of which `rustc -vV` gives the \
             version and set LLVM_COV and LLVM_PROFDATA to its llvm-cov and llvm-profdata"
        )
    })
}

/// Whether the toolchain has `llvm-profdata`. With rustup it is a component; a distribution's Rust lacks it.
fn has_llvm_tools() -> bool {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir"]).current_dir(workspace());
    let Ok(output) = rustc.output() else {
        return false;
    };
    let libraries = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Path::new(&libraries)
        .with_file_name("bin")
        .join("llvm-profdata")
        .exists()
}

/// How many lines there are, and how many were executed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Lines {
    all: u32,
    covered: u32,
}

impl Lines {
    fn percentage(self) -> f64 {
        100.0 * f64::from(self.covered) / f64::from(self.all.max(1))
    }
}

/// The lines of each directory of the workspace, from a report in lcov's format: `SF:` names a file, `LF:`
/// and `LH:` count its lines and the executed ones.
fn lines_of_crates<'a>(report: &'a str, workspace: &str) -> BTreeMap<&'a str, Lines> {
    let mut crates = BTreeMap::<&str, Lines>::new();
    let mut name = None;
    for line in report.lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let number = || value.parse::<u32>().unwrap_or(0);
        match (key, name) {
            ("SF", _) => {
                name = value
                    .strip_prefix(workspace)
                    .and_then(|path| path.split('/').next());
            }
            ("LF", Some(name)) => crates.entry(name).or_default().all += number(),
            ("LH", Some(name)) => crates.entry(name).or_default().covered += number(),
            _ => {}
        }
    }
    crates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_up_for_each_crate_and_those_of_others_are_not_counted() {
        let report = "SF:/w/belay-macros/src/lib.rs\nDA:1,5\nLF:10\nLH:9\nend_of_record\n\
                      SF:/w/belay-macros/src/a/b.rs\nLF:10\nLH:10\nend_of_record\n\
                      SF:/elsewhere/belay-macros/src/lib.rs\nLF:100\nLH:0\nend_of_record\n\
                      SF:/w/xtask/src/main.rs\nLF:4\nLH:1\nend_of_record\n";
        let crates = lines_of_crates(report, "/w/");
        let names: Vec<_> = crates.keys().copied().collect();
        assert_eq!(names, ["belay-macros", "xtask"]);
        assert_eq!(crates["belay-macros"], Lines { all: 20, covered: 19 });
        assert!((crates["xtask"].percentage() - 25.0).abs() < 1e-9);
    }
}
