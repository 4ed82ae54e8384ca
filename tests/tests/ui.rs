//! What the compiler says: nothing of programs that are right, and of mistakes this, word for word.
//!
//! Two runs, because trybuild has one compiler after the other for the cases of a run in which any has to pass, and one
//! cargo for all of a run in which none has to.

use std::path::Path;

/// Puts the folders of modules of the cases where the crate is that trybuild makes of them.
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

/// After a change of a message: `TRYBUILD=overwrite cargo test -p belay-tests --test ui`, and read the difference.
#[test]
fn mistakes_are_told_where_they_are_made_and_nothing_else_is() {
    bring_modules();
    trybuild::TestCases::new().compile_fail("ui/fail/*/*.rs");
}
