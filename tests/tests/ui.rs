//! What the compiler says: nothing of programs that are right, and of mistakes this, word for word.

/// One run for all cases, because each run builds the dependencies anew.
///
/// After a change of a message: `TRYBUILD=overwrite cargo test -p belay-tests --test ui`, and read the difference.
#[test]
fn mistakes_are_told_where_they_are_made_and_nothing_else_is() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*/*.rs");
}
