//! The documents agree with the command: the output that they show is its output, and the commands that they name work.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{DEADLINE, Desk, Said, ended, said};
use crate::packages::index;

/// What is in the folder in which the commands of the documents are given.
const FILES: [(&str, &str); 16] = [
    ("blink.py", "for i in range(3):\n    print('blink', i)\n"),
    ("broken.py", "x = 1\nif x = 2:\n    pass\n"),
    ("main.py", "print('hello')\n"),
    ("board/main.py", "print('hello')\n"),
    (
        "board/lib/lamp.py",
        "# It is off to begin with\nclass Lamp:\n    on = False\n",
    ),
    ("driver/driver.py", "def start():\n    pass\n"),
    ("drivers/motor.py", "def turn():\n    pass\n"),
    ("lib/lamp.py", "on = False\n"),
    ("folder/lamp.py", "on = False\n"),
    (
        "app/main.py",
        "import lamp\nlamp.blink(open('times.txt').read())\n",
    ),
    (
        "app/lamp.py",
        "def blink(times):\n    for i in range(int(times)):\n        print('blink', i)\n",
    ),
    ("app/times.txt", "2\n"),
    ("file.py", "print(1)\n"),
    ("script.py", "print(2)\n"),
    ("deploy.txt", "fs cp blink.py :\n"),
    (
        "sensor.py",
        "for i in range(4):\n    print('temperature:', 20 + i / 4, 'humidity:', 40 - i)\n",
    ),
];

/// The files on the board when a command is run of which a document shows no output.
const ON_BOARD: [(&str, &str); 6] = [
    ("main.py", "pass\n"),
    ("boot.py", "pass\n"),
    ("file.py", "pass\n"),
    ("log.csv", "1,2\n"),
    ("lib/lamp.py", "on = False\n"),
    ("old/notes.txt", "old\n"),
];

/// What goes on until somebody ends it.
const ENDLESS: [&str; 3] = ["monitor", "--watch", "--every"];

/// What is typed at, on a terminal: `terminal` and `mount` do.
const TYPED_AT: [&str; 3] = ["repl", "mount app", "mount folder"];

/// What a simulated board has not got.
const REFUSED: [&str; 3] = ["reset --bootloader", "rtc", "rtc --set"];

fn documents() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let guide = fs::read_dir(root.join("docs/src")).expect("the guide is there");
    let guide = guide.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = guide
        .filter(|path| path.extension() == Some("md".as_ref()))
        .collect();
    paths.sort();
    paths.extend([root.join("README.md"), root.join("belay-cli/README.md")]);
    let read = |path| fs::read_to_string(path).expect("it can be read");
    paths.into_iter().map(read).collect()
}

fn desk() -> Desk {
    let desk = Desk::new();
    for (path, text) in FILES {
        desk.put(path, text);
    }
    desk
}

/// A command as a document shows it, with the part of the output that is shown.
struct Screen {
    typed: String,
    shown: String,
}

/// The screens of a document, in their order.
fn screens(document: &str) -> Vec<Screen> {
    let mut screens: Vec<Screen> = Vec::new();
    let mut inside = false;
    for line in document.lines() {
        if line.starts_with("```") {
            inside = line == "```text";
        } else if let Some(typed) = line.strip_prefix("$ ").filter(|_| inside) {
            screens.push(Screen {
                typed: typed.to_owned(),
                shown: String::new(),
            });
        } else if let Some(screen) = screens.last_mut().filter(|_| inside) {
            screen.shown += line;
            screen.shown.push('\n');
        }
    }
    screens
}

/// The words of a text, without what differs between runs or machines: numbers, and the width of columns with them.
fn outline(text: &str) -> BTreeSet<String> {
    // Which rows a histogram has depends on the measurements.
    let rows = text
        .lines()
        .filter(|line| !line.contains('█') && !line.starts_with("  to "));
    rows.map(outline_of_line)
        .filter(|line| !line.is_empty())
        .collect()
}

fn outline_of_line(line: &str) -> String {
    // Data is compared by its keys only.
    if line.starts_with("{\"implementation\"") {
        let names = line.split(':').filter_map(|part| part.rsplit(['{', ',']).next());
        return names.filter(|name| name.ends_with('"')).collect();
    }
    let word = |word| match word {
        "B" | "KiB" | "MiB" | "GiB" | "TiB" => "B",
        "KiB/s" | "MiB/s" => "B/s",
        figure if figure.contains(|c: char| c.is_ascii_digit()) => "0",
        word => word,
    };
    line.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// Runs what was typed after `belay `.
fn typed(desk: &Desk, command: &str, url: &str) -> Command {
    let words = shell_words::split(command).expect("it can be typed");
    let mut command = desk.command(words);
    command.env("BELAY_INDEX", url).env("EDITOR", "true");
    command
}

#[test]
fn the_screens_of_the_documents_are_what_is_seen() {
    let url = index();
    let mut seen = 0;
    for document in documents() {
        let desk = desk();
        for Screen { typed: line, shown } in screens(&document) {
            if let Some(path) = line.strip_prefix("cat ") {
                desk.put(path, shown);
                continue;
            }
            let Some(command) = line.strip_prefix("belay ") else {
                continue;
            };
            // What ports there are is this machine's.
            if [ENDLESS[0], "ports"].contains(&command) || TYPED_AT.contains(&command) {
                continue;
            }
            let Said { status, out, err } = said(typed(&desk, command, &url), "");
            let fails = shown.contains("error: ") || shown.contains("Traceback ");
            assert_eq!(status != 0, fails, "{line}: {status}\n{out}{err}");
            assert_eq!(outline(&(err + &out)), outline(&shown), "{line}");
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} screens were found");
}

/// The commands that the documents name in their sentences and tables, with all that is to be typed.
fn named() -> BTreeSet<String> {
    let of_document = |document: String| {
        let quoted = document.split('`').skip(1).step_by(2).map(str::to_owned);
        quoted.collect::<Vec<_>>()
    };
    let quoted = documents().into_iter().flat_map(of_document);
    let typed = |text: String| {
        // What a shell does with it is not ours.
        let typed = text.strip_prefix("belay ")?.split(" > ").next()?;
        Some(typed.to_owned())
    };
    let commands = quoted.filter_map(typed);
    commands
        .filter(|command| !command.contains(['…', '\n']))
        .collect()
}

/// Ends a command as an insistent user at the keyboard does.
fn interrupted(mut command: Command) -> Said {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    let deadline = Instant::now() + DEADLINE;
    while child.try_wait().expect("it can be asked").is_none() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(500));
        let kill = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        kill.expect("every Linux has it");
    }
    ended(child)
}

#[test]
fn the_commands_that_the_documents_name_do_what_they_are_for() {
    let url = index();
    let mut run = 0;
    let mut wrong = Vec::new();
    let elsewhere = |line: &str| {
        // What is for fleets has a test of its own, since not each build has it.
        TYPED_AT.contains(&line)
            || ["fleet ", "serve ", "-p zenoh:"]
                .iter()
                .any(|of| line.starts_with(of))
    };
    for line in named().into_iter().filter(|line| !elsewhere(line)) {
        let desk = desk();
        for (path, text) in ON_BOARD {
            let path = desk.board.directory().join(path);
            fs::create_dir_all(path.parent().expect("it is in a folder")).expect("folders can be made");
            fs::write(path, text).expect("files can be written");
        }
        if line.starts_with("remove ") {
            said(typed(&desk, "add ssd1306", &url), "").good();
        }
        let command = typed(&desk, &line, &url);
        let Said { status, out, err } = if ENDLESS.iter().any(|word| line.contains(word)) {
            interrupted(command)
        } else {
            said(command, "")
        };
        // Where only a command's name stands, what it is for may have to be said.
        if status == 2 && !line.contains([':', '.', '"']) && err.contains("required") {
            continue;
        }
        let expected = if REFUSED.contains(&&*line) {
            vec![1]
        } else {
            vec![0, 130]
        };
        if !expected.contains(&status) {
            wrong.push(format!("{line}: {status}\n{out}{err}"));
        }
        run += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(run > 35, "only {run} commands were run");
}
