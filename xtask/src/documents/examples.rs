//! The examples in the runtime's documentation are read on the pages of `belay`, whose readers have that and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::workspace;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn examples_of_the_runtime_name_the_crate_that_their_readers_have() {
    let mut paths = Vec::new();
    sources(&workspace().join("belay-runtime/src"), &mut paths);
    let mut wrong = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("it can be read");
        for line in text.lines().map(str::trim_start) {
            // What begins with `#` is not shown.
            let shown = ["/// ", "//! "].iter().find_map(|mark| line.strip_prefix(mark));
            if shown.is_some_and(|code| code.starts_with("use belay_runtime")) {
                wrong.push(format!("{}: {line}", path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "`# use belay_runtime as belay;` before it:\n{}",
        wrong.join("\n")
    );
}
