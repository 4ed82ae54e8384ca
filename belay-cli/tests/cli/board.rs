//! Commands that execute something on the board, or ask it something.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use belay_sim::Board;
use serde_json::Value;

use crate::harness::{Desk, ended, kept, said, until};

#[test]
fn values_come_as_python_and_as_json() {
    let desk = Desk::new();
    assert_eq!(desk.belay(["eval", "1 + 2"]).good(), "3\n");
    assert_eq!(desk.belay(["eval", "-1"]).good(), "-1\n");
    assert_eq!(
        desk.belay(["eval", "'a' * 2, b'x', {1: 2.5}"]).good(),
        "('aa', b'x', {1: 2.5})\n"
    );
    let text = "x = 7; {'k': (1, 2.5, None, True, b'ab', 2**70), x: {x}, 'n': float('nan')}";
    let json = desk.belay(["eval", "--json", text]).good();
    kept("eval.json", &json);
    // What is printed comes before the value.
    let mut command = desk.command(["eval", "-"]);
    command.env("NO_COLOR", "1");
    assert_eq!(said(command, "print('first')\n6 * 7\n").good(), "first\n42\n");
}

#[test]
fn statements_run_and_say_what_they_print_at_once_and_to_the_end() {
    let desk = Desk::new();
    let code = "for i in range(2000):\n    print('line', i)";
    let out = desk.belay(["exec", code]).good();
    assert_eq!(out.lines().count(), 2000);
    assert!(out.ends_with("line 1999\n"));
    let child = desk
        .command(["exec", "print('now')\nimport time\nwhile True: time.sleep(1)"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id().to_string();
    let mut child = child;
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "now\n");
    interrupt(&pid);
    assert_eq!(ended(child).status, 130);
    // And the port still works.
    assert_eq!(desk.belay(["eval", "5"]).good(), "5\n");
}

fn interrupt(pid: &str) {
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", pid])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn a_script_that_asks_for_input_gets_the_lines_of_standard_input() {
    let desk = Desk::new();
    desk.put(
        "asks.py",
        "print('hello')\nname = input('name? ')\nprint(name, len(input()))\ninput('more? ')\n",
    );
    let asked = said(desk.command(["run", "asks.py"]), "Ada\r\n\n");
    assert_eq!((asked.status, &*asked.out), (1, "hello\nname? Ada 0\nmore? "));
    assert_eq!(
        asked.err,
        "Traceback (most recent call last):\n  File \"asks.py\", line 4, in <module>\n\
         EOFError: standard input is at its end\n"
    );
    let dictated = said(desk.command(["shell"]), "exec print(input())\n");
    assert!(
        dictated.err.contains("standard input has the commands"),
        "{}",
        dictated.err
    );
}

#[test]
fn a_script_is_a_main_program_and_its_end_is_the_exit_status() {
    let desk = Desk::new();
    desk.put(
        "main.py",
        "print(__name__, __file__)\nimport sys\nsys.exit(int(input and 7))\n",
    );
    let said = desk.belay(["run", "main.py"]);
    assert_eq!((said.status, &*said.out), (7, "__main__ main.py\n"));
    desk.put("good.py", "raise SystemExit(0)\n");
    assert_eq!(desk.belay(["run", "good.py"]).good(), "");
    desk.put("text.py", "import sys\nsys.exit('no sensor')\n");
    assert_eq!(desk.belay(["run", "text.py"]).bad(1), "error: no sensor\n");
    desk.put("raises.py", "def f():\n    return 1 / 0\n\nf()\n");
    assert_eq!(
        desk.belay(["run", "raises.py"]).bad(1),
        "Traceback (most recent call last):\n  File \"raises.py\", line 4, in <module>\n  \
         File \"raises.py\", line 2, in f\nZeroDivisionError: divide by zero\n"
    );
    desk.put("resets.py", "print('bye')\nimport sys\nsys.exit()\n");
    let said = desk.belay(["run", "resets.py"]);
    assert_eq!(
        (said.status, &*said.err),
        (0, "(the program has reset the board)\n")
    );
    let nothing_left = desk.belay(["eval", "'f' in globals()"]).good();
    assert_eq!(nothing_left, "False\n");
}

#[test]
fn a_script_that_is_interrupted_cleans_up_and_is_heard_doing_so() {
    let desk = Desk::new();
    desk.put(
        "long.py",
        "import time\ntry:\n    print('on')\n    while True: time.sleep_ms(10)\nfinally:\n    print('off')\n",
    );
    let mut command = desk.command(["run", "long.py"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(out.next().unwrap().unwrap(), "on");
    interrupt(&child.id().to_string());
    assert_eq!(out.next().unwrap().unwrap(), "off");
    assert_eq!(ended(child).status, 130);
}

#[test]
fn a_script_that_is_watched_runs_again_when_it_is_saved() {
    let desk = Desk::new();
    desk.put(
        "watched.py",
        "print('one')\nimport time\nwhile True: time.sleep(1)\n",
    );
    let mut child = desk
        .command(["run", "--watch", "watched.py"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(out.next().unwrap().unwrap(), "one");
    desk.put("watched.py", "print('two, and more of it')\n");
    assert_eq!(out.next().unwrap().unwrap(), "two, and more of it");
    desk.put("watched.py", "1 / 0\n");
    desk.put("watched.py", "print('three')\n");
    until("it runs again", || {
        out.next().is_some_and(|line| line.unwrap() == "three")
    });
    interrupt(&child.id().to_string());
    assert_eq!(ended(child).status, 130);
}

#[test]
fn what_a_board_is_can_be_asked() {
    let desk = Desk::new();
    let text = desk.belay(["info"]).good();
    for word in ["MicroPython", "memory", "threads", "64 bits", "agent"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let json: Value = serde_json::from_str(&desk.belay(["info", "--json"]).good()).unwrap();
    let names: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    kept("info.keys", &(names.join("\n") + "\n"));
    assert_eq!(
        (&json["float_bits"], &json["threads"]),
        (&64.into(), &true.into())
    );
    assert!(desk.belay(["ports"]).status == 0 && desk.belay(["ports", "--json"]).status == 0);
}

#[test]
fn a_reset_forgets_and_the_next_command_finds_the_board() {
    let desk = Desk::new();
    desk.belay(["exec", "import sys; sys.modules['kept'] = 1"]).good();
    assert_eq!(
        desk.belay(["eval", "import sys; 'kept' in sys.modules"]).good(),
        "True\n"
    );
    assert_eq!(desk.belay(["reset"]).good(), "the board was reset\n");
    assert_eq!(
        desk.belay(["eval", "import sys; 'kept' in sys.modules"]).good(),
        "False\n"
    );
    assert_eq!(desk.belay(["reset", "--hard"]).good(), "the board was reset\n");
    assert_eq!(desk.belay(["eval", "1"]).good(), "1\n");
}

/// A chip that could wait for new firmware, as far as a simulated one can: it notes that it was told to, and resets.
const BOOTLOADER: &str = "import sys, machine\nclass Chip:\n    reset = machine.reset\n    \
    def bootloader():\n        open('told', 'w').close()\n        machine.reset()\nsys.modules['machine'] = Chip\n";

#[test]
fn a_board_that_can_is_told_to_wait_for_firmware() {
    let desk = Desk::with(Board::unix().file("main.py", BOOTLOADER));
    assert_eq!(
        desk.belay(["reset", "--bootloader"]).good(),
        "the board waits for firmware\n"
    );
    assert_eq!(desk.on_board("told"), b"");
    let without = Desk::new();
    let text = without.belay(["reset", "--bootloader"]).bad(1);
    assert!(text.contains("the board cannot do that"), "{text}");
    assert_eq!(without.belay(["eval", "1"]).good(), "1\n");
}

#[test]
fn of_two_boards_each_does_what_it_is_told() {
    let (one, other) = (Desk::new(), Desk::new());
    one.put("main.txt", "one");
    let port = other.board.port();
    // `-p` takes precedence over the environment.
    one.belay(["fs", "cp", "main.txt", ":"]).good();
    one.belay(["-p", port, "fs", "mkdir", ":other"]).good();
    one.belay([
        "-p",
        port,
        "mount",
        ".",
        "exec",
        "open('from_other', 'w').close()",
    ])
    .good();
    assert_eq!(one.belay(["fs", "ls"]).good().trim(), "3  main.txt");
    assert_eq!(one.belay(["-p", port, "fs", "ls"]).good().trim(), "other/");
    assert!(one.folder.path().join("from_other").exists());
    // Both at once, each with its own port.
    let code = "print('on')\nprint(input())";
    let talk = |desk: &Desk| {
        let mut child = desk
            .command(["exec", code])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "on\n");
        (child, out)
    };
    let talks = [(talk(&one), "first"), (talk(&other), "second")];
    for ((mut child, mut out), word) in talks {
        writeln!(child.stdin.take().unwrap(), "{word}").unwrap();
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), word);
        assert!(child.wait().unwrap().success());
    }
}

/// A real-time clock like those of boards, in a module of the test's own.
const CLOCK: &str = "class RTC:\n    now = [(2000, 1, 1, 5, 0, 0, 0, 0)]\n    def datetime(self, new=None):\n        \
    if new is None:\n            return self.now[0]\n        self.now[0] = new\n";

#[test]
fn a_clock_is_read_and_set() {
    let without = Desk::new();
    assert_eq!(
        without.belay(["rtc"]).bad(1),
        "error: the board has no clock that Python can read\n"
    );
    let desk = Desk::with(Board::unix().file("rtclib.py", CLOCK));
    let install = "import machine, rtclib\nmachine.RTC = rtclib.RTC";
    if !desk.belay(["exec", install]).err.is_empty() {
        // A built-in module accepts no new class, so `machine` is replaced as a whole.
        desk.belay(["exec", "import sys, rtclib\nsys.modules['machine'] = rtclib"])
            .good();
    }
    let text = desk.belay(["rtc"]).good();
    assert!(
        text.starts_with("2000-01-01 00:00:00  (") && text.contains("behind"),
        "{text}"
    );
    assert!(desk.belay(["rtc", "--set"]).good().ends_with("(as here)\n"));
    let json: Value = serde_json::from_str(&desk.belay(["rtc", "--json"]).good()).unwrap();
    assert!(json["behind_seconds"].as_i64().unwrap().abs() < 60, "{json}");
}

#[test]
fn boards_of_all_kinds_are_asked_and_run_things() {
    let boards = [
        Board::mps2(),
        Board::microbit(),
        Board::circuitpython_like(),
        Board::unix_single(),
    ];
    for board in boards {
        let desk = Desk::with(board);
        assert_eq!(desk.belay(["eval", "6 * 7"]).good(), "42\n");
        desk.put("hello.py", "print('hello', __name__)\n");
        assert_eq!(desk.belay(["run", "hello.py"]).good(), "hello __main__\n");
        assert!(desk.belay(["info"]).good().contains("memory"));
    }
}

#[test]
fn a_variable_that_is_empty_names_no_board() {
    let mut command = crate::harness::command(&std::env::temp_dir(), ["eval", "1"]);
    command.env("BELAY_PORT", "");
    let said = said(command, "");
    assert!(!said.err.contains("is not an address"), "{said:?}");
}

#[test]
fn what_is_done_is_said_the_more_the_more_is_asked_for() {
    let desk = Desk::new();
    let mut before = 0;
    for verbose in ["-v", "-vv", "-vvv"] {
        let said = desk.belay([verbose, "eval", "6 * 7"]);
        assert_eq!((said.status, &*said.out), (0, "42\n"), "{said:?}");
        let lines = said.err.lines().count();
        assert!(
            lines > before && said.err.contains("belay.connect"),
            "{verbose}: {}",
            said.err
        );
        before = lines;
    }
}
