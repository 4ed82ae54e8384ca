//! The tools of this folder take the options that the documents give them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

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
