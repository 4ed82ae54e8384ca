//! The board's files: what is written is there completely, invalid options are refused, and nothing else is left on the
//! board.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use belay::{
    CallPath, Device, Entry, EntryKind, Error, ErrorKind, FileError, FileHash, NameProblem, TransferEvent,
};
use belay_sim::{Board, Builder, Direction, Fault};
use belay_tests::{on_both_runtimes, set_disk, soon, with_disk};

/// A board of this kind and a device that is connected to it.
async fn connected_to(board: Builder, path: CallPath) -> (Board, Device) {
    let board = board.start().await.unwrap();
    let device = Device::builder(board.port()).call_path(path).connect().await;
    (board, device.unwrap())
}

/// What is in the board's file system: paths and contents.
fn on_disk(board: &Board) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    collect(board.directory(), board.directory(), &mut found);
    found
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("/{}", path.strip_prefix(root).unwrap().display());
        if path.is_dir() {
            found.insert(format!("{name}/"), Vec::new());
            collect(root, &path, found);
        } else if let Ok(contents) = fs::read(&path) {
            // A file that is just being written may have been replaced.
            found.insert(name, contents);
        }
    }
}

fn names(board: &Board) -> Vec<String> {
    on_disk(board).into_keys().collect()
}

/// Bytes that cannot be compressed.
fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(length as u64);
    (0..length).map(|_| random.u8(..)).collect()
}

fn file_error(error: Error) -> FileError {
    match error.into_kind() {
        ErrorKind::File(error) => error,
        other => panic!("{other}"),
    }
}

async fn files_of_every_size_are_written_and_read(path: CallPath) {
    let (board, device) = connected_to(Board::unix(), path).await;
    let files = device.files();
    let text = "a line of text that can be packed\n".repeat(900).into_bytes();
    for contents in [
        Vec::new(),
        b"x".to_vec(),
        (0..=255).collect(),
        noise(4096),
        noise(4097),
        text,
        noise(30_000),
    ] {
        files.write("/data.bin", contents.clone()).await.unwrap();
        assert!(
            files.read("/data.bin").await.unwrap() == contents,
            "{} bytes",
            contents.len()
        );
        assert!(on_disk(&board)["/data.bin"] == contents);
    }
    assert_eq!(names(&board), ["/data.bin"]);
    device.close().await.unwrap();
}

async fn text_is_shown_on_a_slow_line_where_that_is_shorter(path: CallPath) {
    let (board, device) = connected_to(Board::unix(), path).await;
    device.files().exists("/").await.unwrap();
    board.cable().set_baud(Some(115_200)).unwrap();
    let text = "Text: 'quoted', \\ and \x03, a\ttab\r\n.\n"
        .repeat(1000)
        .into_bytes();
    // Every byte that is not ASCII would take four characters in a `repr`.
    let mixed = [
        &text[..9000],
        &noise(5000),
        "größer".repeat(1000).as_bytes(),
        &text,
    ]
    .concat();
    for (contents, percent) in [(text, 130), (mixed, 136), (noise(20_000), 142)] {
        fs::write(board.directory().join("file"), &contents).unwrap();
        let before = board.cable().carried(Direction::ToHost);
        assert!(device.files().read("/file").await.unwrap() == contents);
        let carried = board.cable().carried(Direction::ToHost) - before;
        let most = contents.len() as u64 * percent / 100;
        // Over the raw REPL the answers to pings add to the bytes, and their number depends on the time.
        let counts = path != CallPath::RawRepl;
        assert!(
            !counts || carried < most,
            "{carried} bytes for {}",
            contents.len()
        );
    }
    device.close().await.unwrap();
}

async fn names_are_right_or_refused(path: CallPath) {
    let (board, device) = connected_to(Board::unix(), path).await;
    let files = device.files();
    let long = format!("/{}", "ä".repeat(127));
    let odd = [
        "/with blank",
        "/it's \"quoted\"",
        "/äöü€😀/x.py",
        "/tab\tand\\",
        &long,
        "//a/./b//c.txt",
    ];
    for name in odd {
        files.write(name, name).await.unwrap();
        assert_eq!(files.read(name).await.unwrap(), name.as_bytes(), "{name}");
        assert!(files.exists(name).await.unwrap(), "{name}");
    }
    let expected = [
        "/a/",
        "/a/b/",
        "/a/b/c.txt",
        "/it's \"quoted\"",
        "/tab\tand\\",
        "/with blank",
    ];
    assert_eq!(names(&board)[..6], expected);
    assert_eq!(on_disk(&board).len(), 6 + 3);
    let sent = board.cable().carried(Direction::ToBoard);
    let too_long = format!("{long}xy");
    for (name, expected) in [
        ("x", NameProblem::Relative),
        ("", NameProblem::Relative),
        ("/", NameProblem::Root),
        ("/../x", NameProblem::Parent),
        ("/a/../x", NameProblem::Parent),
        ("/a\0b", NameProblem::Nul),
        ("/lib/belay~.new", NameProblem::Reserved),
        (&too_long, NameProblem::TooLong),
    ] {
        for error in [
            files.write(name, "x").await.unwrap_err(),
            files.remove_all(name).await.unwrap_err(),
            files.rename("/a", name).await.unwrap_err(),
        ] {
            match file_error(error) {
                FileError::Name { reason, .. } => assert_eq!(reason, expected, "{name:?}"),
                other => panic!("{name:?}: {other}"),
            }
        }
    }
    assert_eq!(
        board.cable().carried(Direction::ToBoard),
        sent,
        "nothing was sent"
    );
    device.close().await.unwrap();
}

async fn folders_are_made_listed_walked_renamed_and_removed(path: CallPath) {
    let (board, device) = connected_to(Board::unix(), path).await;
    let files = device.files();
    let shown = |entries: Vec<Entry>| -> Vec<(String, EntryKind, u64)> {
        let entries = entries.into_iter();
        entries
            .map(|entry| (entry.path, entry.kind, entry.size))
            .collect()
    };
    assert!(files.list("/").await.unwrap().is_empty());
    files.write("/lib/deep/er/one.py", "1").await.unwrap();
    files.write("/lib/two.py", "22").await.unwrap();
    files.create_dir_all("/empty/inside").await.unwrap();
    files.create_dir_all("/empty").await.unwrap();
    let lib = shown(files.list("/lib").await.unwrap());
    let deep = ("/lib/deep".to_owned(), EntryKind::Folder, 0);
    assert_eq!(lib, [deep, ("/lib/two.py".to_owned(), EntryKind::File, 2)]);
    let all = shown(files.walk("/").await.unwrap());
    let paths: Vec<&str> = all.iter().map(|(path, ..)| path.as_str()).collect();
    let expected = [
        "/empty",
        "/empty/inside",
        "/lib",
        "/lib/deep",
        "/lib/deep/er",
        "/lib/deep/er/one.py",
        "/lib/two.py",
    ];
    assert_eq!(paths, expected);
    let metadata = files.metadata("/lib/two.py").await.unwrap();
    assert_eq!(
        (metadata.name(), metadata.size, metadata.is_file()),
        ("two.py", 2, true)
    );
    assert!(files.metadata("/").await.unwrap().is_folder());
    files.rename("/lib/two.py", "/lib/deep/er/one.py").await.unwrap();
    assert_eq!(files.read("/lib/deep/er/one.py").await.unwrap(), b"22");
    files.rename("/lib", "/libs").await.unwrap();
    files.remove("/empty/inside").await.unwrap();
    files.remove_all("/libs").await.unwrap();
    assert_eq!(names(&board), ["/empty/"]);
    let space = files.space("/not/there").await.unwrap().unwrap();
    assert!(0 < space.free && space.free < space.total, "{space:?}");
    device.close().await.unwrap();
}

async fn what_cannot_be_done_says_why_and_changes_nothing(path: CallPath) {
    let (board, device) = connected_to(Board::unix().file("a.txt", "a").file("f/b", "b"), path).await;
    let files = device.files();
    let before = on_disk(&board);
    assert!(matches!(
        file_error(files.read("/none").await.unwrap_err()),
        FileError::NotFound { .. }
    ));
    assert!(matches!(
        file_error(files.list("/none").await.unwrap_err()),
        FileError::NotFound { .. }
    ));
    assert!(matches!(
        file_error(files.remove("/none").await.unwrap_err()),
        FileError::NotFound { .. }
    ));
    assert!(matches!(
        file_error(files.remove_all("/none").await.unwrap_err()),
        FileError::NotFound { .. }
    ));
    assert!(matches!(
        file_error(files.metadata("/a.txt/x").await.unwrap_err()),
        FileError::NotFolder { .. }
    ));
    assert!(matches!(
        file_error(files.read("/f").await.unwrap_err()),
        FileError::IsFolder { .. }
    ));
    assert!(matches!(
        file_error(files.hash("/f").await.unwrap_err()),
        FileError::IsFolder { .. }
    ));
    assert!(matches!(
        file_error(files.list("/a.txt").await.unwrap_err()),
        FileError::NotFolder { .. }
    ));
    assert!(matches!(
        file_error(files.remove("/f").await.unwrap_err()),
        FileError::NotEmpty { .. }
    ));
    for contents in [noise(10), noise(20_000)] {
        let error = files.write("/f", contents.clone()).await.unwrap_err();
        assert!(matches!(file_error(error), FileError::IsFolder { .. }));
        let error = files.write("/a.txt/b/c", contents).await.unwrap_err();
        assert!(matches!(file_error(error), FileError::NotFolder { .. }));
    }
    assert!(!files.exists("/none").await.unwrap());
    assert_eq!(on_disk(&board), before);
    device.close().await.unwrap();
}

async fn digests_are_those_of_the_contents(path: CallPath) {
    let (_board, device) = connected_to(Board::unix(), path).await;
    let files = device.files();
    files.write("/empty", "").await.unwrap();
    files.write("/large", vec![b'a'; 1_000_000]).await.unwrap();
    let empty = files.hash("/empty").await.unwrap();
    assert_eq!(
        empty.to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    let large = files.hash("/large").await.unwrap();
    assert!(matches!(large, FileHash::Sha256(_)));
    assert_eq!(
        large.to_string(),
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    );
    device.close().await.unwrap();
}

async fn progress_is_told_up_to_the_end(path: CallPath) {
    let (_board, device) = connected_to(Board::unix(), path).await;
    let contents = noise(20_000);
    let mut writing = device.files().write("/x", contents.clone()).events();
    let mut seen = 0;
    let mut done = false;
    while let Some(event) = writing.next().await {
        match event.unwrap() {
            TransferEvent::Progress(progress) => {
                assert!(progress.done >= seen && progress.total == 20_000, "{progress:?}");
                assert_eq!(&*progress.path, "/x");
                seen = progress.done;
            }
            TransferEvent::Done(()) => done = true,
            other => panic!("{other:?}"),
        }
    }
    assert!(done && seen == 20_000);
    let mut reading = device.files().read("/x").events();
    let mut given = None;
    let mut events = 0;
    while let Some(event) = reading.next().await {
        if let TransferEvent::Done(read) = event.unwrap() {
            given = Some(read);
        }
        events += 1;
    }
    assert!(given == Some(contents) && events > 3, "{events}");
    device.close().await.unwrap();
}

/// The files of a test's board, without the one that simulates its disk.
fn of_the_test(board: &Board) -> BTreeMap<String, Vec<u8>> {
    let mut files = on_disk(board);
    files.remove("/disk.py");
    files
}

async fn a_full_disk_says_how_much_is_missing_and_is_left_as_it_was(path: CallPath) {
    let (board, device) = connected_to(with_disk(Board::unix()), path).await;
    set_disk(&device, "disk.room = disk.used() + 10000")
        .await
        .unwrap();
    let files = device.files();
    let old = noise(4000);
    files.write("/old", old.clone()).await.unwrap();
    let before = of_the_test(&board);
    for (name, size, expected) in [("/old", 6_500, 500), ("/new/x", 26_000, 20_000), ("/y", 6_001, 1)] {
        match file_error(files.write(name, noise(size)).await.unwrap_err()) {
            FileError::NoSpace { missing, .. } => assert_eq!(missing, expected, "{name}"),
            other => panic!("{other}"),
        }
        assert!(of_the_test(&board) == before);
    }
    // A disk that does not report its free space turns out to be full in the middle of writing.
    set_disk(&device, "disk.mute = True").await.unwrap();
    for size in [6_500, 26_000] {
        let error = files.write("/new/x", noise(size)).await.unwrap_err();
        assert!(matches!(
            file_error(error),
            FileError::NoSpace { missing: 1.., .. }
        ));
        assert!(of_the_test(&board) == before);
    }
    files.write("/old", noise(5_000)).await.unwrap();
    assert_eq!(files.read("/old").await.unwrap(), noise(5_000));
    device.close().await.unwrap();
}

async fn where_nothing_can_be_written_that_is_said_of_what_is_too_large_too(path: CallPath) {
    let (board, device) = connected_to(with_disk(Board::unix()), path).await;
    set_disk(&device, "disk.room = disk.used() + 100; disk.locked = True")
        .await
        .unwrap();
    let before = of_the_test(&board);
    for size in [10, 1_000, 100_000] {
        let error = device.files().write("/x", noise(size)).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error}");
    }
    assert!(of_the_test(&board) == before);
    device.close().await.unwrap();
}

async fn on_fat_a_file_is_exchanged_in_steps_that_are_done_to_their_end(path: CallPath) {
    let (board, device) = connected_to(with_disk(Board::unix()), path).await;
    set_disk(&device, "disk.fat = True").await.unwrap();
    let files = device.files();
    for round in 1..4 {
        files.write("/lib/x.py", noise(round)).await.unwrap();
        assert_eq!(files.read("/lib/x.py").await.unwrap(), noise(round));
    }
    let names: Vec<_> = of_the_test(&board).into_keys().collect();
    assert_eq!(names, ["/lib/", "/lib/x.py"]);
    set_disk(&device, "disk.cut = True").await.unwrap();
    let error = files.write("/lib/x.py", noise(9_000)).await.unwrap_err();
    match error.into_kind() {
        ErrorKind::NotWritten { left, .. } => assert_eq!(left, belay::Left::OldOrNew),
        other => panic!("{other}"),
    }
    let names: Vec<_> = of_the_test(&board).into_keys().collect();
    assert_eq!(
        names,
        ["/lib/", "/lib/belay~.new", "/lib/belay~.to"],
        "the power was cut in the worst moment"
    );
    device.reset().await.unwrap();
    assert_eq!(files.read("/lib/x.py").await.unwrap(), noise(9_000));
    let names: Vec<_> = of_the_test(&board).into_keys().collect();
    assert_eq!(names, ["/lib/", "/lib/x.py"]);
    device.close().await.unwrap();
}

async fn a_write_that_is_given_up_leaves_nothing(path: CallPath) {
    let (board, device) = connected_to(Board::unix().file("x", "old"), path).await;
    let files = device.files();
    let mut writing = files.write("/x", noise(1_000_000)).events();
    for _ in 0..3 {
        writing.next().await.unwrap().unwrap();
    }
    assert!(names(&board).contains(&"/belay~.new".to_owned()));
    drop(writing);
    let empty = async {
        while on_disk(&board).len() > 1 {
            tokio::task::yield_now().await;
        }
    };
    soon("the clean-up", empty).await;
    assert_eq!(on_disk(&board)["/x"], b"old");
    // The next operations are not disturbed.
    for round in 0..5 {
        let mut writing = files.write("/x", noise(30_000)).events();
        writing.next().await.unwrap().unwrap();
        drop(writing);
        files.write("/y", noise(9_000 + round)).await.unwrap();
        assert_eq!(files.read("/y").await.unwrap(), noise(9_000 + round));
    }
    assert_eq!(names(&board), ["/x", "/y"]);
    device.close().await.unwrap();
}

async fn what_a_program_has_left_is_removed_by_the_next(path: CallPath) {
    let board = Board::unix()
        .file("lib/x", "old")
        .file("belay~.to", "/never/complete");
    let (mut board, device) = connected_to(board, path).await;
    device.files().list("/").await.unwrap();
    assert_eq!(names(&board), ["/lib/", "/lib/x"]);
    let mut writing = device.files().write("/lib/x", noise(1_000_000)).events();
    writing.next().await.unwrap().unwrap();
    assert_eq!(names(&board), ["/lib/", "/lib/belay~.new", "/lib/x"]);
    board.restart().unwrap();
    let failed = async {
        loop {
            match writing.next().await.unwrap() {
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    };
    let error = soon("the error", failed).await;
    match error.into_kind() {
        ErrorKind::NotWritten { left, cause, .. } => {
            assert_eq!(left, belay::Left::Old, "{cause}");
            assert!(belay_tests::tool::tells_of_the_line(&cause), "{cause}");
        }
        other => panic!("{other}"),
    }
    drop(device);
    let device = Device::builder(board.port())
        .call_path(path)
        .connect()
        .await
        .unwrap();
    assert_eq!(device.files().read("/lib/x").await.unwrap(), b"old");
    assert_eq!(names(&board), ["/lib/", "/lib/x"]);
    device.close().await.unwrap();
}

async fn a_cut_before_the_answer_says_that_either_may_be_there(path: CallPath) {
    let (board, device) = connected_to(Board::unix(), path).await;
    let files = device.files();
    files.write("/x", "old").await.unwrap();
    board.cable().once(Direction::ToHost, 0, Fault::Vanish).unwrap();
    let error = files.write("/x", "new").await.unwrap_err();
    assert!(error.hint().is_some());
    match error.into_kind() {
        ErrorKind::NotWritten { left, .. } => assert_eq!(left, belay::Left::OldOrNew),
        other => panic!("{other}"),
    }
    drop(device);
}

async fn many_tasks_read_and_write_at_once(path: CallPath) {
    let (board, device) = connected_to(Board::unix(), path).await;
    let mut tasks = tokio::task::JoinSet::new();
    for nth in 0..6_usize {
        let files = device.files();
        tasks.spawn(async move {
            let (name, contents) = (format!("/{nth}"), noise(nth * 3_000));
            files.write(&name, contents.clone()).await.unwrap();
            assert!(files.read(&name).await.unwrap() == contents);
            assert!(files.exists(&name).await.unwrap());
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(names(&board).len(), 6);
    device.close().await.unwrap();
}

on_both_runtimes! { over both paths:
    a_cut_before_the_answer_says_that_either_may_be_there
    a_full_disk_says_how_much_is_missing_and_is_left_as_it_was
    where_nothing_can_be_written_that_is_said_of_what_is_too_large_too
    a_write_that_is_given_up_leaves_nothing
    many_tasks_read_and_write_at_once
    on_fat_a_file_is_exchanged_in_steps_that_are_done_to_their_end
    what_a_program_has_left_is_removed_by_the_next
    files_of_every_size_are_written_and_read
    text_is_shown_on_a_slow_line_where_that_is_shorter
    names_are_right_or_refused
    folders_are_made_listed_walked_renamed_and_removed
    what_cannot_be_done_says_why_and_changes_nothing
    digests_are_those_of_the_contents
    progress_is_told_up_to_the_end
}

/// Writing and reading, on whatever board.
async fn files_work_on(board: Builder, sizes: &[usize]) {
    let (_board, device) = connected_to(board, CallPath::Auto).await;
    let files = device.files();
    for size in sizes {
        let contents = noise(*size);
        files.write("/some/where.bin", contents.clone()).await.unwrap();
        assert!(files.read("/some/where.bin").await.unwrap() == contents, "{size}");
    }
    assert_eq!(files.list("/some").await.unwrap().len(), 1);
    files.remove_all("/some").await.unwrap();
    device.close().await.unwrap();
}

#[tokio::test]
async fn a_board_with_little_memory_writes_and_reads_in_short_pieces() {
    for heap in [64, 100] {
        files_work_on(Board::unix().heap_kb(heap), &[10, 3_000, 9_000]).await;
    }
}

#[tokio::test]
async fn a_file_that_is_larger_than_the_memory_goes_both_ways() {
    let (board, device) = connected_to(Board::unix().heap_kb(88), CallPath::Auto).await;
    let free = device.capabilities().free_memory.unwrap();
    assert!(
        free < 64 << 10,
        "{free} bytes are free, of which the library takes some, too"
    );
    let contents = noise(300_000);
    device.files().write("/large", contents.clone()).await.unwrap();
    assert!(fs::read(board.directory().join("large")).unwrap() == contents);
    assert!(device.files().read("/large").await.unwrap() == contents);
    device.close().await.unwrap();
}

#[tokio::test]
async fn circuitpython_writes_where_it_has_its_drive_and_says_so_where_it_has_not() {
    let boot = "import storage\nstorage.disable_usb_drive()";
    files_work_on(Board::circuitpython_like().file("boot.py", boot), &[10, 20_000]).await;
    let (board, device) = connected_to(Board::circuitpython_like().file("x", "1"), CallPath::Auto).await;
    let files = device.files();
    assert_eq!(files.read("/x").await.unwrap(), b"1");
    let before = on_disk(&board);
    for contents in [noise(10), noise(10_000)] {
        let error = files.write("/x", contents).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error}");
        assert!(error.hint().unwrap().contains("disable_usb_drive"), "{error:?}");
    }
    let error = files.remove("/x").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error}");
    assert_eq!(on_disk(&board), before);
    device.close().await.unwrap();
}

#[tokio::test]
async fn boards_without_a_file_system_say_so() {
    for board in [Board::mps2(), Board::microbit()] {
        let (_board, device) = connected_to(board, CallPath::Auto).await;
        for error in [
            device.files().write("/x", "1").await.unwrap_err(),
            device.files().read("/x").await.unwrap_err(),
            device.files().list("/").await.unwrap_err(),
        ] {
            assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error:?}");
        }
        assert_eq!(device.execute_as::<u32>("1+1").await.unwrap(), 2);
        device.close().await.unwrap();
    }
}
