//! Each body is parsed only once.

use std::path::{Path, PathBuf};

use quote::quote;

use super::expand;
use crate::python::PARSES;

#[test]
fn each_body_is_parsed_once_for_all_checks_and_for_what_is_sent() {
    let before = PARSES.get();
    let expansion = expand(quote! {
        trait Board {
            /// from machine import Pin
            /// led = Pin(pin)
            #[setup]
            async fn open(&self, pin: u8) -> Result<()>;

            /// ```python
            /// led.on()
            /// ```
            /// ```python,circuitpython
            /// led.value = True
            /// ```
            #[task]
            async fn light(&self) -> Result<u8>;

            /// while True:
            ///     light()
            #[thread]
            async fn shine(&self) -> Result<ThreadHandle>;

            /// return led.off()
            #[teardown]
            async fn dark(&self) -> Result<()>;
        }
    });
    // The check whether the teardown would be valid as a function reports the `return`, and must not parse the body
    // again.
    assert!(expansion.contains("where Python has no `return`"), "{expansion}");
    assert!(expansion.contains("__stop();light()"), "{expansion}");
    assert_eq!(PARSES.get() - before, 5);
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn no_other_place_parses() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.retain(|path| !path.starts_with(root.join("tests")));
    // The only functions of the parser's crate that take a text are these and those for single names.
    let parses = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).expect("a readable file");
        text.contains("belay_syntax::parse_")
            || text.contains("parse_body(")
            || text.contains("parse_module(")
    };
    files.retain(parses);
    assert_eq!(files, [root.join("python.rs")]);
}
