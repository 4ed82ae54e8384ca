//! What the compiler says of mistakes, word for word.

/// One run for all cases, because each run builds the dependencies anew.
///
/// After a change of a message: `TRYBUILD=overwrite cargo test -p belay-tests --test ui`, and read the difference.
#[test]
fn mistakes_are_told_where_they_are_made() {
    trybuild::TestCases::new().compile_fail("ui/fail/*/*.rs");
}
