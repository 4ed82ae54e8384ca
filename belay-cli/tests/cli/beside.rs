//! The same tasks done with `belay` and with mpremote, each on a board of its own: compares both boards, folders and
//! outputs, and prints how long each took.
//!
//! `cargo test -p belay-cli --test cli -- --ignored --nocapture beside`, with mpremote's path in `BELAY_MPREMOTE`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Desk, Said, said};
use crate::packages::index;

/// An everyday task: its name, and the arguments for `belay` and for mpremote.
struct Task {
    name: &'static str,
    ours: &'static [&'static str],
    theirs: &'static [&'static str],
    /// Whether both print the same.
    same: bool,
}

const fn task(name: &'static str, ours: &'static [&'static str], theirs: &'static [&'static str]) -> Task {
    let same = false;
    Task {
        name,
        ours,
        theirs,
        same,
    }
}

/// A task whose output is compared as well.
const fn heard(name: &'static str, ours: &'static [&'static str], theirs: &'static [&'static str]) -> Task {
    let same = true;
    Task {
        name,
        ours,
        theirs,
        same,
    }
}

/// What mpremote prints of its own accord.
const NOTE: &str = "Local directory . is mounted at /remote\n";

/// Reads a file as programs do, and prints its length and checksum.
const READS: &str = "import binascii\nwith open('16k.bin', 'rb') as f: data = f.read()\nprint(len(data), binascii.crc32(data))";

const TASKS: &[Task] = &[
    heard(
        "say hello",
        &["exec", "print('hello')"],
        &["exec", "print('hello')"],
    ),
    heard("evaluate", &["eval", "6 * 7"], &["eval", "6 * 7"]),
    heard("run a script", &["run", "script.py"], &["run", "script.py"]),
    heard(
        "run one that prints 2,000 lines",
        &["run", "lines.py"],
        &["run", "lines.py"],
    ),
    heard(
        "import a module of the firmware",
        &["exec", "import sys; print(sys.platform)"],
        &["exec", "import sys; print(sys.platform)"],
    ),
    task(
        "run one that raises",
        &["run", "raises.py"],
        &["run", "raises.py"],
    ),
    task(
        "make a folder",
        &["fs", "mkdir", ":data"],
        &["fs", "mkdir", ":data"],
    ),
    task(
        "copy a small file there",
        &["fs", "cp", "script.py", ":main.txt"],
        &["fs", "cp", "script.py", ":main.txt"],
    ),
    task(
        "copy 16 KB there",
        &["fs", "cp", "16k.bin", ":data/"],
        &["fs", "cp", "16k.bin", ":data/"],
    ),
    task(
        "copy 64 KB there",
        &["fs", "cp", "64k.bin", ":64k.bin"],
        &["fs", "cp", "64k.bin", ":64k.bin"],
    ),
    heard(
        "show a file",
        &["fs", "cat", ":main.txt"],
        &["fs", "cat", ":main.txt"],
    ),
    task(
        "copy a file back",
        &["fs", "cp", ":main.txt", "back.txt"],
        &["fs", "cp", ":main.txt", "back.txt"],
    ),
    task(
        "copy 64 KB back",
        &["fs", "cp", ":64k.bin", "64k.back"],
        &["fs", "cp", ":64k.bin", "64k.back"],
    ),
    task("list the root", &["fs", "ls"], &["fs", "ls"]),
    task(
        "copy a tree of 30 files there",
        &["fs", "cp", "-r", "tree", ":tree"],
        &["fs", "cp", "-r", "tree", ":tree"],
    ),
    task(
        "again, unchanged",
        &["sync", "tree", ":tree"],
        &["fs", "cp", "-r", "tree/d0", "tree/d1", "tree/d2", ":tree"],
    ),
    task(
        "copy the tree back",
        &["fs", "cp", "-r", ":tree", "copied"],
        &["fs", "cp", "-r", ":tree", "copied"],
    ),
    task("show the tree", &["fs", "tree"], &["fs", "tree"]),
    task(
        "hash a small file",
        &["fs", "hash", ":main.txt"],
        &["fs", "sha256sum", ":main.txt"],
    ),
    task(
        "hash 64 KB",
        &["fs", "hash", ":64k.bin"],
        &["fs", "sha256sum", ":64k.bin"],
    ),
    task("ask how full it is", &["fs", "df"], &["df"]),
    task(
        "rename a file",
        &["fs", "mv", ":main.txt", ":renamed.txt"],
        &["exec", "import os; os.rename('main.txt', 'renamed.txt')"],
    ),
    task(
        "copy a file on the board",
        &["fs", "cp", ":renamed.txt", ":copy.txt"],
        &["fs", "cp", ":renamed.txt", ":copy.txt"],
    ),
    task(
        "replace a file",
        &["fs", "cp", "lines.py", ":copy.txt"],
        &["fs", "cp", "lines.py", ":copy.txt"],
    ),
    task(
        "remove a file",
        &["fs", "rm", ":copy.txt"],
        &["fs", "rm", ":copy.txt"],
    ),
    task(
        "remove a tree",
        &["fs", "rm", "-r", ":tree"],
        &["fs", "rm", "-r", ":tree"],
    ),
    task(
        "install from an index",
        &["mip", "install", "--index", "INDEX", "hello"],
        &[
            "mip", "--no-mpy", "--index", "INDEX", "--target", "/lib", "install", "hello",
        ],
    ),
    heard(
        "use what was installed",
        &[
            "exec",
            "import sys; sys.path.append('/lib'); import hello; hello.hi()",
        ],
        &[
            "exec",
            "import sys; sys.path.append('/lib'); import hello; hello.hi()",
        ],
    ),
    heard(
        "import 20 KB from a mounted folder",
        &["mount", ".", "exec", "import table; print(table.LAST)"],
        &["mount", ".", "exec", "import table; print(table.LAST)"],
    ),
    heard(
        "read 16 KB from a mounted folder",
        &["mount", ".", "exec", READS],
        &["mount", ".", "exec", READS],
    ),
    task(
        "write 16 KB to a mounted folder",
        &[
            "mount",
            ".",
            "exec",
            "f = open('written.bin', 'wb'); f.write(bytes(range(256)) * 64); f.close()",
        ],
        &[
            "mount",
            ".",
            "exec",
            "f = open('written.bin', 'wb'); f.write(bytes(range(256)) * 64); f.close()",
        ],
    ),
    task("reset the interpreter", &["reset"], &["soft-reset"]),
    task("reset the chip", &["reset", "--hard"], &["reset"]),
];

fn desk() -> Desk {
    let desk = Desk::new();
    desk.put("script.py", "for i in range(3):\n    print('line', i)\n");
    desk.put("lines.py", "for i in range(2000):\n    print('line', i)\n");
    desk.put("raises.py", "1 / 0\n");
    let bytes: Vec<u8> = (0..65_536_u32)
        .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    let mut table = String::new();
    for i in 0..700 {
        let _ = writeln!(table, "VALUE_{i:03} = 'a text with {i}'");
    }
    desk.put("table.py", table + "LAST = 700\n");
    desk.put("16k.bin", &bytes[..16_384]);
    desk.put("64k.bin", &bytes);
    for i in 0..30 {
        desk.put(
            &format!("tree/d{}/f{i}.py", i % 3),
            format!("x = {i}\n").repeat(i + 1),
        );
    }
    desk
}

/// All files of a folder, with their contents.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn timed(command: Command) -> (Said, Duration) {
    let begun = Instant::now();
    let said = said(command, "");
    (said, begun.elapsed())
}

#[test]
#[ignore = "takes a minute, and is of use only where its times are looked at"]
fn beside_mpremote_the_same_becomes_of_the_board() {
    let mpremote = std::env::var("BELAY_MPREMOTE").expect("BELAY_MPREMOTE has the path of mpremote");
    let (ours, theirs, index) = (desk(), desk(), index());
    let mut slower = 0;
    println!("| task | belay | mpremote |\n| --- | --- | --- |");
    for task in TASKS {
        let filled = |words: &[&str]| {
            words
                .iter()
                .map(|word| word.replace("INDEX", &index))
                .collect::<Vec<_>>()
        };
        let (our, our_time) = timed(ours.command(filled(task.ours)));
        let mut command = Command::new(&mpremote);
        command
            .args(["connect", theirs.board.port()])
            .args(filled(task.theirs));
        command.current_dir(theirs.folder.path());
        let (their, their_time) = timed(command);
        let context = format!("{}: {our:?} {their:?}", task.name);
        assert_eq!(our.status, their.status, "{context}");
        if task.same {
            let their = their.out.replace("\r\n", "\n");
            let their = their.strip_prefix(NOTE).unwrap_or(&their);
            assert_eq!(our.out, their, "{context}");
        }
        let boards = [&ours, &theirs].map(|desk| files(desk.board.directory()));
        let names = boards.each_ref().map(|files| files.keys().collect::<Vec<_>>());
        assert!(
            boards[0] == boards[1],
            "the boards differ after {context}: {names:?}"
        );
        let folders = [&ours, &theirs].map(|desk| files(desk.folder.path()));
        assert!(folders[0] == folders[1], "the folders differ after {context}");
        slower += usize::from(our_time > their_time);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "| {} | {:.0} ms | {:.0} ms |",
            task.name,
            ms(our_time),
            ms(their_time)
        );
    }
    println!("{} tasks, {slower} of them slower than mpremote", TASKS.len());
}
