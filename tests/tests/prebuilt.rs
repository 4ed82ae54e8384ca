//! The compiled agent that is stored in the crate is what MicroPython's cross compiler makes of the agent's source.
//! With `BELAY_KEEP` set, the test updates it.

use std::path::Path;
use std::process::Command;

use belay_runtime::agent::prebuilt::{source_and_kept, to_keep};
use belay_sim::Report;

/// The release of the compiler: others may compile the same source to another file.
const RELEASE: &str = "v1.26";
const KEPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../belay-runtime/src/agent/resident.mpy.txt"
);

/// The file that the compiler makes of a source.
fn compiled(mpy_cross: &Path, source: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("there is room for a file");
    let (from, to) = (
        directory.path().join("agent.py"),
        directory.path().join("agent.mpy"),
    );
    std::fs::write(&from, source).expect("the source is written");
    let mut command = Command::new(mpy_cross);
    command.args(["-O3", "-s", "belay", "-o"]).args([&to, &from]);
    assert!(command.status().expect("it runs").success());
    std::fs::read(&to).expect("it has made a file")
}

#[test]
fn the_agent_that_is_kept_compiled_is_that_of_the_source() {
    let mpy_cross = belay_sim::ensure_mpy_cross(Report::Auto).expect("there is a cross compiler");
    let version = Command::new(&mpy_cross)
        .arg("--version")
        .output()
        .expect("it runs");
    if !String::from_utf8_lossy(&version.stdout).contains(RELEASE) {
        println!("this is another release's compiler");
        return;
    }
    let (source, kept) = source_and_kept();
    let wanted = to_keep(&compiled(&mpy_cross, source));
    if std::env::var_os("BELAY_KEEP").is_some() {
        std::fs::write(KEPT, &wanted).expect("it is kept");
        return;
    }
    assert!(
        kept == wanted,
        "`BELAY_KEEP=1 cargo test -p belay-tests --test prebuilt` compiles it anew"
    );
}
