//! The prompt, on a pseudo-terminal of the test's.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use pty_process::blocking::{Command, Pty};

use crate::harness::{DEADLINE, Desk, command, until};

/// A terminal in which the command runs.
pub(crate) struct Terminal {
    pty: Arc<Pty>,
    child: std::process::Child,
    shown: Arc<Mutex<String>>,
    /// How much of the output previous waits have covered.
    seen: usize,
}

impl Terminal {
    pub(crate) fn start(port: &str, arguments: &[&str]) -> Self {
        let port = ("BELAY_PORT", port.to_owned());
        Self::start_with(Path::new("."), &[port], arguments)
    }

    pub(crate) fn start_with(folder: &Path, environment: &[(&str, String)], arguments: &[&str]) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(40, 120)).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_belay"))
            .current_dir(folder)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("TERM", "xterm")
            .spawn(pts)
            .unwrap();
        let (pty, shown) = (Arc::new(pty), Arc::new(Mutex::new(String::new())));
        let (theirs, text) = (Arc::clone(&pty), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(many) = (&*theirs).read(&mut buffer) {
                text.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&buffer[..many]));
            }
        });
        Self {
            pty,
            child,
            shown,
            seen: 0,
        }
    }

    pub(crate) fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for this text after the end of the previous wait, and gives everything up to it.
    #[track_caller]
    pub(crate) fn wait(&mut self, text: &str) -> String {
        let deadline = std::time::Instant::now() + DEADLINE;
        loop {
            let shown = self.shown.lock().unwrap().clone();
            if let Some(at) = shown[self.seen..].find(text) {
                let end = self.seen + at + text.len();
                let between = shown[self.seen..end].to_owned();
                self.seen = end;
                return between;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "no {text:?} in {:?}",
                &shown[self.seen..]
            );
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Waits for the end of the command.
    pub(crate) fn status(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    pub(crate) fn leave(mut self) {
        self.press("\x18");
        assert_eq!(self.status(), Some(0), "{}", self.shown.lock().unwrap());
    }
}

#[test]
fn what_is_typed_is_run_completed_and_interrupted() {
    let desk = Desk::new();
    let mut terminal = Terminal::start(desk.board.port(), &["repl"]);
    terminal.wait("MicroPython");
    terminal.wait(">>> ");
    terminal.press("6 * 7\r");
    terminal.wait("\r\n42\r\n>>> ");
    terminal.press("import sys\r");
    terminal.wait(">>> ");
    terminal.press("sys.platf\t");
    terminal.wait("sys.platform");
    terminal.press("\r");
    terminal.wait("'linux'");
    // The arrow key "up" brings the last line back.
    terminal.press("\x1b[A");
    terminal.wait("sys.platform");
    terminal.press("\r");
    terminal.wait("'linux'\r\n>>> ");
    terminal.press("while True: pass\r\r");
    terminal.wait("... ");
    terminal.press("\x03");
    terminal.wait("KeyboardInterrupt");
    terminal.wait(">>> ");
    terminal.leave();
    assert_eq!(desk.belay(["eval", "1"]).good(), "1\n");
}

#[test]
fn two_hundred_lines_that_are_pasted_arrive_as_they_are() {
    let desk = Desk::new();
    let mut terminal = Terminal::start(desk.board.port(), &["repl"]);
    terminal.wait(">>> ");
    let mut lines = String::from("total = 0\ndef count():\n    global total\n");
    for i in 0..196 {
        let _ = writeln!(lines, "    total += {i}  # a line of some length, indented");
    }
    lines += "count()\n";
    assert_eq!(lines.lines().count(), 200);
    terminal.press(&format!("\x1b[200~{lines}\x1b[201~"));
    terminal.wait("paste mode");
    terminal.wait("=== count()");
    terminal.wait(">>> ");
    terminal.press("total\r");
    terminal.wait("\r\n19110\r\n>>> ");
    // A single pasted line is treated as if typed, and control characters in it are ignored.
    terminal.press("\x1b[200~1 +\x03 1\x1b[201~");
    terminal.wait("1 + 1");
    terminal.press("\r");
    terminal.wait("\r\n2\r\n>>> ");
    terminal.leave();
}

#[test]
fn a_reset_and_a_replug_are_waited_out() {
    let mut desk = Desk::new();
    let log = desk.folder.path().join("log.txt");
    let port = desk.folder.path().join("port");
    symlink(desk.board.port(), &port).unwrap();
    let mut terminal = Terminal::start(port.to_str().unwrap(), &["repl", "--log", log.to_str().unwrap()]);
    terminal.wait(">>> ");
    terminal.press("x = 5\r");
    terminal.wait(">>> ");
    terminal.press("\x04");
    terminal.wait("soft reboot");
    terminal.wait(">>> ");
    terminal.press("x\r");
    terminal.wait("NameError");
    terminal.wait(">>> ");
    desk.board.vanish().unwrap();
    terminal.wait("waiting for the board");
    std::fs::remove_file(&port).unwrap();
    symlink(desk.board.appear().unwrap(), &port).unwrap();
    terminal.wait("connected again");
    terminal.wait(">>> ");
    terminal.press("'still' + ' here'\r");
    terminal.wait("'still here'\r\n");
    terminal.leave();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("NameError") && log.contains("still here"), "{log}");
}

#[test]
fn who_leaves_while_the_board_is_gone_is_let_go() {
    let desk = Desk::new();
    let mut terminal = Terminal::start(desk.board.port(), &["repl"]);
    terminal.wait(">>> ");
    desk.board.vanish().unwrap();
    terminal.wait("waiting for the board");
    terminal.leave();
}

#[test]
fn the_shell_is_typed_on_and_ctrl_c_ends_a_command_but_not_the_shell() {
    let desk = Desk::new();
    desk.put(
        "long.py",
        "import time\nprint('begun')\nwhile True: time.sleep_ms(10)\n",
    );
    let mut terminal = Terminal::start(desk.board.port(), &["shell"]);
    terminal.wait("belay> ");
    terminal.press("eval 6*7\r");
    terminal.wait("42\r\nbelay> ");
    terminal.press(&format!("run {}\r", desk.folder.path().join("long.py").display()));
    terminal.wait("begun");
    terminal.press("\x03");
    terminal.wait("belay> ");
    terminal.press("eval 1+1\r");
    terminal.wait("2\r\nbelay> ");
    terminal.press("exit\r");
    assert_eq!(terminal.child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_a_board_says_is_shown_with_times_and_nothing_is_said_to_it() {
    // A command as the board: a simulated board sends nothing while nobody has written anything to it.
    let ticking = "exec:sh -c 'n=0; while sleep 0.02; do n=$((n+1)); echo tick $n; done'";
    let here = std::env::temp_dir();
    let mut child = command(&here, ["-p", ticking, "monitor", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut text = String::new();
    let mut buffer = [0; 1024];
    until("some lines", || {
        let many = out.read(&mut buffer).unwrap();
        text.push_str(&String::from_utf8_lossy(&buffer[..many]));
        text.lines().filter(|line| line.contains("tick")).count() > 3
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let line = text.lines().find(|line| line.contains("tick")).unwrap();
    let json: serde_json::Value = serde_json::from_str(line).unwrap();
    assert!(json["time"].as_str().unwrap().contains('T'), "{json}");
    assert!(json["line"].as_str().unwrap().starts_with("tick "), "{json}");
}

/// Terminal modes: the sequence that sets each, and the one that resets it.
const MODES: [(&str, &str); 3] = [
    ("\x1b[?2004h", "\x1b[?2004l"),
    ("\x1b[?1049h", "\x1b[?1049l"),
    ("\x1b[?25l", "\x1b[?25h"),
];

#[test]
fn a_command_that_is_told_to_end_leaves_the_terminal_as_it_was() {
    let desk = Desk::new();
    for (arguments, there) in [
        (&["repl"][..], ">>> "),
        (&["plot", "1", "--every", "20"], "value 1"),
        (&["shell"], "belay> "),
        (&["monitor"], "Ctrl-C ends this"),
    ] {
        let mut terminal = Terminal::start(desk.board.port(), arguments);
        terminal.wait(there);
        let pid = terminal.child.id().to_string();
        let kill = std::process::Command::new("kill").args(["-TERM", &pid]).status();
        assert!(kill.unwrap().success());
        assert_eq!(terminal.status(), Some(143), "{arguments:?}");
        for (set, back) in MODES {
            let shown = || terminal.shown.lock().unwrap().clone();
            until(&format!("{arguments:?}: {back:?}"), || {
                let shown = shown();
                shown.rfind(set) <= shown.rfind(back)
            });
        }
    }
    assert_eq!(desk.belay(["eval", "1"]).good(), "1\n");
}

#[test]
fn names_of_files_do_nothing_to_the_terminal() {
    let desk = Desk::with(belay_sim::Board::unix().file("a\x1b]0;b\x07\n", ""));
    for arguments in [&["fs", "ls"][..], &["fs", "tree"]] {
        let mut terminal = Terminal::start(desk.board.port(), arguments);
        assert_eq!(terminal.status(), Some(0));
        terminal.wait(r"a\x1b]0;b\x07\n");
        assert!(!terminal.shown.lock().unwrap().contains("\x1b]0"));
    }
}
