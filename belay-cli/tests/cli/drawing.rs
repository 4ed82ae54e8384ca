//! Curves, measurements, and a project to begin with.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Desk, command, commands_for, ended, said};

#[test]
fn numbers_become_csv_json_and_a_picture() {
    let desk = Desk::new();
    let code = "n = [0]; (n.append(n[-1] + 1), n[-1])[1], 5.5";
    let out = desk
        .belay([
            "plot", code, "--every", "1", "--count", "20", "--csv", "a.csv", "--png", "a.png",
        ])
        .good();
    assert_eq!(out.lines().next(), Some("seconds,0,1"));
    assert!(out.lines().last().unwrap().ends_with(",20,5.5"), "{out}");
    assert_eq!(fs::read_to_string(desk.folder.path().join("a.csv")).unwrap(), out);
    let picture = fs::read(desk.folder.path().join("a.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 1000);
    desk.put(
        "s.py",
        "for i in range(5):\n    print('a:', i, 'b=', i * i)\nprint('done')\n",
    );
    let json = desk.belay(["plot", "--json", "s.py"]).good();
    let last: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["values"]["a"], &last["values"]["b"]),
        (&4.0.into(), &16.0.into())
    );
    assert_eq!(json.lines().count(), 5);
}

#[test]
fn the_board_and_its_cable_are_measured() {
    let desk = Desk::new();
    let text = desk.belay(["latency", "--count", "20"]).good();
    assert!(
        text.starts_with("echo: median ") && text.contains('█') && text.contains("to the host: "),
        "{text}"
    );
    let json = desk.belay(["latency", "--count", "20", "--json"]).good();
    let kinds: Vec<String> = json
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].to_string())
        .collect();
    assert_eq!(
        kinds,
        ["\"echo\"", "\"call\"", "\"to the board\"", "\"to the host\""]
    );
}

/// What `tests/commands.txt` has for it, in a target folder that is kept, so that it is compiled once; outside of a checkout there is nothing to compile it with.
#[test]
fn a_new_project_is_tested_and_runs_without_a_change_and_without_a_network() {
    if !Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../belay/Cargo.toml")
        .exists()
    {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let told = said(command(folder.path(), ["new", "thing"]), "").good();
    assert_eq!(
        told,
        "thing is made. Now:\n  cd thing\n  cargo test\n  cargo run\n"
    );
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new");
    let runs = [("test", "1 passed"), ("run", "And now 5 times.")];
    for (line, _) in commands_for(file!()) {
        assert!(
            runs.iter().any(|(what, _)| line == format!("cargo {what}")),
            "{line}"
        );
    }
    for (what, seen) in runs {
        let mut cargo = Command::new("cargo");
        cargo
            .args([what, "--offline"])
            .current_dir(folder.path().join("thing"));
        for variable in ["CARGO", "RUSTC", "RUSTDOC", "BELAY_PORT", "RUSTFLAGS"] {
            cargo.env_remove(variable);
        }
        cargo.env("CARGO_TARGET_DIR", &target);
        cargo
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let said = ended(cargo.spawn().unwrap());
        assert!(
            said.status == 0 && said.out.contains(seen),
            "cargo {what}: {said:?}"
        );
    }
}

#[test]
fn a_new_project_is_made_where_it_is_wanted_and_said_to_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let told = said(command(folder.path(), ["new", "with blank/thing"]), "").good();
    assert!(told.contains("cd 'with blank/thing'\n"), "{told}");
    let here = folder.path().join("here");
    fs::create_dir(&here).unwrap();
    let told = said(command(&here, ["new", "."]), "").good();
    assert_eq!(told, "here is made. Now:\n  cargo test\n  cargo run\n");
    let manifest = fs::read_to_string(here.join("Cargo.toml")).unwrap();
    assert!(manifest.contains("name = \"here\""), "{manifest}");
}
