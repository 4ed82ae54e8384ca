//! The compiler's messages: none for correct programs, and exactly these for mistakes.
//!
//! There are two runs, because trybuild runs one compiler after the other for all cases if any of them has to pass, but
//! one cargo for all cases if all of them have to fail.

use std::path::Path;

/// Copies the cases' folders of modules to where trybuild puts its generated crate.
fn bring_modules() {
    let test = std::env::current_exe().expect("this program has a path");
    let target = test.ancestors().nth(3).expect("it is in a folder of the target");
    let cases = target.join("tests/trybuild").join(env!("CARGO_PKG_NAME"));
    copy(Path::new("ui/modules"), &cases.join("modules"));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let from = entry.expect("an entry").path();
        let to = to.join(from.file_name().expect("a name"));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).expect("a copy");
        }
    }
}

#[test]
fn nothing_is_told_where_there_is_no_mistake() {
    bring_modules();
    trybuild::TestCases::new().pass("ui/pass/*.rs");
}

/// After changing a message: `TRYBUILD=overwrite cargo test -p belay-tests --test ui`, and read the difference.
#[test]
fn mistakes_are_told_where_they_are_made_and_nothing_else_is() {
    bring_modules();
    trybuild::TestCases::new().compile_fail("ui/fail/*/*.rs");
}
