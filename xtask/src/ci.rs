//! What has to hold before a version is published, besides that the tests pass.

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

/// A crate with features, and all sets of them that are built and tested, each by itself.
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

/// How many schedules are simulated: half a minute's work.
const SCHEDULES: &str = "20000";

/// Where the crates of a board's port are: only there belay-sim can be compiled.
const LINUX: bool = cfg!(target_os = "linux");

/// One thing that has to hold.
struct Check {
    name: &'static str,
    run: fn() -> Result<Found, String>,
}

/// What became of a check that did not fail.
enum Found {
    Good,
    /// Nothing was checked, for this reason.
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

/// Runs the checks, or those that are named, and says of each how it ended.
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

/// A cargo of this toolchain or, by `+name`, of another one, without the variables by which ours would rule it.
fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace()).args(arguments);
    for variable in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        cargo.env_remove(variable);
    }
    cargo
}

/// Tells tests where the simulated boards and mpremote are, which only those of belay-sim ask for.
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

/// The documentation, where every link leads somewhere.
fn docs() -> Result<Found, String> {
    let mut doc = cargo(["doc", "--no-deps", "--all-features"]);
    let published = PUBLISHED.iter().filter(|name| LINUX || **name != "belay-sim");
    doc.args(published.flat_map(|name| ["--package", *name]));
    good("cargo doc", doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// The guide. That its code compiles and its links lead somewhere is shown by the tests.
fn book() -> Result<Found, String> {
    if let Some(why) = no_tool("mdbook", &mut Command::new("mdbook")) {
        return Ok(Found::Skipped(why));
    }
    book::build().map(|()| Found::Good)
}

/// Each feature by itself, none and all: they compile without a warning and pass the tests of their crate.
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

/// The oldest toolchain that the manifest promises compiles everything, tests included, and runs the published
/// crates' own.
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

/// The oldest versions that the manifests allow of what the published crates depend on themselves.
fn minimal_versions() -> Result<Found, String> {
    if let Some(why) = no_toolchain("nightly") {
        return Ok(Found::Skipped(why));
    }
    // A lock file of its own, in a copy: ours stays as it is.
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

/// No dependency that nothing uses.
fn unused() -> Result<Found, String> {
    if let Some(why) = no_tool("cargo-machete", &mut cargo(["machete"])) {
        return Ok(Found::Skipped(why));
    }
    good("cargo machete", &mut cargo(["machete"]))
}

/// Licences, sources and versions of what we depend on, and advisories where their database can be had.
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

/// Schedules of calls and faults, many more than the tests run.
fn simulation() -> Result<Found, String> {
    simulate(&["--count".to_owned(), SCHEDULES.to_owned()])
        .map(|()| Found::Good)
        .map_err(|_| "see above".to_owned())
}

/// The simulation finds faults that are there.
fn planted() -> Result<Found, String> {
    plant::run().map(|()| Found::Good)
}

/// The packages that would be uploaded hold all that they need.
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

/// Makes the packages; that they build is another check.
fn pack() -> Outcome {
    let mut package = cargo(["package", "--allow-dirty", "--no-verify"]);
    package.args(PUBLISHED.iter().flat_map(|name| ["--package", *name]));
    checked("cargo package", &mut package)
}

/// The licences of each crate are those of the workspace, wherever the links to them are not kept as links.
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

/// Each package builds and passes its own tests where there is nothing of the workspace.
fn outside() -> Result<Found, String> {
    outside::test_packages()
}

/// Why there is no such toolchain, after trying to install it.
fn no_toolchain(name: &str) -> Option<String> {
    let there = || succeeds(Command::new("rustup").args(["run", name, "rustc", "--version"]));
    let mut install = Command::new("rustup");
    install.args(["toolchain", "install", name, "--profile", "minimal"]);
    let installed = there() || (succeeds(&mut install) && there());
    (!installed).then(|| format!("the toolchain {name} is missing: `rustup toolchain install {name}`"))
}

/// Why there is no such tool, after trying to install it. The command runs it.
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
