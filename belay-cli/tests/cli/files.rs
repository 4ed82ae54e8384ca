//! Files: each effect is checked in the board's own file system.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::harness::{Desk, kept, said};

#[test]
fn files_go_there_and_back() {
    let desk = Desk::new();
    let bytes: Vec<u8> = (0..50_000_u32).map(|i| (i * i % 251) as u8).collect();
    desk.put("data.bin", &bytes);
    desk.belay(["fs", "cp", "data.bin", ":"]).good();
    assert_eq!(desk.on_board("data.bin"), bytes);
    desk.belay(["fs", "cp", ":data.bin", "back.bin"]).good();
    assert_eq!(fs::read(desk.folder.path().join("back.bin")).unwrap(), bytes);
    desk.belay(["fs", "cp", ":data.bin", ":deep/er/copy.bin"]).good();
    assert_eq!(desk.on_board("deep/er/copy.bin"), bytes);
    desk.belay(["fs", "mv", ":data.bin", ":deep"]).good();
    assert_eq!(desk.on_board("deep/data.bin"), bytes);
    desk.put("a.txt", "a");
    desk.put("b.txt", "b");
    desk.belay(["fs", "cp", "a.txt", "b.txt", ":new"]).good();
    assert_eq!(desk.belay(["fs", "cat", ":new/a.txt", "new/b.txt"]).good(), "ab");
    desk.belay(["fs", "rm", ":new/a.txt", "new/b.txt", "new"]).good();
    assert!(!desk.board.directory().join("new").exists());
}

#[test]
fn folders_go_there_and_back() {
    let desk = Desk::new();
    desk.put("tree/main.py", "print(1)\n");
    desk.put("tree/lib/x/y.txt", "deep");
    assert_eq!(
        desk.belay(["fs", "cp", "-r", "tree", ":"]).good(),
        "2 files written to /tree (13 B), 0 unchanged\n"
    );
    assert_eq!(desk.on_board("tree/lib/x/y.txt"), b"deep");
    let again = desk.belay(["fs", "cp", "-r", "tree", ":"]).good();
    assert_eq!(again, "0 files written to /tree (0 B), 2 unchanged\n");
    desk.belay(["fs", "cp", "-r", ":tree", "copy"]).good();
    assert_eq!(
        fs::read(desk.folder.path().join("copy/lib/x/y.txt")).unwrap(),
        b"deep"
    );
    desk.belay(["fs", "cp", "-r", ":tree", ":other"]).good();
    assert_eq!(desk.on_board("other/lib/x/y.txt"), b"deep");
    desk.belay(["fs", "rm", "-r", ":tree", ":other"]).good();
    assert_eq!(desk.belay(["fs", "ls"]).good(), "");
}

#[test]
fn what_there_is_can_be_listed_and_measured() {
    let desk = Desk::new();
    desk.put("t/a.py", "print(1)\n");
    desk.put("t/lib/b.py", "x");
    desk.belay(["fs", "cp", "-r", "t", ":"]).good();
    desk.belay(["fs", "mkdir", ":empty/inner", ":t/none"]).good();
    kept("ls.txt", &desk.belay(["fs", "ls", ":t"]).good());
    kept("ls.json", &desk.belay(["fs", "ls", "--json", ":t"]).good());
    kept("tree.txt", &desk.belay(["fs", "tree"]).good());
    kept("tree.json", &desk.belay(["fs", "tree", "--json", ":t"]).good());
    kept("hash.txt", &desk.belay(["fs", "hash", ":t/a.py"]).good());
    kept(
        "hash.json",
        &desk.belay(["fs", "hash", "--json", ":t/a.py"]).good(),
    );
    let full = desk.belay(["fs", "df"]).good();
    assert!(full.starts_with("path") && full.contains('%'), "{full}");
    let json: serde_json::Value = serde_json::from_str(&desk.belay(["fs", "df", "--json"]).good()).unwrap();
    assert!(json["total"].as_u64() >= json["free"].as_u64(), "{json}");
}

#[test]
fn a_file_is_edited_in_place() {
    let desk = Desk::new();
    let edit = |editor: &str, path: &str| {
        let mut command = desk.command(["fs", "edit", path]);
        command.env("EDITOR", editor);
        said(command, "")
    };
    let script = desk.put("editor.sh", "#!/bin/sh\nprintf '%s' \"$1\" > \"$2\"\n");
    let editor = |word: &str| format!("sh {} '{word}'", script.display());
    assert_eq!(
        edit(&editor("new text"), ":e.txt").good(),
        "/e.txt was written, 8 bytes\n"
    );
    assert_eq!(desk.on_board("e.txt"), b"new text");
    assert_eq!(edit("true", ":e.txt").good(), "/e.txt was not changed\n");
    assert!(edit("false", ":e.txt").bad(1).contains("nothing was written"));
    assert!(edit("no-such-editor-here", ":e.txt").bad(2).contains("EDITOR"));
}

#[test]
fn a_folder_is_brought_up_to_date() {
    let desk = Desk::new();
    desk.put("board/main.py", "print(1)\n");
    desk.put("board/lib/a.py", "a = 1\n");
    desk.put("stale.py", "old");
    desk.belay(["fs", "cp", "stale.py", ":"]).good();
    kept(
        "sync-dry.txt",
        &desk.belay(["sync", "board", "--delete", "--dry-run"]).good(),
    );
    assert!(desk.board.directory().join("stale.py").exists());
    kept("sync.txt", &desk.belay(["sync", "board", "--delete"]).good());
    assert!(!desk.board.directory().join("stale.py").exists());
    assert_eq!(desk.on_board("lib/a.py"), b"a = 1\n");
    desk.put("board/lib/a.py", "a = 2\n");
    kept("sync.json", &desk.belay(["sync", "board", "--json"]).good());
    assert_eq!(desk.on_board("lib/a.py"), b"a = 2\n");
}

#[test]
fn a_folder_that_is_watched_follows_each_change() {
    let desk = Desk::new();
    desk.put("board/main.py", "1");
    let mut command = desk.command(["sync", "board", ":app", "--watch"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut until = |line: &str| assert!(lines.any(|found| found.contains(line)), "{line}");
    until("1 files written");
    desk.put("board/more.py", "22");
    until("/app/more.py");
    until("1 files written");
    assert_eq!(desk.on_board("app/more.py"), b"22");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn names_that_this_machine_can_have_come_from_the_board_as_they_are() {
    let names = ["a:b", r"back\slash", "ä ö", "-dash", "*"];
    let board = names.iter().fold(belay_sim::Board::unix(), |board, name| {
        board.file(format!("t/{name}"), *name)
    });
    let desk = Desk::with(board);
    desk.belay(["fs", "cp", "-r", ":t", "t"]).good();
    for name in names {
        let copy = fs::read_to_string(desk.folder.path().join("t").join(name));
        assert_eq!(copy.unwrap(), name);
    }
}
