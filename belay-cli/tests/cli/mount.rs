//! Folders of this machine that are mounted on the board.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use belay_sim::Board;

use crate::harness::{Desk, ended, said};
use crate::terminal::Terminal;

/// A board whose modules have no `mount`.
const MOUNTS_NOTHING: &str = "import os, sys\nclass Without:\n    getcwd = os.getcwd\n    stat = os.stat\n\
    sys.modules['os'] = sys.modules['vfs'] = Without()\n";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.put(
        "app/main.py",
        "import helper\nprint(helper.greet('you'), open('data.txt').read())\n",
    );
    desk.put("app/helper.py", "def greet(name):\n    return 'hello ' + name\n");
    desk.put("app/data.txt", "data");
    desk
}

#[test]
fn a_script_imports_and_reads_from_the_folder_and_nothing_is_left() {
    let desk = desk();
    assert_eq!(
        desk.belay(["mount", "app", "run", "app/main.py"]).good(),
        "hello you data\n"
    );
    let code = "import os; print(os.getcwd(), os.listdir())";
    let text = desk.belay(["mount", "app", "--to", "/pc", "exec", code]).good();
    assert!(text.starts_with("/pc [") && text.contains("helper.py"), "{text}");
    assert_eq!(
        desk.belay(["mount", "app", "eval", "open('data.txt').read()"])
            .good(),
        "'data'\n"
    );
    // Each command mounts the folder again, and sees what was changed in between.
    desk.put(
        "app/helper.py",
        "def greet(name):\n    return 'welcome ' + name\n",
    );
    assert_eq!(
        desk.belay(["mount", "app", "run", "app/main.py"]).good(),
        "welcome you data\n"
    );
    let left =
        "import os, sys; print('/remote' in sys.path, 'helper' in sys.modules, 'data.txt' in os.listdir())";
    assert_eq!(desk.belay(["exec", left]).good(), "False False False\n");
    assert_eq!(
        std::fs::read_dir(desk.board.directory()).unwrap().count(),
        0,
        "nothing is on the board"
    );
}

#[test]
fn what_a_script_writes_is_on_this_machine_unless_it_may_not() {
    let desk = desk();
    desk.belay([
        "mount",
        "app",
        "exec",
        "f = open('log.txt', 'w'); f.write('x'); f.close()",
    ])
    .good();
    assert_eq!(
        std::fs::read(desk.folder.path().join("app/log.txt")).unwrap(),
        b"x"
    );
    let text = desk
        .belay(["mount", "--read-only", "app", "exec", "open('log.txt', 'w')"])
        .bad(1);
    assert!(text.contains("OSError: 30"), "{text}");
    let text = desk
        .belay(["mount", "app", "exec", "open('../secret', 'w')"])
        .good();
    assert_eq!(text, "");
    assert!(
        !desk.folder.path().join("secret").exists(),
        "`..` stays in the folder"
    );
}

#[test]
fn several_commands_have_it_and_a_reset_is_survived() {
    let desk = desk();
    let script = "exec 'import helper; print(helper.greet(1 and \"a\"))'\nreset\nexec 'print(open(\"data.txt\").read())'\nmount app eval 1\n";
    let text = said(desk.command(["mount", "app", "shell"]), script);
    assert_eq!(
        (text.status, text.out.as_str()),
        (2, "hello a\nthe board was reset\ndata\n"),
        "{text:?}"
    );
    assert!(text.err.contains("mounted already"), "{text:?}");
}

#[test]
fn a_script_runs_again_with_what_was_saved() {
    let desk = desk();
    let mut child = desk
        .command(["mount", "app", "run", "--watch", "app/main.py"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "hello you data");
    desk.put(
        "app/helper.py",
        "def greet(name):\n    return 'changed ' + name\n",
    );
    assert_eq!(lines.next().unwrap(), "changed you data");
    child.kill().unwrap();
    ended(child);
}

#[test]
fn at_the_prompt_statements_are_run_one_after_the_other() {
    let desk = desk();
    let folder = desk.folder.path().join("app");
    let mut terminal = Terminal::start(desk.board.port(), &["mount", folder.to_str().unwrap()]);
    terminal.wait("Ctrl-D leaves");
    terminal.wait(">>> ");
    terminal.press("import helper\r");
    terminal.wait(">>> ");
    terminal.press("helper.greet('you')\r");
    terminal.wait("'hello you'\r\n>>> ");
    terminal.press("for i in range(2):\r");
    terminal.wait("... ");
    terminal.press("    print('line', i)\r");
    terminal.wait("... ");
    terminal.press("\r");
    terminal.wait("line 0\r\nline 1\r\n>>> ");
    terminal.press("1 / 0\r");
    terminal.wait("ZeroDivisionError");
    terminal.wait(">>> ");
    terminal.press("name = input('who? ')\r");
    terminal.wait("who? ");
    terminal.press("me\r");
    terminal.wait(">>> ");
    terminal.press("import time; print('on'); time.sleep(1000)\r");
    terminal.wait("\r\non\r\n");
    terminal.press("\x03");
    terminal.wait("KeyboardInterrupt");
    terminal.wait(">>> ");
    terminal.press("import machine; machine.soft_reset()\r");
    terminal.wait("mounted again");
    terminal.wait(">>> ");
    terminal.press("open('data.txt').read()\r");
    terminal.wait("'data'\r\n>>> ");
    terminal.press("\x04");
    assert_eq!(terminal.status(), Some(0));
    assert_eq!(desk.belay(["eval", "1"]).good(), "1\n");
}

#[test]
fn a_board_that_mounts_nothing_says_so() {
    let desk = Desk::with(Board::unix().file("main.py", MOUNTS_NOTHING));
    let text = desk.belay(["mount", ".", "eval", "1"]).bad(1);
    assert!(text.contains("mounting a folder"), "{text}");
}
