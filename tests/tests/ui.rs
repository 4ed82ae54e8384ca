//! What the compiler says: nothing of programs that are right, and of mistakes this, word for word.
//!
//! Two runs, because trybuild has one compiler after the other for the cases of a run in which any has to pass, and one
//! cargo for all of a run in which none has to.

#[test]
fn nothing_is_told_where_there_is_no_mistake() {
    trybuild::TestCases::new().pass("ui/pass/*.rs");
}

/// After a change of a message: `TRYBUILD=overwrite cargo test -p belay-tests --test ui`, and read the difference.
#[test]
fn mistakes_are_told_where_they_are_made_and_nothing_else_is() {
    trybuild::TestCases::new().compile_fail("ui/fail/*/*.rs");
}
