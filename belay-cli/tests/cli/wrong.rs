//! Wrong uses of the command, and its messages.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use belay_sim::Board;

use crate::harness::{Desk, Said, command, ended, kept, said};

/// Command lines that fail although a board is there.
const USES: &[&str] = &[
    "rnu blink.py",
    "run",
    "run nope.py",
    "run folder",
    "run bytes.bin",
    "run syntax.py",
    "run raises.py",
    "run input.py",
    "run --watch -",
    "exec 1/0",
    "exec 'x ='",
    "exec 'import nothing_of_that_name'",
    "exec 'b = bytearray(100000000)'",
    "eval nothing",
    "eval 'x ='",
    "eval ''",
    "fs cat :nope",
    "fs cat :there",
    "fs cat :../x",
    "fs ls :nope",
    "fs cp a.txt b.txt",
    "fs cp nope.txt :",
    "fs cp folder :",
    "fs cp :nope .",
    "fs cp :there .",
    "fs cp :there/file :there/other nowhere",
    "fs cp :there/file :there/file",
    "fs cp -r :there :there/below",
    "fs rm :nope",
    "fs rm :there",
    "fs rm :",
    "fs mv :nope :x",
    "fs mkdir :there/file/x",
    "fs hash :nope",
    "sync nope",
    "sync a.txt",
    "sync folder --keep [z-a]",
    "mount nope eval 1",
    "mount a.txt eval 1",
    "mount folder",
    "mount folder --to remote eval 1",
    "mount folder run nope.py",
    "mount --read-only folder exec \"open('new', 'w')\"",
    "check nope.py",
    "check folder",
    "minify syntax.py",
    "add ./nope",
    "add '???'",
    "remove lcd",
    "repl",
    "shell nope.txt",
    "plot \"'text'\"",
    "plot --every 0 1",
    "latency --count 0",
    "new folder",
    "new 1x",
    "new deps",
    "new belay-rs",
    "completions tcsh",
    "reset --hard --bootloader",
    "rtc",
    "ports --jsn",
    "-p nonsense: info",
    "-p tcp://127.0.0.1:1 info",
    "-p exec:no-such-program-here info",
    "-p ./folder info",
];

fn desk() -> Desk {
    let desk = Desk::with(Board::unix().file("there/file", "f").file("there/other", "o"));
    desk.put("folder/notes.txt", "");
    desk.put("a.txt", "a");
    desk.put("bytes.bin", [0xff, 0xfe]);
    desk.put("syntax.py", "x = 1\nif x = 2:\n    pass\n");
    desk.put("raises.py", "def f():\n    return [][1]\nf()\n");
    desk.put("input.py", "print(input('name? '))\n");
    desk
}

/// The error output, without what differs from run to run.
fn settled(desk: &Desk, said: &Said) -> String {
    let folder = desk.folder.path().display().to_string();
    let text = said
        .err
        .replace(desk.board.port(), "PORT")
        .replace(&folder, "FOLDER");
    // The list of addresses comes from the library.
    let lines = text.lines().filter(|line| !line.starts_with("        "));
    lines
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect::<Vec<_>>()
        .concat()
}

#[test]
fn what_cannot_be_done_is_said_with_what_to_do() {
    let desk = desk();
    let mut all = String::new();
    for line in USES {
        let words = shell_words::split(line).unwrap();
        let said = said(desk.command(&words), "");
        assert!(said.status > 0, "{line}: {said:?}");
        assert!(!said.err.contains("panicked"), "{line}: {said:?}");
        let _ = write!(
            all,
            "$ belay {line}\n{}[{}]\n\n",
            settled(&desk, &said),
            said.status
        );
    }
    kept("wrong.txt", &all);
    // The board still works after all of this.
    assert_eq!(desk.belay(["eval", "6 * 7"]).good(), "42\n");
    assert_eq!(desk.on_board("there/file"), b"f");
}

#[test]
fn without_a_board_the_ways_to_name_one_are_told() {
    let here = std::env::temp_dir();
    for words in [
        ["-p", "/dev/no-such-port", "info"],
        ["-p", "usb:FFFF:FFFE", "info"],
    ] {
        let text = said(command(&here, words), "").bad(3);
        assert!(text.contains("no port") && text.contains("belay ports"), "{text}");
    }
    // This machine may have exactly one port, and then the command uses it.
    let said = said(command(&here, ["eval", "1"]), "");
    assert!(said.status == 3 || said.out == "1\n", "{said:?}");
}

/// Runs this code, and waits until it has printed a line. Gives the process, and its output from there on.
fn running(desk: &Desk, code: &str) -> (Child, BufReader<ChildStdout>) {
    let mut command = desk.command(["exec", code]);
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    (child, out)
}

#[test]
fn a_port_that_is_taken_is_said_to_be_whose() {
    let desk = Desk::new();
    let (mut holder, _out) = running(&desk, "print('on')\nwhile True: pass");
    let text = desk.belay(["info"]).bad(3);
    let pid = holder.id().to_string();
    assert!(
        text.contains("is in use by") && text.contains(&pid) && text.contains("help: "),
        "{text}"
    );
    holder.kill().unwrap();
    ended(holder);
}

/// A file system that reports that it is almost full.
const FULL: &str = "import os, vfs\nclass Full:\n    def __init__(self):\n        self.real = os.VfsPosix('.')\n    \
    def __getattr__(self, name):\n        return getattr(self.real, name)\n    def mount(self, *_): pass\n    \
    def umount(self): pass\n    def statvfs(self, path):\n        return 1, 1, 20000, 1000, 1000, 0, 0, 0, 0, 255\n\
    for name in ('open', 'stat', 'ilistdir', 'mkdir', 'rmdir', 'remove', 'rename', 'chdir', 'getcwd'):\n    \
    setattr(Full, name, (lambda name: lambda self, *a: getattr(self.real, name)(*a))(name))\n\
    vfs.umount('/')\nvfs.mount(Full(), '/')\n";

#[test]
fn a_full_board_says_how_much_is_missing_and_keeps_what_it_has() {
    let desk = Desk::with(Board::unix().file("kept.bin", "kept"));
    desk.put("full.py", FULL);
    desk.put("kept.bin", vec![7; 5000]);
    let script = "run full.py\nfs cp kept.bin :\n";
    let text = said(desk.command(["shell"]), script).bad(1);
    assert!(
        text.contains("does not fit") && text.contains("bytes more"),
        "{text}"
    );
    assert_eq!(desk.on_board("kept.bin"), b"kept");
}

#[test]
fn a_board_that_is_unplugged_in_the_middle_is_said_to_be_gone() {
    let desk = Desk::new();
    let code = "print('on')\nimport time\nwhile True: time.sleep_ms(10)";
    let (child, _out) = running(&desk, code);
    desk.board.vanish().unwrap();
    let text = ended(child).bad(1);
    assert!(
        text.contains("connection was lost") && text.contains("plug the board in again"),
        "{text}"
    );
}

#[test]
fn a_pipe_that_nobody_reads_ends_the_command_quietly() {
    let desk = Desk::new();
    let (child, _) = running(&desk, "while True: print('a line of some length')");
    let text = ended(child).err;
    assert!(!text.contains("panicked"), "{text}");
    let folder = fs::read_dir(desk.folder.path()).unwrap();
    assert_eq!(folder.count(), 0);
}

/// A named pipe, whose reader could wait for ever, is reported; the command does not wait for it.
#[test]
fn a_pipe_in_a_folder_is_told_and_not_read() {
    let desk = desk();
    let pipe = desk.folder.path().join("folder/pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for words in [&["sync", "folder"][..], &["fs", "cp", "-r", "folder", ":"]] {
        let text = said(desk.command(words), "").bad(1);
        assert!(
            text.contains("pipe") && text.contains("neither a file nor a folder"),
            "{text}"
        );
    }
    desk.belay(["sync", "folder", "--ignore", "pipe"]).good();
}

#[test]
fn who_ends_the_command_by_a_signal_leaves_the_board_as_ctrl_c_does() {
    let desk = Desk::new();
    for (signal, status) in [("-TERM", 143), ("-HUP", 129), ("-INT", 130)] {
        let code = "print('on')\ntry:\n    while True: pass\nfinally:\n    open('clean', 'w').close()";
        let (child, _out) = running(&desk, code);
        let pid = child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        ended(child).bad(status);
        desk.belay(["fs", "rm", ":clean"]).good();
    }
}

#[test]
fn a_program_that_does_not_stop_is_told_in_words_of_the_command() {
    let desk = Desk::new();
    let code = "import micropython\nmicropython.kbd_intr(-1)\nprint('on')\nwhile True: pass";
    let (mut child, _out) = running(&desk, code);
    child.kill().unwrap();
    ended(child);
    let text = desk.belay(["info"]).bad(3);
    assert!(
        text.contains("reset button") && !text.contains("ResetPolicy"),
        "{text}"
    );
}
