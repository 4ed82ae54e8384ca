//! The table of facts about boards names a test for each fact; this checks that the tests exist.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("the directory is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_fact_in_the_table_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace");
    let mut files = Vec::new();
    sources(&root.join("tests/tests/protocol"), &mut files);
    sources(&root.join("belay-runtime/src"), &mut files);
    sources(&root.join("belay-sim/tests"), &mut files);
    let code: String = files
        .iter()
        .map(|path| fs::read_to_string(path).expect("it is text"))
        .collect();
    let table = fs::read_to_string(root.join("belay-runtime/src/protocol/facts.md")).expect("the table");

    let rows = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| A board"));
    let rows: Vec<_> = rows.filter(|line| !line.starts_with("| ---")).collect();
    assert!(rows.len() > 30, "the table has {} rows", rows.len());
    for row in rows {
        let held_by = row
            .trim_end_matches(" |")
            .rsplit(" | ")
            .next()
            .expect("the last column");
        let names: Vec<_> = held_by
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| name.contains('_'))
            .collect();
        assert!(!names.is_empty(), "no test is named in {row}");
        for name in names {
            assert!(
                code.contains(&format!("fn {name}(")),
                "there is no test {name}, as named in {row}"
            );
        }
    }
}
