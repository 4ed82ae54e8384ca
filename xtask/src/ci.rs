//! What has to hold before a version is published, besides passing tests.

mod outside;

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

use crate::{
    Outcome, book, plant, prepare,
    run::{checked, simulate, succeeds, target, workspace},
};

/// The crates that are published, in the order in which they depend on each other.
pub(crate) const PUBLISHED: [&str; 8] = [
    "belay-syntax",
    "belay-macros",
    "belay-runtime",
    "belay-rs",
    "belay-sim",
    "belay-packages",
    "belay-fleet",
    "belay-cli",
];

/// Each crate with features, and the sets of features that are built and tested, each set by itself.
const FEATURES: [(&str, &[&str]); 4] = [
    (
        "belay-runtime",
        &[
            "",
            "mount",
            "serial",
            "process",
            "tcp",
            "telnet",
            "rfc2217",
            "webrepl",
            "mount,serial,process,tcp,rfc2217,webrepl",
        ],
    ),
    (
        "belay-rs",
        &[
            "",
            "serial",
            "process",
            "tcp",
            "mount,serial,process,tcp,rfc2217,webrepl",
        ],
    ),
    ("belay-sim", &["", "cli"]),
    ("belay-cli", &["sim", "fleet"]),
];

/// How many schedules are simulated: about half a minute of work.
const SCHEDULES: &str = "20000";

/// Whether belay-sim can be compiled, which needs Linux.
const LINUX: bool = cfg!(target_os = "linux");

/// One check.
struct Check {
    name: &'static str,
    run: fn() -> Result<Found, String>,
}

/// The outcome of a check that did not fail.
enum Found {
    Good,
    /// Nothing was checked, for the given reason.
    Skipped(String),
}

const CHECKS: [Check; 13] = [
    Check {
        name: "format",
        run: format,
    },
    Check {
        name: "clippy",
        run: clippy,
    },
    Check {
        name: "docs",
        run: docs,
    },
    Check {
        name: "book",
        run: book,
    },
    Check {
        name: "features",
        run: features,
    },
    Check {
        name: "msrv",
        run: msrv,
    },
    Check {
        name: "minimal-versions",
        run: minimal_versions,
    },
    Check {
        name: "unused",
        run: unused,
    },
    Check {
        name: "deny",
        run: deny,
    },
    Check {
        name: "simulation",
        run: simulation,
    },
    Check {
        name: "planted",
        run: planted,
    },
    Check {
        name: "package",
        run: package,
    },
    Check {
        name: "outside",
        run: outside,
    },
];

/// The names of all checks.
#[cfg(test)]
pub(crate) fn names() -> Vec<&'static str> {
    CHECKS.iter().map(|check| check.name).collect()
}

/// Runs all checks, or those that are named, and reports how each ended.
pub(crate) fn run(only: &[String]) -> Outcome {
    let unknown = only
        .iter()
        .find(|name| CHECKS.iter().all(|check| check.name != **name));
    if let Some(unknown) = unknown {
        let names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
        return Err(format!(
            "there is no check `{unknown}`, only {}",
            names.join(", ")
        ));
    }
    let chosen = CHECKS
        .iter()
        .filter(|check| only.is_empty() || only.iter().any(|name| name == check.name));
    let (mut lines, mut failed) = (Vec::new(), 0);
    for check in chosen {
        println!("== {}", check.name);
        lines.push(match (check.run)() {
            Ok(Found::Good) => format!("ci: {}: good", check.name),
            Ok(Found::Skipped(why)) => format!("ci: {}: not checked: {why}", check.name),
            Err(why) => {
                failed += 1;
                format!("ci: {}: FAILED: {why}", check.name)
            }
        });
    }
    println!("\n{}", lines.join("\n"));
    if failed == 0 {
        Ok(())
    } else {
        Err(format!("{failed} checks failed"))
    }
}

/// `cargo` of this toolchain or, with `+name`, of another one; without the environment variables by which the
/// running cargo would force its own toolchain.
fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace()).args(arguments);
    for variable in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        cargo.env_remove(variable);
    }
    cargo
}

/// Tells tests where the simulated boards and mpremote are. Only the tests of belay-sim need them.
fn with_boards(test: &mut Command) -> Outcome {
    if !LINUX {
        return Ok(());
    }
    if env::var_os("BELAY_BOARDS_DIR").is_none() {
        test.env("BELAY_BOARDS_DIR", target().join("boards"));
    }
    test.env("BELAY_MPREMOTE", prepare::mpremote()?);
    Ok(())
}

fn good(what: &str, command: &mut Command) -> Result<Found, String> {
    checked(what, command).map(|()| Found::Good)
}

/// The packages that can be compiled on this machine, as arguments.
fn packages() -> Vec<&'static str> {
    if LINUX {
        vec!["--workspace"]
    } else {
        let portable = PUBLISHED.iter().filter(|name| **name != "belay-sim");
        portable.flat_map(|name| ["--package", *name]).collect()
    }
}

fn format() -> Result<Found, String> {
    good("cargo fmt", &mut cargo(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<Found, String> {
    let mut clippy = cargo(["clippy", "--all-targets"]);
    good("clippy", clippy.args(packages()).args(["--", "-D", "warnings"]))
}

/// The documentation: all links are valid.
fn docs() -> Result<Found, String> {
    let mut doc = cargo(["doc", "--no-deps", "--all-features"]);
    let published = PUBLISHED.iter().filter(|name| LINUX || **name != "belay-sim");
    doc.args(published.flat_map(|name| ["--package", *name]));
    good("cargo doc", doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// The guide. The tests check that its code compiles and that its links are valid.
fn book() -> Result<Found, String> {
    if let Some(why) = no_tool("mdbook", &mut Command::new("mdbook")) {
        return Ok(Found::Skipped(why));
    }
    book::build().map(|()| Found::Good)
}

/// Each set of features: it compiles without a warning, and passes the tests of its crate.
fn features() -> Result<Found, String> {
    for (package, sets) in FEATURES {
        if package == "belay-sim" && !LINUX {
            continue;
        }
        for set in sets {
            println!(
                "-- {package} with {}",
                if set.is_empty() { "no feature" } else { set }
            );
            let chosen = ["--package", package, "--no-default-features", "--features", set];
            let mut clippy = cargo(["clippy", "--all-targets"]);
            checked(
                &format!("clippy of {package} with `{set}`"),
                clippy.args(chosen).args(["--", "-D", "warnings"]),
            )?;
            let mut test = cargo(["test"]);
            with_boards(&mut test)?;
            checked(&format!("the tests of {package} with `{set}`"), test.args(chosen))?;
        }
    }
    Ok(Found::Good)
}

/// The oldest toolchain that the manifest promises: it compiles everything, tests included, and runs the
/// tests of the published crates.
fn msrv() -> Result<Found, String> {
    let oldest = env!("CARGO_PKG_RUST_VERSION");
    if let Some(why) = no_toolchain(oldest) {
        return Ok(Found::Skipped(why));
    }
    let toolchain = format!("+{oldest}");
    let dir = target().join("msrv");
    let mut check = cargo([&*toolchain, "check", "--all-targets"]);
    checked(
        &format!("the check with Rust {oldest}"),
        check.args(packages()).env("CARGO_TARGET_DIR", &dir),
    )?;
    let mut test = cargo([&*toolchain, "test"]);
    for package in [
        "belay-syntax",
        "belay-macros",
        "belay-runtime",
        "belay-rs",
        "belay-packages",
    ] {
        test.args(["--package", package]);
    }
    good(
        &format!("the tests with Rust {oldest}"),
        test.env("CARGO_TARGET_DIR", &dir),
    )
}

/// The direct dependencies of the published crates, in the oldest versions that their manifests allow.
fn minimal_versions() -> Result<Found, String> {
    if let Some(why) = no_toolchain("nightly") {
        return Ok(Found::Skipped(why));
    }
    // Uses a copy with a lock file of its own, so that the workspace's stays as it is.
    let copy = target().join("minimal-versions");
    outside::copy_workspace(&copy)?;
    let mut update = cargo(["+nightly", "update", "-Z", "direct-minimal-versions"]);
    checked("resolving to the oldest versions", update.current_dir(&copy))?;
    let mut check = cargo(["check", "--all-features"]);
    for package in [
        "belay-syntax",
        "belay-macros",
        "belay-runtime",
        "belay-rs",
        "belay-packages",
    ] {
        check.args(["--package", package]);
    }
    check
        .current_dir(&copy)
        .env("CARGO_TARGET_DIR", target().join("minimal"));
    good("the check with the oldest versions", &mut check)
}

/// No unused dependencies.
fn unused() -> Result<Found, String> {
    if let Some(why) = no_tool("cargo-machete", &mut cargo(["machete"])) {
        return Ok(Found::Skipped(why));
    }
    good("cargo machete", &mut cargo(["machete"]))
}

/// Licences, sources and versions of dependencies; and advisories, if their database can be downloaded.
fn deny() -> Result<Found, String> {
    if let Some(why) = no_tool("cargo-deny", &mut cargo(["deny"])) {
        return Ok(Found::Skipped(why));
    }
    checked(
        "cargo deny",
        &mut cargo(["deny", "check", "licenses", "bans", "sources"]),
    )?;
    if succeeds(&mut cargo(["deny", "fetch", "db"])) {
        good("the advisories", &mut cargo(["deny", "check", "advisories"]))
    } else {
        Ok(Found::Skipped(
            "the advisories cannot be fetched here; licences, bans and sources are good".to_owned(),
        ))
    }
}

/// Schedules of calls and faults, many more than the tests run: of boards at hand, and of boards far away.
fn simulation() -> Result<Found, String> {
    let count = ["--count".to_owned(), SCHEDULES.to_owned()];
    simulate(&count)
        .and_then(|()| simulate(&[&count[..], &["--far".to_owned()]].concat()))
        .map(|()| Found::Good)
        .map_err(|_| "see above".to_owned())
}

/// The simulation finds planted faults.
fn planted() -> Result<Found, String> {
    plant::run().map(|()| Found::Good)
}

/// The packages contain everything that they need.
fn package() -> Result<Found, String> {
    same_licences()?;
    pack()?;
    for name in PUBLISHED {
        let list = cargo(["package", "--list", "--allow-dirty", "--package", name])
            .output()
            .map_err(|error| format!("cargo package: {error}"))?;
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let files: BTreeSet<&str> = list.lines().collect();
        for file in ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "Cargo.toml"] {
            if !files.contains(file) {
                return Err(format!("the package of {name} has no {file}"));
            }
        }
    }
    Ok(Found::Good)
}

/// Makes the packages without building them, which is another check.
fn pack() -> Outcome {
    let mut package = cargo(["package", "--allow-dirty", "--no-verify"]);
    package.args(PUBLISHED.iter().flat_map(|name| ["--package", *name]));
    checked("cargo package", &mut package)
}

/// Each crate's licence files equal those of the workspace, also where they were checked out as copies
/// instead of links.
fn same_licences() -> Outcome {
    let read = |path: &Path| fs::read(path).map_err(|error| format!("reading {}: {error}", path.display()));
    for name in PUBLISHED {
        let folder = if name == "belay-rs" { "belay" } else { name };
        for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
            if read(&workspace().join(licence))? != read(&workspace().join(folder).join(licence))? {
                return Err(format!("{folder}/{licence} is not the workspace's"));
            }
        }
    }
    Ok(())
}

/// Each package builds and passes its own tests outside of the workspace.
fn outside() -> Result<Found, String> {
    outside::test_packages()
}

/// Tries to install a missing toolchain; if it still is missing, says why.
fn no_toolchain(name: &str) -> Option<String> {
    let there = || succeeds(Command::new("rustup").args(["run", name, "rustc", "--version"]));
    let mut install = Command::new("rustup");
    install.args(["toolchain", "install", name, "--profile", "minimal"]);
    let installed = there() || (succeeds(&mut install) && there());
    (!installed).then(|| format!("the toolchain {name} is missing: `rustup toolchain install {name}`"))
}

/// Tries to install a missing tool; if it still is missing, says why. `command` runs the tool.
fn no_tool(package: &str, command: &mut Command) -> Option<String> {
    command.arg("--version");
    if succeeds(command) {
        return None;
    }
    if env::var_os("CI").is_some() {
        println!("Installing {package}");
        let _ = cargo(["install", "--quiet", "--locked", package]).status();
        if succeeds(command) {
            return None;
        }
    }
    Some(format!(
        "{package} is missing: `cargo install --locked {package}`"
    ))
}
