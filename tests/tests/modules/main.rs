//! The modules of a trait: they are on the board before its first setup runs.

mod compiled;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use belay::prelude::*;
use belay::transport::Transport;
use belay::{CallPath, Deadlines, DeviceBuilder, ErrorKind, Phase, ReconnectPolicy, ResetPolicy};
use belay_sim::{Board, Builder};
use belay_tests::{PATIENCE, Tap, tapped};
use tokio::io::AsyncWrite;

/// A lab.
#[belay::device(modules = "tests/modules/board")]
pub trait Lab {
    /// ```python
    /// import counter
    /// from palette import *
    /// from sensors import mean, UNIT
    /// import sensors.deep.leaf as deepest
    /// counts = counter.Counter(3)
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// return counts.advance()
    /// ```
    #[task]
    async fn advance(&self) -> Result<u32>;

    /// ```python
    /// return RED, GREEN, mean([1, 2, 3]), UNIT
    /// ```
    #[task]
    async fn all(&self) -> Result<(u32, u32, f64, String)>;

    /// ```python
    /// return deepest.both()
    /// ```
    #[task]
    async fn leaf(&self) -> Result<(String, f64)>;

    /// ```python
    /// import ping
    /// return ping.hit(n)
    /// ```
    #[task]
    async fn rally(&self, n: u8) -> Result<Vec<String>>;

    /// ```python
    /// return counter.divide(a, b)
    /// ```
    #[task]
    async fn divide(&self, a: i32, b: i32) -> Result<i32>;

    /// ```python
    /// return counter.GREETING
    /// ```
    #[task]
    async fn greeting(&self) -> Result<String>;
}

/// Brings the same modules.
#[belay::device(modules = "tests/modules/board")]
pub trait Second {
    /// ```python
    /// from counter import Counter
    /// return Counter(1).advance()
    /// ```
    #[task]
    async fn one(&self) -> Result<u32>;
}

/// Brings another module of the same name.
#[belay::device(modules = "tests/modules/other")]
pub trait Other {
    /// ```python
    /// import apart
    /// return apart.where()
    /// ```
    #[task]
    async fn apart(&self) -> Result<String>;
}

/// Brings a large module.
#[belay::device(modules = "tests/modules/large")]
pub trait Large {
    /// ```python
    /// from table import total
    /// return total()
    /// ```
    #[task]
    async fn total(&self) -> Result<u64>;
}

async fn everything(lab: &LabDevice) {
    assert_eq!(lab.all().await.unwrap(), (0xff_0000, 0xff00, 1.0, "°C".into()));
    assert_eq!(lab.leaf().await.unwrap(), ("°C".into(), 3.0));
    assert_eq!(lab.rally(3).await.unwrap(), ["ping", "pong", "ping"]);
    assert_eq!(lab.greeting().await.unwrap(), "grüße");
    assert_eq!(lab.advance().await.unwrap(), 3);
}

async fn on(board: Builder, path: CallPath) -> (Board, Device) {
    let board = board.start().await.unwrap();
    let device = Device::builder(board.port())
        .call_path(path)
        .connect()
        .await
        .unwrap();
    (board, device)
}

belay_tests::on_both_runtimes! {
    over both paths:
    modules_are_there_before_the_first_setup_runs
    a_traceback_names_the_line_of_the_file_on_the_host
    modules_are_brought_again_after_a_reset
    where_nothing_is_mounted_modules_are_objects
}

belay_tests::over_both_paths! {
    what_is_on_the_board_is_not_sent_again
    a_module_of_the_same_name_on_the_board_is_not_the_one_that_is_imported
    modules_can_be_put_into_files
    what_is_brought_can_be_looked_at_and_not_be_written
    bringing_that_is_given_up_is_done_again
    traits_that_bring_the_same_share_it_and_others_are_refused
    what_another_program_has_left_is_not_to_be_seen
    a_large_module_comes_in_pieces
    circuitpython_has_them_too
    a_full_board_says_so_and_goes_on
}

async fn modules_are_there_before_the_first_setup_runs(path: CallPath) {
    let (_board, device) = on(Board::unix(), path).await;
    let lab = LabDevice::attach(&device).await.unwrap();
    everything(&lab).await;
    let files: String = device.execute_as("__import__('counter').__file__").await.unwrap();
    assert_eq!(files, "/_belay/counter.py");
    device.close().await.unwrap();
}

async fn a_traceback_names_the_line_of_the_file_on_the_host(path: CallPath) {
    let (_board, device) = on(Board::unix(), path).await;
    let lab = LabDevice::attach(&device).await.unwrap();
    let error = lab.divide(1, 0).await.unwrap_err();
    let exception = error.exception().unwrap();
    let line = exception.rust_line().unwrap();
    assert_eq!(
        (line.file, line.line),
        ("tests/modules/board/counter.py", 23),
        "{exception:#?}"
    );
    assert!(
        error
            .to_string()
            .ends_with(" at tests/modules/board/counter.py:23"),
        "{error}"
    );
    let outer = exception.traceback.iter().find_map(|frame| frame.rust).unwrap();
    assert!(outer.file.ends_with("main.rs"), "{outer}");
    device.close().await.unwrap();
}

async fn modules_are_brought_again_after_a_reset(path: CallPath) {
    let board = Board::unix().start().await.unwrap();
    let builder = Device::builder(board.port()).call_path(path);
    let device = builder
        .reconnect(ReconnectPolicy::attempts(3))
        .connect()
        .await
        .unwrap();
    let lab = LabDevice::attach(&device).await.unwrap();
    everything(&lab).await;
    device.reset_with(ResetPolicy::Soft).await.unwrap();
    everything(&lab).await;
    device.close().await.unwrap();
}

/// Counts the bytes that the host writes.
struct Counted(Arc<AtomicUsize>);

impl Tap for Counted {
    fn write(
        &mut self,
        port: &mut Box<dyn Transport>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(port).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = written {
            self.0.fetch_add(count, Ordering::Relaxed);
        }
        written
    }
}

/// How many bytes are sent for another trait with the same modules, and for a trait of a second program.
async fn what_is_on_the_board_is_not_sent_again(path: CallPath) {
    let board = Board::unix().start().await.unwrap();
    let written = Arc::new(AtomicUsize::new(0));
    let count = || written.swap(0, Ordering::Relaxed);
    let connect = || {
        let tap = Arc::clone(&written);
        let connector = tapped(board.port(), move || Counted(Arc::clone(&tap)));
        DeviceBuilder::over(connector).call_path(path).connect()
    };
    let device = connect().await.unwrap();
    count();
    let second = SecondDevice::attach(&device).await.unwrap();
    let first_time = count();
    assert!(first_time > 2_000, "{first_time} bytes");
    assert_eq!(second.one().await.unwrap(), 1);
    count();
    SecondDevice::attach(&device).await.unwrap();
    assert_eq!(count(), 0, "the trait is attached");
    device.close().await.unwrap();
    let device = connect().await.unwrap();
    count();
    let second = SecondDevice::attach(&device).await.unwrap();
    let again = count();
    // One request with the hash of each module.
    assert!(again < 600, "{again} bytes after {first_time}");
    assert_eq!(second.one().await.unwrap(), 1);
    device.close().await.unwrap();
}

async fn a_module_of_the_same_name_on_the_board_is_not_the_one_that_is_imported(path: CallPath) {
    let board = Board::unix()
        .file("lib/counter.py", "raise ValueError('the board\'s own')")
        .file("sensors/__init__.py", "OWN = 1")
        .file("palette.py", "RED = GREEN = 0")
        .file("main.py", "import palette, sensors");
    let (_board, device) = on(board, path).await;
    let own: u8 = device.execute_as("__import__('sensors').OWN").await.unwrap();
    assert_eq!(own, 1);
    let lab = LabDevice::attach(&device).await.unwrap();
    everything(&lab).await;
    device.close().await.unwrap();
}

async fn traits_that_bring_the_same_share_it_and_others_are_refused(path: CallPath) {
    let (_board, device) = on(Board::unix(), path).await;
    let lab = LabDevice::attach(&device).await.unwrap();
    let second = SecondDevice::attach(&device).await.unwrap();
    assert_eq!(second.one().await.unwrap(), 1);
    let error = OtherDevice::attach(&device).await.unwrap_err();
    let ErrorKind::ModuleTaken {
        module,
        taken_by,
        wanted_by,
    } = error.kind()
    else {
        panic!("{error}")
    };
    assert_eq!(
        (&**module, &**taken_by, &**wanted_by),
        ("counter", "Lab", "Other")
    );
    everything(&lab).await;
    device.close().await.unwrap();
}

async fn what_another_program_has_left_is_not_to_be_seen(path: CallPath) {
    let (board, device) = on(Board::unix(), path).await;
    let lab = LabDevice::attach(&device).await.unwrap();
    everything(&lab).await;
    device.close().await.unwrap();
    // A second program: its `counter` is another module, and it has no `palette`.
    let device = Device::builder(board.port())
        .call_path(path)
        .connect()
        .await
        .unwrap();
    let other = OtherDevice::attach(&device).await.unwrap();
    assert_eq!(other.apart().await.unwrap(), "apart");
    let error = device.execute("import palette").await.unwrap_err();
    assert!(error.exception().unwrap().is("ImportError"), "{error}");
    assert_eq!(
        device
            .execute("import counter\nprint(dir(counter))")
            .await
            .unwrap()
            .matches("divide")
            .count(),
        0
    );
    let connection = device.session().connected().unwrap();
    let left = connection.evaluate("_modules", "spare()").await.unwrap();
    assert!(left.to::<u8>().unwrap() > 4, "what is not to be seen makes room");
    device.close().await.unwrap();
    // The first program again.
    let device = Device::builder(board.port())
        .call_path(path)
        .connect()
        .await
        .unwrap();
    everything(&LabDevice::attach(&device).await.unwrap()).await;
    device.close().await.unwrap();
}

async fn a_large_module_comes_in_pieces(path: CallPath) {
    let (_board, device) = on(Board::unix(), path).await;
    let large = LargeDevice::attach(&device).await.unwrap();
    assert_eq!(large.total().await.unwrap(), 205_351_234);
    device.close().await.unwrap();
}

async fn circuitpython_has_them_too(path: CallPath) {
    let (board, device) = on(Board::circuitpython_like(), path).await;
    everything(&LabDevice::attach(&device).await.unwrap()).await;
    device.close().await.unwrap();
    let device = Device::builder(board.port())
        .call_path(path)
        .connect()
        .await
        .unwrap();
    everything(&LabDevice::attach(&device).await.unwrap()).await;
    device.close().await.unwrap();
}

/// Removes everything from a board with which a file system can be mounted.
const NO_MOUNT: &str = "\
import sys
class Bare:
    pass
for name in 'vfs', 'os', 'storage':
    sys.modules[name] = Bare
";

/// A trait whose modules need no `import *`.
#[belay::device(modules = "tests/modules/board")]
pub trait Starless {
    /// ```python
    /// import counter
    /// import sensors
    /// from sensors import mean
    /// from sensors.deep import leaf as deepest
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// import ping
    /// counter.extra = 5
    /// return counter.Counter(2).advance() + counter.extra, mean([1, 3]), sensors.UNIT, deepest.both(), ping.hit(2)
    /// ```
    #[task]
    async fn all(&self) -> Result<(u32, f64, String, (String, f64), Vec<String>)>;

    /// ```python
    /// counter.divide(1, 0)
    /// ```
    #[task]
    async fn wrong(&self) -> Result<()>;
}

async fn where_nothing_is_mounted_modules_are_objects(path: CallPath) {
    let (_board, device) = on(Board::unix().file("main.py", NO_MOUNT), path).await;
    let starless = StarlessDevice::attach(&device).await.unwrap();
    let ping = vec!["ping".to_owned(), "pong".to_owned()];
    let expected = (7, 1.0, "°C".to_owned(), ("°C".to_owned(), 3.0), ping);
    assert_eq!(starless.all().await.unwrap(), expected);
    let error = starless.wrong().await.unwrap_err();
    let line = error.exception().unwrap().rust_line().unwrap();
    assert_eq!((line.file, line.line), ("tests/modules/board/counter.py", 23));
    // `import *` would end the interpreter: it is refused in bodies, and in code that is executed.
    let error = LabDevice::attach(&device).await.unwrap_err();
    let ErrorKind::Setup { cause, .. } = error.kind() else {
        panic!("{error}")
    };
    assert!(matches!(cause.kind(), ErrorKind::Unsupported { .. }), "{cause}");
    let error = device.execute("from palette import *").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error}");
    assert_eq!(starless.all().await.unwrap(), expected);
    device.close().await.unwrap();
}

/// Fills the memory of a board, except for a few kilobytes.
const FILL: &str = "\
hold = []
try:
    while True:
        hold.append(bytearray(1024))
except MemoryError:
    del hold[-12:]
";

async fn a_full_board_says_so_and_goes_on(path: CallPath) {
    let (_board, device) = on(Board::unix().heap_kb(256), path).await;
    device.execute(FILL).await.unwrap();
    let error = LargeDevice::attach(&device).await.unwrap_err();
    let ErrorKind::Setup { cause, .. } = error.kind() else {
        panic!("{error}")
    };
    assert!(cause.exception().unwrap().is("MemoryError"), "{cause}");
    assert!(
        matches!(cause.phase(), Some(Phase::Deploy | Phase::Execute)),
        "{cause}"
    );
    device.execute("hold = None").await.unwrap();
    let large = LargeDevice::attach(&device).await.unwrap();
    assert_eq!(large.total().await.unwrap(), 205_351_234);
    device.close().await.unwrap();
}

#[tokio::test]
async fn a_board_without_a_file_system_of_its_own_mounts_one_for_them() {
    let board = Board::mps2().start().await.unwrap();
    let mut deadlines = Deadlines::default();
    deadlines.open = PATIENCE;
    let builder = Device::builder(board.port()).deadlines(deadlines);
    let device = builder.connect().await.unwrap();
    assert!(!device.capabilities().file_system);
    everything(&LabDevice::attach(&device).await.unwrap()).await;
    device.close().await.unwrap();
}

#[tokio::test]
async fn a_board_that_has_no_table_of_modules_says_that_it_takes_none() {
    let board = Board::microbit().start().await.unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    let error = LabDevice::attach(&device).await.unwrap_err();
    let ErrorKind::Setup { cause, .. } = error.kind() else {
        panic!("{error}")
    };
    assert!(matches!(cause.kind(), ErrorKind::Unsupported { .. }), "{cause}");
    assert_eq!(device.execute("print(6 * 7)").await.unwrap().trim(), "42");
    device.close().await.unwrap();
}

async fn what_is_brought_can_be_looked_at_and_not_be_written(path: CallPath) {
    let (_board, device) = on(Board::unix(), path).await;
    LabDevice::attach(&device).await.unwrap();
    let names: Vec<String> = device
        .execute_as("sorted(__import__('os').listdir('/_belay'))")
        .await
        .unwrap();
    assert_eq!(
        names,
        ["counter.py", "palette.py", "ping.py", "pong.py", "sensors"]
    );
    let text: String = device
        .execute_as("open('/_belay/palette.py').read()")
        .await
        .unwrap();
    assert_eq!(text, "RED=0xFF0000\nGREEN=0x00FF00\n_secret=1\n");
    for (name, mode, errno) in [("palette.py", "w", 30), ("new.py", "r", 2), ("sensors", "r", 2)] {
        let open = format!("open('/_belay/{name}', '{mode}')");
        let error = device.execute(&open).await.unwrap_err();
        assert_eq!(error.exception().unwrap().errno, Some(errno), "{open}: {error}");
    }
    device.close().await.unwrap();
}

async fn bringing_that_is_given_up_is_done_again(path: CallPath) {
    let (_board, device) = on(Board::unix(), path).await;
    for micros in [0, 300, 1000, 3000, 6000, 10_000, 15_000] {
        let attaching = LargeDevice::attach(&device);
        // Whether it was completed is not known, and does not matter.
        let _ = tokio::time::timeout(Duration::from_micros(micros), attaching).await;
    }
    let large = LargeDevice::attach(&device).await.unwrap();
    assert_eq!(large.total().await.unwrap(), 205_351_234);
    everything(&LabDevice::attach(&device).await.unwrap()).await;
    device.close().await.unwrap();
}

/// A thread that fails in a module.
#[belay::device(modules = "tests/modules/board")]
pub trait Background {
    /// ```python
    /// import counter
    /// while True:
    ///     counter.divide(1, 0)
    /// ```
    #[thread]
    async fn divide(&self) -> Result<ThreadHandle>;
}

#[tokio::test]
async fn what_a_thread_raises_in_a_module_names_its_line_too() {
    let (_board, device) = on(Board::unix(), CallPath::Agent).await;
    let background = BackgroundDevice::attach(&device).await.unwrap();
    let thread = background.divide().await.unwrap();
    let error = thread.join().await.unwrap_err();
    let line = error.exception().unwrap().rust_line().unwrap();
    assert_eq!(
        (line.file, line.line),
        ("tests/modules/board/counter.py", 23),
        "{error}"
    );
    device.close().await.unwrap();
}

/// Stores its modules in a folder of the board.
#[belay::device(modules(dir = "tests/modules/board", to = "/drivers"))]
pub trait Stored {
    /// ```python
    /// import counter
    /// from sensors import UNIT
    /// from palette import *
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// return counter.__file__, RED, UNIT
    /// ```
    #[task]
    async fn all(&self) -> Result<(String, u32, String)>;

    /// ```python
    /// counter.divide(1, 0)
    /// ```
    #[task]
    async fn wrong(&self) -> Result<()>;
}

async fn modules_can_be_put_into_files(path: CallPath) {
    let (board, device) = on(Board::unix(), path).await;
    let stored = StoredDevice::attach(&device).await.unwrap();
    let expected = ("/drivers/counter.py".to_owned(), 0xff_0000, "°C".to_owned());
    assert_eq!(stored.all().await.unwrap(), expected);
    let error = stored.wrong().await.unwrap_err();
    let line = error.exception().unwrap().rust_line().unwrap();
    assert_eq!((line.file, line.line), ("tests/modules/board/counter.py", 23));
    // The files survive a reset, and are found again afterwards.
    device.reset().await.unwrap();
    assert_eq!(stored.all().await.unwrap(), expected);
    device.close().await.unwrap();
    // A file that is up to date is not written again, and one that differs is.
    let file = board.directory().join("drivers/counter.py");
    let written = std::fs::metadata(&file).unwrap().modified().unwrap();
    let device = Device::builder(board.port())
        .call_path(path)
        .connect()
        .await
        .unwrap();
    StoredDevice::attach(&device).await.unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), written);
    device.close().await.unwrap();
    std::fs::write(&file, "raise ValueError").unwrap();
    let device = Device::builder(board.port())
        .call_path(path)
        .connect()
        .await
        .unwrap();
    let stored = StoredDevice::attach(&device).await.unwrap();
    assert_eq!(stored.all().await.unwrap(), expected);
    assert!(!std::fs::read_to_string(&file).unwrap().contains("ValueError"));
    device.close().await.unwrap();
}
