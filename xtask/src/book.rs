//! Building the guide as a book.

use std::process::Command;

use crate::{
    Outcome,
    run::{checked, succeeds, target, workspace},
};

/// Builds the guide in `docs/` and says where it is.
pub(crate) fn build() -> Outcome {
    if !succeeds(Command::new("mdbook").arg("--version")) {
        return Err("mdbook is missing: `cargo install --locked mdbook`".to_owned());
    }
    let pages = target().join("book");
    let mut mdbook = Command::new("mdbook");
    mdbook.arg("build").arg(workspace().join("docs"));
    checked("mdbook", mdbook.arg("--dest-dir").arg(&pages))?;
    println!("The guide: {}", pages.join("index.html").display());
    Ok(())
}
