//! Bringing a folder of the board up to date with a folder of this machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use belay::{CallPath, Device, ErrorKind, FileError, Step, SyncOptions, TransferEvent};
use belay_sim::{Board, Builder, Direction};
use belay_tests::on_both_runtimes;
use tempfile::TempDir;

async fn connected_to(board: Builder, path: CallPath) -> (Board, Device) {
    let board = board.start().await.unwrap();
    let device = Device::builder(board.port()).call_path(path).connect().await;
    (board, device.unwrap())
}

/// A folder of this machine with these files.
fn folder<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, contents) in files {
        put(folder.path(), name, contents);
    }
    folder
}

fn put(folder: &Path, name: &str, contents: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
}

/// The files below a folder and their contents.
fn tree(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

async fn what_is_new_or_different_is_written_and_nothing_else(path: CallPath) {
    let (board, device) = connected_to(Board::unix().file("other", "stays"), path).await;
    let files = device.files();
    let long = "print('a line')\n".repeat(2_000);
    let source = folder([
        ("main.py", "main"),
        ("lib/a.py", "aaaa"),
        ("lib/deep/b.py", "bb"),
        ("lib/deep/large.py", &long),
        ("lib/__pycache__/a.pyc", "compiled"),
        ("empty", ""),
    ]);
    let new = files.sync(source.path(), "/", SyncOptions::new()).await.unwrap();
    let all = [
        "/empty",
        "/lib/a.py",
        "/lib/deep/b.py",
        "/lib/deep/large.py",
        "/main.py",
    ];
    assert_eq!(new.written, all);
    assert_eq!(new.bytes, 10 + long.len() as u64);
    assert!(new.unchanged.is_empty() && new.removed.is_empty() && new.kept.is_empty());
    let mut expected = tree(source.path());
    expected.remove("lib/__pycache__/a.pyc");
    expected.insert("other".into(), "stays".into());
    assert_eq!(tree(board.directory()), expected);

    let unchanged = files.sync(source.path(), "/", SyncOptions::new()).await.unwrap();
    assert_eq!((unchanged.unchanged.len(), unchanged.written.len()), (5, 0));

    put(source.path(), "lib/a.py", "AAAA");
    let one = files.sync(source.path(), "/", SyncOptions::new()).await.unwrap();
    assert_eq!(one.written, ["/lib/a.py"]);
    assert_eq!(files.read("/lib/a.py").await.unwrap(), b"AAAA");
    device.close().await.unwrap();
}

async fn what_is_gone_is_removed_below_the_root_alone_and_not_what_is_kept(path: CallPath) {
    let board = Board::unix()
        .file("app/old.py", "1")
        .file("app/old/deep/x", "2")
        .file("app/data/1.log", "3")
        .file("app/data/note", "4")
        .file("app/boot.py", "5")
        .file("outside/x", "6");
    let (board, device) = connected_to(board, path).await;
    let files = device.files();
    let source = folder([("new.py", "n")]);
    let options = SyncOptions::new().delete(true).keep("*.log");
    let before = tree(board.directory());
    let told = files
        .sync(source.path(), "/app", options.clone().dry_run(true))
        .await
        .unwrap();
    assert_eq!(tree(board.directory()), before, "that was a dry run");
    let report = files.sync(source.path(), "/app", options.clone()).await.unwrap();
    assert_eq!(report, told);
    assert_eq!(report.removed, ["/app/data/note", "/app/old", "/app/old.py"]);
    assert_eq!(report.kept, ["/app/boot.py", "/app/data/1.log"]);
    let left: Vec<String> = tree(board.directory()).into_keys().collect();
    assert_eq!(left, ["app/boot.py", "app/data/1.log", "app/new.py", "outside/x"]);
    assert!(!board.directory().join("app/old").exists());
    let again = files.sync(source.path(), "/app", options).await.unwrap();
    assert!(again.written.is_empty() && again.removed.is_empty());
    device.close().await.unwrap();
}

async fn each_file_is_told_of_as_it_is_there(path: CallPath) {
    let (_board, device) = connected_to(Board::unix().file("gone", ""), path).await;
    let contents = (0..20).map(|nth| (format!("f/{nth:02}"), vec![b'x'; nth * 600]));
    let options = SyncOptions::new().delete(true);
    let mut syncing = device.files().sync_contents(contents, "/", options).events();
    let (mut written, mut removed, mut report) = (Vec::new(), Vec::new(), None);
    while let Some(event) = syncing.next().await {
        match event.unwrap() {
            TransferEvent::Progress(progress) => {
                assert!(progress.done <= progress.total && progress.total == 600 * 190);
                match progress.step {
                    Step::Written => written.push(progress.path.to_string()),
                    Step::Removed => removed.push(progress.path.to_string()),
                    _ => {}
                }
            }
            TransferEvent::Done(done) => report = Some(done),
            other => panic!("{other:?}"),
        }
    }
    let report = report.unwrap();
    assert_eq!(removed, ["/gone"]);
    assert_eq!(report.removed, removed);
    written.sort();
    assert_eq!(report.written, written);
    assert_eq!(written.len(), 20);
    device.close().await.unwrap();
}

async fn what_cannot_be_done_changes_nothing(path: CallPath) {
    let (board, device) = connected_to(Board::unix().file("x/y", ""), path).await;
    let files = device.files();
    let before = tree(board.directory());
    let source = folder([("x", "a file")]);
    let error = files
        .sync(source.path(), "/", SyncOptions::new())
        .await
        .unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::File(FileError::IsFolder { .. })),
        "{error}"
    );
    let none = source.path().join("none");
    let error = files.sync(&none, "/", SyncOptions::new()).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::File(FileError::Local { .. })),
        "{error}"
    );
    let wrong = SyncOptions::new().keep("a{b");
    let error = files.sync(source.path(), "/", wrong).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::File(FileError::Pattern { .. })),
        "{error}"
    );
    for to in ["x", "/a/../b"] {
        let error = files
            .sync(source.path(), to, SyncOptions::new())
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::File(FileError::Name { .. })),
            "{error}"
        );
    }
    assert_eq!(tree(board.directory()), before);
    device.close().await.unwrap();
}

on_both_runtimes! { over both paths:
    each_file_is_told_of_as_it_is_there
    what_cannot_be_done_changes_nothing
    what_is_gone_is_removed_below_the_root_alone_and_not_what_is_kept
    what_is_new_or_different_is_written_and_nothing_else
}

#[tokio::test]
async fn a_hundred_files_that_have_not_changed_cost_two_exchanges() {
    let (board, device) = connected_to(Board::unix(), CallPath::Agent).await;
    let files = device.files();
    let contents = || (0..100).map(|nth| (format!("lib/{nth:03}.py"), format!("x = {nth}\n").into_bytes()));
    files
        .sync_contents(contents(), "/", SyncOptions::new())
        .await
        .unwrap();
    let turns = board.cable().turns();
    let sent = board.cable().carried(Direction::ToBoard);
    let report = files
        .sync_contents(contents(), "/", SyncOptions::new())
        .await
        .unwrap();
    assert_eq!((report.unchanged.len(), report.written.len()), (100, 0));
    let exchanges = board.cable().turns() - turns;
    assert!(exchanges <= 2, "{exchanges} exchanges");
    let sent = board.cable().carried(Direction::ToBoard) - sent;
    assert!(sent < 400, "{sent} bytes sent");
    device.close().await.unwrap();
}

#[tokio::test]
async fn circuitpython_and_a_board_with_little_memory_are_brought_up_to_date() {
    let boot = "import storage\nstorage.disable_usb_drive()";
    let circuitpython = Board::circuitpython_like().file("boot.py", boot);
    for board in [circuitpython, Board::unix().heap_kb(64)] {
        let (board, device) = connected_to(board, CallPath::Auto).await;
        let contents =
            || (0..6).map(|nth| (format!("lib/{nth}.py"), vec![b'a' + nth; usize::from(nth) * 700]));
        let options = SyncOptions::new().delete(true);
        let report = device
            .files()
            .sync_contents(contents(), "/", options.clone())
            .await;
        assert_eq!(report.unwrap().written.len(), 6);
        let report = device.files().sync_contents(contents(), "/", options).await;
        assert_eq!(report.unwrap().unchanged.len(), 6);
        let there = tree(board.directory());
        assert_eq!(there["lib/5.py"], "f".repeat(3_500));
        device.close().await.unwrap();
    }
}
