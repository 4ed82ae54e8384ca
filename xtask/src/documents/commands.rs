//! Every command that a document gives is run: `tests/commands.txt` says by what.

use std::collections::{BTreeMap, BTreeSet};

use super::{Document, documents, read};
use crate::run::workspace;

const TABLE: &str = "tests/commands.txt";

/// What is not for people who do something: a list of what has changed, which names commands as they were then.
const HISTORY: &str = "CHANGELOG.md";

/// What a command in a sentence begins with, and what begins one with a word more.
const PROGRAMS: [&str; 13] = [
    "apt-get",
    "belay",
    "belay-sim",
    "belay-syntax",
    "cargo",
    "git",
    "jq",
    "mdbook",
    "mpremote",
    "openssl",
    "pip",
    "rustup",
    "sudo",
];

/// What a person's own shell does, and what screens show of files.
const OF_THE_SHELL: [&str; 2] = ["export", "cat"];

/// The commands that a document gives, on their lines of a shell, on screens and in sentences.
fn given(document: &Document) -> BTreeSet<String> {
    let mut given: BTreeSet<String> = in_sentences(document).collect();
    let mut language = None;
    for line in document.text.lines() {
        if let Some(fence) = line.trim_start().strip_prefix("```") {
            language = language.is_none().then_some(fence);
            continue;
        }
        let command = match language {
            Some("sh" | "bash" | "console") => line.split(" #").next(),
            Some("text") => line.strip_prefix("$ ").or_else(|| {
                let at = line.find("cargo xtask ")?;
                line.get(at..)
            }),
            _ => None,
        };
        let command = command.map(str::trim).unwrap_or_default();
        let shell = OF_THE_SHELL.iter().any(|word| program(command) == Some(*word));
        if !command.is_empty() && !command.starts_with('#') && !shell {
            given.insert(command.to_owned());
        }
    }
    given
}

/// The first word, behind what is said to the environment.
fn program(command: &str) -> Option<&str> {
    let mut words = command.split_whitespace();
    words.find(|word| {
        let variable = word.split_once('=').map(|(name, _)| name);
        !variable.is_some_and(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    })
}

/// What stands between backticks, with blanks for the ends of lines, where it is a command.
fn in_sentences(document: &Document) -> impl Iterator<Item = String> {
    let prose: Vec<&str> = document.prose().collect();
    let prose = prose.join("\n");
    let quoted: Vec<String> = prose.split("\n\n").flat_map(quoted).collect();
    quoted.into_iter().filter(|text| {
        let is_ours = program(text).is_some_and(|program| PROGRAMS.contains(&program));
        is_ours && text.contains(' ')
    })
}

/// What a paragraph has between backticks: as many of them end it as have begun it.
fn quoted(paragraph: &str) -> Vec<String> {
    let mut quoted = Vec::new();
    let mut rest = paragraph;
    while let Some(begin) = rest.find('`') {
        let behind = rest[begin..].trim_start_matches('`');
        let marks = &rest[begin..rest.len() - behind.len()];
        let end = behind.match_indices(marks).map(|(at, _)| at).find(|at| {
            let alone = !behind[..*at].ends_with('`');
            alone && !behind[at + marks.len()..].starts_with('`')
        });
        let Some(end) = end else {
            rest = behind;
            continue;
        };
        quoted.push(behind[..end].split_whitespace().collect::<Vec<_>>().join(" "));
        rest = &behind[end + marks.len()..];
    }
    quoted
}

/// A line of the table.
struct Line {
    /// By what it is run, or why by nothing.
    by: String,
    command: String,
    /// What is run in its place.
    instead: Option<String>,
}

fn table() -> Vec<Line> {
    let mut by = String::new();
    let mut lines = Vec::new();
    for line in read(TABLE).lines() {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section.clone_into(&mut by);
        } else if !line.is_empty() && !line.starts_with('#') {
            let (command, instead) = line
                .split_once(" => ")
                .map_or((line, None), |(command, instead)| (command, Some(instead)));
            lines.push(Line {
                by: by.clone(),
                command: command.to_owned(),
                instead: instead.map(str::to_owned),
            });
        }
    }
    lines
}

#[test]
fn each_command_of_the_documents_has_something_that_runs_it() {
    let mut given_in: BTreeMap<String, String> = BTreeMap::new();
    let for_people = documents()
        .into_iter()
        .filter(|document| !document.path.ends_with(HISTORY));
    for document in for_people {
        for command in given(&document) {
            given_in.insert(command, document.path.display().to_string());
        }
    }
    let table = table();
    let listed: BTreeSet<&str> = table.iter().map(|line| line.command.as_str()).collect();
    let missing = given_in
        .iter()
        .filter(|(command, _)| !listed.contains(command.as_str()))
        .map(|(command, path)| format!("{path} gives `{command}`, and {TABLE} does not say what runs it"));
    let stale = listed
        .iter()
        .filter(|command| !given_in.contains_key(**command))
        .map(|command| format!("{TABLE} has `{command}`, which no document gives"));
    let wrong: Vec<String> = missing.chain(stale).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(listed.len(), table.len(), "a command stands in {TABLE} twice");
    assert!(table.len() > 100, "only {} commands were found", table.len());
}

#[test]
fn what_is_said_to_run_a_command_does() {
    let ci = read(".github/workflows/ci.yml");
    for Line { by, command, .. } in table() {
        if let Some(job) = by.strip_prefix("CI: ") {
            assert!(ci.contains(&format!("run: {job}")), "CI does not run `{job}`");
        } else if !by.starts_with("nothing: ") {
            assert!(workspace().join(&by).is_file(), "`{command}`: there is no {by}");
            assert!(read(&by).contains(TABLE), "{by} does not read {TABLE}");
        }
    }
}

/// The program and its command, and the options.
fn parts(command: &str) -> (Vec<&str>, BTreeSet<&str>) {
    let names = command
        .split_whitespace()
        .take_while(|word| !word.starts_with('-'));
    // What is typed in a place of one's own is what differs.
    let names = names.filter(|word| !word.contains(['=', '"', ':']));
    let options = command.split_whitespace().filter(|word| word.starts_with('-'));
    (names.collect(), options.collect())
}

#[test]
fn what_is_run_in_the_place_of_a_command_is_like_it() {
    for Line { command, instead, .. } in table() {
        let Some(instead) = instead else { continue };
        let ((names, options), (their_names, their_options)) = (parts(&command), parts(&instead));
        assert_eq!(names, their_names, "`{command}` => `{instead}`");
        assert!(options.is_subset(&their_options), "`{command}` => `{instead}`");
    }
}
