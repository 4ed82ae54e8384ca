//! The documents agree with the command: the output that they show is its output, and the commands that they name work.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{self, DEADLINE, Desk, Said, commands_for, ended, said};
use crate::packages::index;
use crate::terminal::Terminal;

/// What is in the folder in which the commands of the documents are given.
const FILES: [(&str, &str); 17] = [
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
    (".local/share/bash-completion/completions/other", ""),
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
const ENDLESS: [&str; 4] = ["belay monitor", "--watch", "--every", "belay sim"];

/// What is typed at, on a terminal, and how one leaves it.
const TYPED_AT: [(&str, &str); 4] = [
    ("belay repl", "\x18"),
    ("belay repl --log FILE", "\x18"),
    ("belay mount app", "\x04"),
    ("belay mount folder", "\x04"),
];

/// What a simulated board has not got.
const REFUSED: [&str; 3] = ["belay reset --bootloader", "belay rtc", "belay rtc --set"];

/// What finds a name in an object, as jq does.
const JQ: &str = "#!/bin/sh\ngrep -o \"\\\"${1#.}\\\":[0-9]*\"\n";

/// The guide and two pages, which are in a checkout only.
fn documents() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let guide = fs::read_dir(root.join("docs/src")).into_iter().flatten();
    let guide = guide.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = guide
        .filter(|path| path.extension() == Some("md".as_ref()))
        .collect();
    if paths.is_empty() {
        return Vec::new();
    }
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
    let jq = desk.put("bin/jq", JQ);
    fs::set_permissions(jq, fs::Permissions::from_mode(0o755)).expect("it is ours");
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

/// What is typed, as it is typed.
fn typed(desk: &Desk, line: &str, url: &str) -> Command {
    let mut command = harness::typed(desk.folder.path(), line);
    command.env("BELAY_PORT", desk.board.port());
    command.env("BELAY_INDEX", url).env("EDITOR", "true");
    command
}

/// Whether a command that a screen shows is run as it is shown there, behind those before it.
fn is_run_on_its_screen(line: &str) -> bool {
    // What ports there are is this machine's.
    line.starts_with("belay ")
        && !["belay monitor", "belay ports"].contains(&line)
        && !TYPED_AT.iter().any(|(typed, _)| *typed == line)
}

#[test]
fn the_screens_of_the_documents_are_what_is_seen() {
    let url = index();
    let mut seen = 0;
    let documents = documents();
    for document in &documents {
        let desk = desk();
        for Screen { typed: line, shown } in screens(document) {
            if let Some(path) = line.strip_prefix("cat ") {
                desk.put(path, shown);
                continue;
            }
            if !is_run_on_its_screen(&line) {
                continue;
            }
            let Said { status, out, err } = said(typed(&desk, &line, &url), "");
            let fails = shown.contains("error: ") || shown.contains("Traceback ");
            assert_eq!(status != 0, fails, "{line}: {status}\n{out}{err}");
            assert_eq!(outline(&(err + &out)), outline(&shown), "{line}");
            seen += 1;
        }
    }
    assert!(
        seen > 30 || documents.is_empty(),
        "only {seen} screens were found"
    );
}

/// The commands that a screen of a document shows and that are run there.
fn on_screens() -> BTreeSet<String> {
    let screens = documents().into_iter().flat_map(|document| screens(&document));
    let typed = screens.map(|screen| screen.typed);
    typed.filter(|line| is_run_on_its_screen(line)).collect()
}

/// What this program is built for, where `cargo run` builds it.
fn without_cargo(line: &str) -> Option<String> {
    let Some(rest) = line.strip_prefix("cargo run -p belay-cli ") else {
        return Some(line.to_owned());
    };
    let (features, words) = rest.split_once("-- ")?;
    // Not each build has it.
    let there = features.is_empty() || (features == "--features sim " && cfg!(feature = "sim"));
    there.then(|| format!("belay {words}"))
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

/// Types a line and what belongs to it until it has ended.
fn run(desk: &Desk, line: &str, url: &str) -> Said {
    if let Some((_, leaves)) = TYPED_AT.iter().find(|(typed, _)| *typed == line) {
        let words = shell_words::split(line).expect("it can be typed");
        let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        let port = ("BELAY_PORT", desk.board.port().to_owned());
        let mut terminal = Terminal::start_with(desk.folder.path(), &[port], &words);
        terminal.wait(">>> ");
        terminal.press(leaves);
        let status = terminal.status().unwrap_or(-1);
        return Said {
            status,
            out: String::new(),
            err: String::new(),
        };
    }
    if line.starts_with("belay remove ") {
        said(typed(desk, "belay add ssd1306", url), "").good();
    }
    if ENDLESS.iter().any(|word| line.contains(word)) {
        // The shell's place is taken, so that it is what is interrupted.
        return interrupted(typed(desk, &format!("exec {line}"), url));
    }
    said(typed(desk, line, url), "")
}

/// Those of `tests/commands.txt`.
#[test]
fn the_commands_that_the_documents_name_do_what_they_are_for() {
    let url = index();
    let (on_screens, commands) = (on_screens(), commands_for(file!()));
    let mut wrong = Vec::new();
    for (line, instead) in commands.iter().filter(|(line, _)| !on_screens.contains(line)) {
        let Some(instead) = without_cargo(instead) else {
            continue;
        };
        let desk = desk();
        for (path, text) in ON_BOARD {
            let path = desk.board.directory().join(path);
            fs::create_dir_all(path.parent().expect("it is in a folder")).expect("folders can be made");
            fs::write(path, text).expect("files can be written");
        }
        let Said { status, out, err } = run(&desk, &instead, &url);
        // Where only a command's name stands, what it is for may have to be said.
        if status == 2 && !line.contains([':', '.', '"']) && err.contains("required") {
            continue;
        }
        let expected = if REFUSED.contains(&&**line) {
            vec![1]
        } else {
            vec![0, 130]
        };
        if !expected.contains(&status) {
            wrong.push(format!("{line}: {status}\n{out}{err}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
