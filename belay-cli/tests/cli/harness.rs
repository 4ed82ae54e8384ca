//! A board, the command, and its output.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use belay_sim::{Board, Builder};

/// How long anything may take before a test gives up.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A board and a folder of this machine, in which the command runs.
pub(crate) struct Desk {
    pub(crate) board: Board,
    pub(crate) folder: tempfile::TempDir,
}

/// The result of the command.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The output of a command that has succeeded.
    #[track_caller]
    pub(crate) fn good(self) -> String {
        assert_eq!((self.status, &*self.err), (0, ""), "{self:?}");
        self.out
    }

    /// The error output of a command that has failed with this status.
    #[track_caller]
    pub(crate) fn bad(self, status: i32) -> String {
        assert_eq!(self.status, status, "{self:?}");
        self.err
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with(Board::unix())
    }

    pub(crate) fn with(board: Builder) -> Self {
        Self {
            board: board.start_blocking().expect("the board starts"),
            folder: tempfile::tempdir().expect("there is room for a folder"),
        }
    }

    /// Writes a file of this machine.
    pub(crate) fn put(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("folders can be made");
        fs::write(&path, text).expect("files can be written");
        path
    }

    /// The contents of a file of the board, read from its file system.
    pub(crate) fn on_board(&self, path: &str) -> Vec<u8> {
        fs::read(self.board.directory().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = command(self.folder.path(), arguments);
        command.env("BELAY_PORT", self.board.port());
        command
    }

    pub(crate) fn belay<const N: usize>(&self, arguments: [&str; N]) -> Said {
        said(self.command(arguments), "")
    }
}

/// The command, in this folder and with nothing of the environment that changes what it does.
pub(crate) fn command<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = inside(folder, env!("CARGO_BIN_EXE_belay"));
    command.args(arguments);
    command
}

/// A line as it is typed, in this folder, which is home as well and whose `bin` has what is not on each machine.
pub(crate) fn typed(folder: &Path, line: &str) -> Command {
    let ours = Path::new(env!("CARGO_BIN_EXE_belay")).parent();
    let others = std::env::var_os("PATH").unwrap_or_default();
    let path = [folder.join("bin"), ours.expect("it is in a folder").to_owned()]
        .into_iter()
        .chain(std::env::split_paths(&others));
    let path = std::env::join_paths(path).expect("no folder has a colon in its name");
    let mut shell = inside(folder, "sh");
    shell.args(["-c", line]).env("PATH", path).env("HOME", folder);
    shell
}

/// The commands of the documents that a test runs by `tests/commands.txt`, and what it runs for each. Outside of a checkout
/// there are no documents, and so none.
pub(crate) fn commands_for(test: &str) -> Vec<(String, String)> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/commands.txt");
    let Ok(table) = fs::read_to_string(table) else {
        return Vec::new();
    };
    let (_, section) = table
        .split_once(&format!("\n[{test}]\n"))
        .expect("the table has its commands");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let lines = lines.filter(|line| !line.is_empty());
    let both = lines.map(|line| line.split_once(" => ").unwrap_or((line, line)));
    both.map(|(command, run)| (command.to_owned(), run.to_owned()))
        .collect()
}

fn inside(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    for variable in [
        "BELAY_PORT",
        "BELAY_INDEX",
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "VISUAL",
        "EDITOR",
        "RUST_LOG",
    ] {
        command.env_remove(variable);
    }
    command.current_dir(folder);
    command
}

/// Runs a command with this standard input, and gives its result.
pub(crate) fn said(mut command: Command, input: &str) -> Said {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    let mut stdin = child.stdin.take().expect("it has an input");
    // It may have ended without reading all of it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    ended(child)
}

/// The result of a command that was started before.
pub(crate) fn ended(child: Child) -> Said {
    let output = child.wait_with_output().expect("it ends");
    Said {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Waits until a condition holds.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Compares with the stored text; with `BELAY_KEEP` in the environment it is replaced.
#[track_caller]
pub(crate) fn kept(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/snapshots")
        .join(name);
    if std::env::var_os("BELAY_KEEP").is_some() {
        fs::write(&path, text).expect("it can be kept");
    }
    let before = fs::read_to_string(&path).unwrap_or_default();
    let differs = text
        .lines()
        .zip(before.lines())
        .find(|(now, before)| now != before);
    assert!(
        text == before,
        "{} differs, first in {differs:?}; BELAY_KEEP=1 keeps what it is now",
        path.display()
    );
}
