//! The tools of this folder take the options that the documents give them, and what people type in a checkout or in a
//! project of their own, by `tests/commands.txt`, does what it is for.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use belay_sim::Board;
use tempfile::TempDir;

/// The tools that are programs of this package, as `cargo xtask` calls them.
const TOOLS: [(&str, &str); 5] = [
    ("bench", env!("CARGO_BIN_EXE_bench")),
    ("faults", env!("CARGO_BIN_EXE_faults")),
    ("roundtrip", env!("CARGO_BIN_EXE_roundtrip")),
    ("soak", env!("CARGO_BIN_EXE_soak")),
    ("syntax", env!("CARGO_BIN_EXE_syntax")),
];

fn documents() -> impl Iterator<Item = PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["", "docs/src", ".github"].map(|folder| root.join(folder));
    let entries = folders
        .into_iter()
        .flat_map(|folder| fs::read_dir(folder).expect("it is there"));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension() == Some("md".as_ref()))
}

/// The arguments after `cargo xtask` and a tool's name, for each place where a document has such a command.
fn typed<'a>(text: &'a str, tool: &str) -> Vec<Vec<&'a str>> {
    let command = format!("cargo xtask {tool}");
    let found = text.lines().flat_map(|line| line.split(command.as_str()).skip(1));
    let typed = found.map(|rest| rest.split(['`', '#', ';']).next().unwrap_or_default());
    typed.map(|typed| typed.split_whitespace().collect()).collect()
}

#[test]
fn the_tools_take_the_options_that_documents_give_them() {
    let mut given = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).expect("it can be read");
        for (tool, program) in TOOLS {
            for words in typed(&text, tool) {
                let help = Command::new(program).arg("--help").output().expect("it starts");
                let help = String::from_utf8_lossy(&help.stdout);
                for option in words.iter().filter(|word| word.starts_with("--")) {
                    let has = help.split([' ', ',', '\n', '=']).any(|word| word == *option);
                    assert!(has, "{}: `{tool}` has no {option}", path.display());
                    given += 1;
                }
            }
        }
    }
    assert!(given > 5, "only {given} options were found");
}

/// A cargo that has built what it is to run, and so begins at once; what is not to run a program of ours the real one does.
/// It prepares nothing for the tools as `cargo xtask` would, which would install programs of others.
const CARGO: &str = r#"#!/bin/sh
set -eu
case "$1 ${2-}" in
    "xtask bench" | "xtask faults" | "xtask simulate" | "xtask soak") shift; name=$1; shift; exec "$BUILT/$name" "$@" ;;
    "xtask "*)
        shift
        # It has no tests with which it would be built.
        "$REAL_CARGO" build --quiet --package xtask --manifest-path ../belay/Cargo.toml --target-dir "$BUILT/.."
        exec "$BUILT/xtask" "$@"
        ;;
    "run "*) shift ;;
    *) exec "$REAL_CARGO" "$@" ;;
esac
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    case "$1" in
        --quiet) shift; continue ;;
        -p | --package) program=$2 ;;
        --example) program=examples/$2 ;;
        --features) ;;
        *) echo "this is no option of cargo run: $1" >&2; exit 2 ;;
    esac
    shift 2
done
shift
exec "$BUILT/$program" "$@"
"#;

/// The commands that this runs by `tests/commands.txt`.
fn commands() -> Vec<String> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("commands.txt");
    let table = fs::read_to_string(table).expect("it can be read");
    let (_, section) = table
        .split_once(&format!("\n[{}]\n", file!()))
        .expect("the table has its commands");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let lines = lines.filter(|line| !line.is_empty());
    let mut run: Vec<String> = Vec::new();
    for line in lines {
        let line = line.rsplit(" => ").next().unwrap_or_default();
        if !run.iter().any(|before| before == line) {
            run.push(line.to_owned());
        }
    }
    run
}

/// A folder with a project in it beside the checkout, and how to type there.
struct Desk {
    folder: TempDir,
    board: Board,
}

impl Desk {
    fn new() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let board = Board::unix().start_blocking().map_err(io::Error::other)?;
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        symlink(checkout, folder.path().join("belay"))?;
        for (path, text) in [
            ("bin/cargo", CARGO),
            (
                "thing/Cargo.toml",
                "[package]\nname = \"thing\"\nedition = \"2024\"\n",
            ),
            ("thing/src/main.rs", "fn main() {}\n"),
            ("thing/main.py", "# A comment\nprint(1)\n"),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
            fs::write(path, text)?;
        }
        fs::set_permissions(folder.path().join("bin/cargo"), fs::Permissions::from_mode(0o755))?;
        Ok(Self { folder, board })
    }

    fn typed(&self, line: &str) -> Command {
        let built = Path::new(TOOLS[0].1).parent().expect("it is in a folder");
        let cargo = self.folder.path().join("bin/cargo");
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = [self.folder.path().join("bin"), built.to_owned()];
        let path = std::env::join_paths(path.into_iter().chain(std::env::split_paths(&others)));
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &line.replace("/dev/ttyACM0", self.board.port())])
            .current_dir(self.folder.path().join("thing"))
            .env("PATH", path.expect("no folder has a colon in its name"))
            .env("BUILT", built)
            .env("CARGO", cargo)
            .env("REAL_CARGO", env!("CARGO"))
            // It is for what tests compile (`.cargo/config.toml`), and would have xtask be compiled twice.
            .env_remove("CARGO_PROFILE_DEV_DEBUG")
            // What a project of ours needs was fetched to build this.
            .env("CARGO_NET_OFFLINE", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        shell
    }

    /// Types it, and says what is wrong with that.
    fn run(&self, line: &str) -> Result<(), String> {
        // A board is there until it is interrupted.
        let endless = line.ends_with(" unix");
        let typed = if endless {
            format!("exec {line}")
        } else {
            line.to_owned()
        };
        let mut child = self.typed(&typed).spawn().map_err(|error| error.to_string())?;
        let mut first = String::new();
        if endless && let Some(output) = child.stdout.as_mut() {
            let read = BufReader::new(output).read_line(&mut first);
            let interrupt = Command::new("kill")
                .args(["-INT", &child.id().to_string()])
                .status();
            read.and(interrupt).map_err(|error| error.to_string())?;
        }
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        let good = if endless {
            first.contains("/dev/")
        } else {
            output.status.success()
        };
        let [said, complaints] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        let failed = format!("{line}: {}\n{first}{said}{complaints}", output.status);
        if good { Ok(()) } else { Err(failed) }
    }
}

/// All programs that it needs are built when the tests of the whole workspace are.
#[test]
fn the_commands_that_the_documents_give_do_what_they_are_for() {
    let desk = Desk::new().expect("there is room for a folder and a board");
    let commands = commands();
    let wrong: Vec<String> = commands.iter().filter_map(|line| desk.run(line).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(commands.len() > 15, "only {} commands were run", commands.len());
}
