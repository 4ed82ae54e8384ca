//! What the documents say of this repository is true: their links lead to something, the commands that they name are
//! there and run by something, each chapter of the guide is in its summary and compiled, and its table of costs is what was
//! counted.

mod commands;
mod examples;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use clap::CommandFactory as _;
use serde::Deserialize;

use crate::{Arguments, ci, run::workspace};

/// The folders with documents for people.
const FOLDERS: [&str; 11] = [
    "",
    "docs/src",
    ".github",
    ".github/ISSUE_TEMPLATE",
    "belay-cli",
    "belay-fleet",
    "belay-macros",
    "belay-packages",
    "belay-runtime",
    "belay-sim",
    "belay-syntax",
];

/// Where the repository is on the web, whose files are those here: as pages, and as what they are.
const ON_THE_WEB: [&str; 2] = [
    "https://github.com/belay-rs/belay/blob/main/",
    "https://raw.githubusercontent.com/belay-rs/belay/main/",
];

/// A document for people.
struct Document {
    path: PathBuf,
    text: String,
}

impl Document {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, text }
    }

    /// The lines that are not in code blocks.
    fn prose(&self) -> impl Iterator<Item = &str> {
        let mut code = false;
        self.text.lines().filter(move |line| {
            let fence = line.trim_start().starts_with("```");
            code ^= fence;
            !code && !fence
        })
    }

    /// The targets of all links.
    fn links(&self) -> impl Iterator<Item = &str> {
        let links = self.prose().flat_map(|line| line.split("](").skip(1));
        links.filter_map(|rest| rest.split(')').next())
    }

    /// The anchors of the headings.
    fn anchors(&self) -> BTreeSet<String> {
        let headings = self.prose().filter(|line| line.starts_with('#'));
        let anchor = |heading: &str| {
            let words = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        };
        headings.map(anchor).collect()
    }

    /// For each occurrence of `words`: the words that follow it, up to the end of the line or of the code.
    fn behind<'a>(&'a self, words: &'a str) -> impl Iterator<Item = Vec<&'a str>> {
        let found = self.text.lines().flat_map(move |line| line.split(words).skip(1));
        found.map(|rest| {
            let command = rest.split(['`', '#']).next().unwrap_or_default();
            command.split_whitespace().collect()
        })
    }
}

/// The documents in a folder.
fn in_folder(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(workspace().join(folder)).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

fn documents() -> Vec<Document> {
    let documents: Vec<_> = FOLDERS
        .iter()
        .flat_map(|folder| in_folder(folder))
        .map(Document::read)
        .collect();
    assert!(
        documents.len() > 10,
        "only {} documents were found",
        documents.len()
    );
    documents
}

fn chapters() -> BTreeSet<String> {
    let names = in_folder("docs/src")
        .into_iter()
        .filter_map(|path| Some(path.file_name()?.display().to_string()));
    names.filter(|name| name != "SUMMARY.md").collect()
}

fn read(path: &str) -> String {
    Document::read(workspace().join(path)).text
}

/// The error in a link, if there is one.
fn wrong(document: &Document, link: &str) -> Option<String> {
    let (target, anchor) = link
        .split_once('#')
        .map_or((link, None), |(target, anchor)| (target, Some(anchor)));
    let path = if let Some(path) = ON_THE_WEB.iter().find_map(|web| target.strip_prefix(web)) {
        workspace().join(path)
    } else if target.contains("://") || target.starts_with("mailto:") {
        return None;
    } else if target.is_empty() {
        document.path.clone()
    } else {
        document.path.parent().unwrap_or(Path::new("")).join(target)
    };
    if !path.exists() {
        return Some("there is no such file".to_owned());
    }
    let anchor = anchor?;
    (!Document::read(path).anchors().contains(anchor)).then(|| "there is no such heading".to_owned())
}

#[test]
fn links_of_documents_lead_to_what_is_there() {
    let wrong: Vec<_> = documents()
        .iter()
        .flat_map(|document| {
            let wrong = document
                .links()
                .filter_map(|link| Some((link, wrong(document, link)?)));
            wrong
                .map(|(link, why)| format!("{}: `{link}`: {why}", document.path.display()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where packages are published their pages stand in the package's folder, from which no other is to be found.
#[test]
fn links_of_the_pages_of_packages_are_whole() {
    let pages = documents().into_iter().filter(|document| {
        let folder = document.path.parent().unwrap_or(Path::new(""));
        document.path.ends_with("README.md") && folder.join("Cargo.toml").exists()
    });
    for page in pages {
        let relative = page
            .links()
            .find(|link| !link.starts_with('#') && !link.contains("://"));
        assert_eq!(relative, None, "{}", page.path.display());
    }
}

/// The features that the crates of the workspace have.
fn features() -> BTreeSet<String> {
    let manifests = fs::read_dir(workspace()).into_iter().flatten().flatten();
    let manifests = manifests.filter_map(|entry| fs::read_to_string(entry.path().join("Cargo.toml")).ok());
    let of_manifest = |text: String| {
        let (_, behind) = text.split_once("[features]\n")?;
        let lines = behind.lines().take_while(|line| !line.starts_with('['));
        let names = lines.filter_map(|line| Some(line.split_once(" = ")?.0.to_owned()));
        Some(names.collect::<Vec<_>>())
    };
    manifests.filter_map(of_manifest).flatten().collect()
}

#[test]
fn commands_that_documents_name_are_there() {
    let arguments = Arguments::command();
    let commands: BTreeSet<&str> = arguments.get_subcommands().map(clap::Command::get_name).collect();
    let features = features();
    for document in documents() {
        let at = document.path.display();
        for words in document.behind("cargo xtask ") {
            let name = words.first().copied().unwrap_or_default();
            // `cargo xtask …` and `cargo xtask --help` name no command.
            let named = name.starts_with(|c: char| c.is_ascii_lowercase());
            assert!(
                !named || commands.contains(name),
                "{at}: there is no `cargo xtask {name}`"
            );
            let checks = words.iter().skip(1).filter(|_| name == "ci");
            for check in checks {
                assert!(ci::names().contains(check), "{at}: there is no check `{check}`");
            }
        }
        for words in document.behind("cargo ") {
            for pair in words.windows(2) {
                let [option, name] = pair else { continue };
                // Features of packages that are not ours are not checked.
                if *option == "--features" && !words.contains(&"tokio") {
                    for feature in name.split(',') {
                        let there = features.contains(feature);
                        assert!(there, "{at}: `cargo {}`: no feature {feature}", words.join(" "));
                    }
                }
                let places = match *option {
                    "--example" => vec![
                        format!("examples/{name}.rs"),
                        format!("belay-fleet/examples/{name}.rs"),
                    ],
                    "--test" => vec![format!("examples/{name}.rs"), format!("tests/tests/{name}.rs")],
                    "-p" | "--package" => {
                        // The folder of a crate has the crate's name, or the last part of it.
                        let last = if *name == "belay-rs" {
                            "belay"
                        } else {
                            name.trim_start_matches("belay-")
                        };
                        [*name, last]
                            .map(|folder| format!("{folder}/Cargo.toml"))
                            .to_vec()
                    }
                    _ => continue,
                };
                let there = places.iter().any(|place| workspace().join(place).exists());
                assert!(there, "{at}: `{option} {name}`: there is none");
            }
        }
    }
}

/// The commands of `belay` in a document: the words of each, without `belay` itself.
fn of_belay(document: &Document) -> impl Iterator<Item = Vec<&str>> {
    let mut code = false;
    document.text.lines().flat_map(move |line| {
        code ^= line.trim_start().starts_with("```");
        let quoted = line.split('`').skip(1).step_by(2);
        let here = quoted.chain(code.then(|| line.trim_start().trim_start_matches("$ ")));
        here.filter_map(|text| text.strip_prefix("belay "))
            .map(|command| command.split_whitespace().collect())
            .collect::<Vec<_>>()
    })
}

#[test]
fn commands_of_belay_that_documents_name_are_in_its_help() {
    let help = read("belay-cli/tests/snapshots/help.txt") + &read("belay-cli/tests/snapshots/help-fleet.txt");
    let help: BTreeMap<&str, &str> = help
        .split("$ belay ")
        .filter_map(|page| page.split_once("--help\n"))
        .map(|(command, page)| (command.trim(), page))
        .chain([("help", "")])
        .collect();
    let mut named = 0;
    for document in documents() {
        for words in of_belay(&document) {
            let at = format!("{}: `belay {}`", document.path.display(), words.join(" "));
            let commands: Vec<_> = words
                .iter()
                .take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
                .copied()
                .collect();
            // The command is the longest prefix with a help page. If there is none, only the global options
            // may be used.
            let page = (0..=commands.len()).rev().find_map(|count| {
                let page = help.get(commands[..count].join(" ").as_str())?;
                Some((count, *page))
            });
            let (count, page) = page.expect("a page without a command");
            // If no subcommand has to follow, further words are arguments.
            let follows = page.contains("\nCommands:\n") && !page.contains(" [COMMAND]\n");
            let whole = count == commands.len() || !follows;
            assert!(whole, "{at}: there is no such command");
            let options = words.iter().take_while(|word| **word != "|");
            for option in options.filter(|word| word.starts_with('-') && word.len() > 1) {
                let has = page.contains(&format!("{option} "))
                    || page.contains(&format!("{option},"))
                    || page.contains(&format!("{option}\n"));
                assert!(has, "{at}: no option {option}");
            }
            named += 1;
        }
    }
    assert!(named > 30, "only {named} commands were found");
}

#[test]
fn each_chapter_is_in_the_summary_and_is_compiled() {
    let summary = Document::read(workspace().join("docs/src/SUMMARY.md"));
    let listed: BTreeSet<String> = summary.links().map(str::to_owned).collect();
    assert_eq!(listed, chapters(), "the summary, and the chapters");
    // The chapter that needs Zenoh is compiled where that is.
    let compiled = read("tests/src/guide.rs") + &read("examples/src/lib.rs");
    for chapter in chapters() {
        assert!(
            compiled.contains(&format!("{chapter}\"")),
            "tests/src/guide.rs has not got {chapter}"
        );
    }
}

#[test]
fn each_kind_of_error_is_in_the_guide() {
    let source = read("belay-runtime/src/error/mod.rs");
    let (_, kinds) = source.split_once("pub enum ErrorKind {\n").expect("it is there");
    let kinds = kinds.lines().take_while(|line| *line != "}");
    let names = kinds.filter_map(|line| {
        let line = line.strip_prefix("    ")?;
        let end = line.find(|c: char| !c.is_ascii_alphanumeric())?;
        (end > 0).then_some(&line[..end])
    });
    let guide = read("docs/src/errors.md");
    let missing: Vec<_> = names
        .filter(|name| !guide.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "docs/src/errors.md has no {missing:?}");
}

/// Where the table of costs begins and ends in the chapter on performance.
const BEGIN: &str = "<!-- From tests/cost.jsonl, by `BELAY_KEEP=1 cargo test -p xtask`. -->\n";
const END: &str = "<!-- The end of the table. -->\n";

/// The rows of the table, by their names in `tests/cost.jsonl`.
const ROWS: [(&str, &str); 15] = [
    ("call", "a call with two integers"),
    ("mixed", "a call with a float and a text"),
    ("print", "a call that prints a line"),
    ("list", "2,000 integers back"),
    ("floats", "500 floats back"),
    ("dicts", "a `dict` of 20 `dict`s back"),
    ("strings", "100 texts back"),
    ("arg_list", "500 integers as an argument"),
    ("bytes_down", "16 KB of bytes back"),
    ("bytes_up", "16 KB of bytes as an argument"),
    ("bytes_in", "16 KB of bytes as a stream to the board"),
    ("stream", "a stream of 200 items"),
    ("question", "a host function that a body calls, with two integers"),
    ("connect_first", "connecting for the first time"),
    ("connect", "connecting again"),
];

/// A line of `tests/cost.jsonl`.
#[derive(Debug, Deserialize)]
struct Cost {
    who: String,
    what: String,
    instructions: Option<u64>,
    bytes_to: u64,
    bytes_from: u64,
    turns: u64,
}

impl Cost {
    fn cell(&self) -> String {
        let instructions = self.instructions.map_or_else(
            || "not counted".to_owned(),
            |instructions| format!("{}\u{a0}k", grouped((instructions + 500) / 1000)),
        );
        format!(
            "{}; {} + {}; {instructions}",
            self.turns,
            grouped(self.bytes_to),
            grouped(self.bytes_from)
        )
    }
}

/// A number with its digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

fn table() -> String {
    let costs: Vec<Cost> = read("tests/cost.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a cost"))
        .collect();
    let by_name: BTreeMap<_, _> = costs
        .iter()
        .map(|cost| ((cost.who.as_str(), cost.what.as_str()), cost))
        .collect();
    let lines = ROWS.iter().map(|(what, title)| {
        let cells = ["agent", "belay-python", "mpremote"];
        let cells = cells.map(|who| {
            by_name
                .get(&(who, *what))
                .map_or(String::new(), |cost| cost.cell())
        });
        format!("| {title} | {} |", cells.join(" | "))
    });
    let head = [
        "| | Belay for Rust | Belay for Python | mpremote |",
        "| --- | --- | --- | --- |",
    ];
    let lines: Vec<_> = head.map(str::to_owned).into_iter().chain(lines).collect();
    lines.join("\n")
}

#[test]
fn the_table_of_costs_is_what_was_counted() {
    let path = workspace().join("docs/src/performance.md");
    let text = read("docs/src/performance.md");
    let (before, rest) = text.split_once(BEGIN).expect("the beginning of the table");
    let (kept, after) = rest.split_once(END).expect("the end of the table");
    let counted = table();
    if env::var_os("BELAY_KEEP").is_some() {
        // Replace the file in one step, since other tests read it meanwhile.
        let new = path.with_extension("new");
        let written = fs::write(&new, format!("{before}{BEGIN}\n{counted}\n\n{END}{after}"));
        written
            .and_then(|()| fs::rename(new, path))
            .expect("it can be written");
        return;
    }
    assert_eq!(
        kept.trim(),
        counted.trim(),
        "`BELAY_KEEP=1 cargo test -p xtask` writes the table anew"
    );
}
