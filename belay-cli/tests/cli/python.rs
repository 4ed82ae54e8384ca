//! Python files, without a board.

use std::fs;

use crate::harness::{command, kept, said};

#[test]
fn faults_are_drawn_in_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("lib")).unwrap();
    fs::write(
        folder.path().join("main.py"),
        "x = 1\nif x = 2:\n    pass\nwhile True\n    pass\n",
    )
    .unwrap();
    fs::write(folder.path().join("lib/good.py"), "print(1)\n").unwrap();
    fs::write(folder.path().join("lib/notes.txt"), "if if").unwrap();
    let check = |arguments: &[&str]| said(command(folder.path(), arguments), "");
    let found = check(&["check", "main.py", "lib"]);
    assert_eq!(
        (found.status, &*found.out),
        (1, "2 files, 2 errors, 0 warnings\n")
    );
    kept("check.txt", &found.err);
    let json = check(&["check", "--json", "main.py"]);
    assert_eq!(json.status, 1);
    kept("check.json", &json.out);
    assert_eq!(check(&["check", "lib"]).good(), "1 file, 0 errors, 0 warnings\n");
}

#[test]
fn files_are_made_small() {
    let folder = tempfile::tempdir().unwrap();
    let source = "# A comment.\n\n\ndef area(width, height):\n    \"\"\"Says it.\"\"\"\n    product = width * height\n    return product\n";
    fs::create_dir(folder.path().join("lib")).unwrap();
    fs::write(folder.path().join("lib/area.py"), source).unwrap();
    let small = said(command(folder.path(), ["minify", "lib/area.py"]), "").good();
    kept("minify.txt", &small);
    let told = said(command(folder.path(), ["minify", "--output", "out", "lib"]), "").good();
    assert!(told.starts_with("out/lib/area.py: "), "{told}");
    assert_eq!(
        fs::read_to_string(folder.path().join("out/lib/area.py")).unwrap(),
        small
    );
}
