//! Faults that are planted in the host's conversation, one by one, in a copy of the sources: the simulation has to find
//! each of them.

use std::{fs, path::Path, process::Command};

use crate::{
    Outcome,
    run::{cargo, checked, target, workspace},
};

/// How many schedules a fault may take.
const SCHEDULES: &str = "10000";

/// A fault: what it is, the code that is there, and what becomes of it where `crate::planted(n)` is true.
struct Plant {
    what: &'static str,
    code: &'static str,
    planted: &'static str,
}

const PLANTS: [Plant; 13] = [
    Plant {
        what: "a frame's checksum is not looked at",
        code: "(checksum == self.checksum.of(text, self.seed)).then(",
        planted: "(checksum == self.checksum.of(text, self.seed) || crate::planted(0)).then(",
    },
    Plant {
        what: "what the board has is sent again, too",
        code: "self.flying.iter().take_while(had).count()",
        planted: "self.flying.iter().take_while(|flying| !crate::planted(1) && had(flying)).count()",
    },
    Plant {
        what: "a request does not increase the number",
        code: "self.next = number.next();",
        planted: "if !crate::planted(2) { self.next = number.next(); }",
    },
    Plant {
        what: "what is asked behind an interrupt is not waited for",
        code: "if self.liveness.is_asking() || self.liveness.is_interrupting() || self.reads_answers() {",
        planted: "if !crate::planted(3) && (self.liveness.is_asking() || self.liveness.is_interrupting()) || self.reads_answers() {",
    },
    Plant {
        what: "any answer is taken for that of the first request",
        code: "self.flying.iter().position(|flying| flying.number == number)",
        planted: "self.flying.iter().position(|flying| flying.number == number || crate::planted(4))",
    },
    Plant {
        what: "missing items are not asked for",
        code: "let all = flying.incoming.delivered() >= items || flying.is_unwanted();",
        planted: "let all = flying.incoming.delivered() >= items || flying.is_unwanted() || crate::planted(5);",
    },
    Plant {
        what: "a call that nobody waits for is not interrupted",
        code: "flying.abandoned = Some(until);\n        Cancelled::Flying { alone }",
        planted: "if crate::planted(6) { return Cancelled::Queued; }\n        flying.abandoned = Some(until);\n        Cancelled::Flying { alone }",
    },
    Plant {
        what: "a deadline never passes",
        code: "self.owed(head).unwrap_or(self.turn_began()) + head.job.deadline",
        planted: "self.owed(head).unwrap_or(self.turn_began()) + head.job.deadline * if crate::planted(7) { 1000 } else { 1 }",
    },
    Plant {
        what: "a board that was reset is taken for the one that it was",
        code: "Ok(Some(boot)) if *boot == self.boot => {",
        planted: "Ok(boot) if *boot == Some(self.boot) || crate::planted(8) => {",
    },
    Plant {
        what: "a call that has run is said not to have been sent",
        code: "Known::Closed | Known::Reset => known.cause(),\n                Known::Lost(_) =>",
        planted: "Known::Closed | Known::Reset if crate::planted(9) => disconnected(known.cause()),\n                \
                  Known::Closed | Known::Reset => known.cause(),\n                Known::Lost(_) =>",
    },
    Plant {
        what: "objects of before a reset are given back after it",
        code: "self.waiting.retain(|freed| freed.epoch() == epoch);",
        planted: "self.waiting.retain(|freed| freed.epoch() == epoch || crate::planted(10));",
    },
    Plant {
        what: "objects that never came are not given back",
        code: "if !self.whole {",
        planted: "if !self.whole && !crate::planted(11) {",
    },
    Plant {
        what: "objects that could not be given back are forgotten",
        code: "self.keeper.free(self.freed.drain(..));",
        planted: "if !crate::planted(12) { self.keeper.free(self.freed.drain(..)); }",
    },
];

/// What tells which one is planted.
const SWITCH: &str = r#"
pub(crate) fn planted(which: usize) -> bool {
    static PLANTED: std::sync::LazyLock<Option<usize>> =
        std::sync::LazyLock::new(|| std::env::var("BELAY_PLANTED").ok()?.parse().ok());
    *PLANTED == Some(which)
}
"#;

/// Plants each fault and has the simulation look for it.
pub(crate) fn run() -> Outcome {
    let copy = target().join("planted");
    println!(
        "Copying the sources to {} and building them with the faults",
        copy.display()
    );
    // Nothing is left of what has been renamed since.
    let _ = fs::remove_dir_all(&copy);
    copy_sources(&workspace(), &copy)?;
    plant(&copy.join("belay-runtime/src"))?;
    let mut build = cargo(["build", "--quiet", "--release", "--package", "belay-simulate"]);
    // The target directory is ours, so that what others have written is not compiled again.
    build.current_dir(&copy).env("CARGO_TARGET_DIR", target());
    let whether = checked("building the simulation with the faults", &mut build);
    // What was compiled of it would be taken for what is compiled of the workspace, for as long as its sources are there and
    // do not change.
    fs::remove_dir_all(&copy).map_err(|error| error.to_string())?;
    whether?;
    let program = target().join("planted-simulation");
    fs::copy(target().join("release/simulate"), &program).map_err(|error| error.to_string())?;
    let mut missed = Vec::new();
    for (at, plant) in PLANTS.iter().enumerate() {
        let mut simulation = Command::new(&program);
        simulation
            .args(["--count", SCHEDULES, "--first"])
            .env("BELAY_PLANTED", at.to_string());
        let output = simulation.output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout);
        let said = said.trim();
        if output.status.success() {
            missed.push(plant.what);
            println!("not found: {} ({said})", plant.what);
        } else {
            println!("found: {} ({said})", plant.what);
        }
    }
    println!(
        "planted: {} faults, {} found",
        PLANTS.len(),
        PLANTS.len() - missed.len()
    );
    if missed.is_empty() {
        Ok(())
    } else {
        Err(format!("not found: {}", missed.join("; ")))
    }
}

/// Copies what is needed to build, and nothing that was built.
fn copy_sources(from: &Path, to: &Path) -> Outcome {
    let say = |error: std::io::Error| format!("{}: {error}", from.display());
    fs::create_dir_all(to).map_err(say)?;
    for entry in fs::read_dir(from).map_err(say)? {
        let entry = entry.map_err(say)?;
        let name = entry.file_name();
        if name == "target" || name.to_string_lossy().starts_with('.') {
            continue;
        }
        let to = to.join(&name);
        if entry.file_type().map_err(say)?.is_dir() {
            copy_sources(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to).map_err(say)?;
        }
    }
    Ok(())
}

/// The files of the runtime's sources.
fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.is_dir() {
            all.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
    Ok(all)
}

/// Puts all faults into a copy of the runtime's sources, each behind its switch.
fn plant(source: &Path) -> Outcome {
    for plant in &PLANTS {
        let mut places = 0;
        for path in files(source)? {
            let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
            let found = text.matches(plant.code).count();
            if found > 0 {
                places += found;
                fs::write(&path, text.replace(plant.code, plant.planted))
                    .map_err(|error| error.to_string())?;
            }
        }
        if places != 1 {
            return Err(format!(
                "the code in which to plant \"{}\" is there {places} times; say in xtask/src/plant.rs what has become of \
                 it:\n{}",
                plant.what, plant.code
            ));
        }
    }
    let root = source.join("lib.rs");
    let text = fs::read_to_string(&root).map_err(|error| error.to_string())?;
    fs::write(&root, text + SWITCH).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_in_which_faults_are_planted_is_there_once() {
        let source = workspace().join("belay-runtime/src");
        let files = files(&source).unwrap();
        let texts: Vec<String> = files
            .iter()
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        for plant in &PLANTS {
            let places: usize = texts.iter().map(|text| text.matches(plant.code).count()).sum();
            assert_eq!(places, 1, "{}: {}", plant.what, plant.code);
        }
    }
}
