//! The CircuitPython-like board and the old one: what they can do works, and what they cannot do is refused with an
//! error.

use belay::prelude::*;
use belay::{CallPath, Deadlines, ErrorKind, FloatPrecision};
use belay_sim::Board;
use belay_tests::PATIENCE;

#[belay::device]
pub trait Plain {
    /// ```python
    /// base = 40
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// base = value
    /// ```
    #[setup(auto = false)]
    async fn set_base(&self, value: u32) -> Result<()>;

    /// ```python
    /// return base + n
    /// ```
    #[task]
    async fn above(&self, n: u32) -> Result<u32>;

    /// ```python
    /// return above(above(n))
    /// ```
    #[task(cache = false)]
    async fn twice_above(&self, n: u32) -> Result<u32>;

    /// ```python
    /// for i in range(n):
    ///     yield i
    /// ```
    #[task]
    fn count(&self, n: u32) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// x = 1
    /// raise ValueError("no", n)
    /// ```
    #[task(exclusive)]
    async fn refuse(&self, n: u32) -> Result<()>;

    /// ```python
    /// while True:
    ///     pass
    /// ```
    #[thread]
    async fn spin(&self) -> Result<ThreadHandle>;

    /// ```python
    /// base = 0
    /// ```
    #[teardown]
    async fn shut(&self) -> Result<()>;
}

/// What every board can do.
async fn does_what_all_can(device: &Device) {
    let plain = PlainDevice::attach(device).await.unwrap();
    assert_eq!(plain.above(2).await.unwrap(), 42);
    plain.set_base(1).await.unwrap();
    assert_eq!(plain.twice_above(1).await.unwrap(), 3);
    let mut items = std::pin::pin!(plain.count(5));
    let mut seen = Vec::new();
    while let Some(item) = futures_util::StreamExt::next(&mut items).await {
        seen.push(item.unwrap());
    }
    assert_eq!(seen, [0, 1, 2, 3, 4]);
    let error = plain.refuse(3).await.unwrap_err();
    let exception = error.exception().expect("an exception of the board");
    assert!(exception.is("ValueError"), "{error}");
    assert_eq!(
        exception.rust_line().map(|line| line.file.ends_with("boards.rs")),
        Some(true),
        "{exception:?}"
    );
    assert_eq!(device.execute("print(6 * 7)").await.unwrap().trim(), "42");
}

/// A board without threads: they are refused before anything is sent.
async fn refuses_threads(device: &Device) {
    let plain = PlainDevice::attach(device).await.unwrap();
    let sent = device.session().deployment_stats().bytes;
    let error = plain.spin().await.unwrap_err();
    let ErrorKind::Unsupported { firmware, .. } = error.kind() else {
        panic!("{error}")
    };
    assert!(firmware.contains("Python 1"), "{error}");
    assert_eq!(error.method(), Some("Plain.spin"));
    assert_eq!(device.session().deployment_stats().bytes, sent);
    assert!(device.threads().active().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_awkward_board_does_all_but_threads() {
    let board = Board::mps2().start().await.unwrap();
    // The board is emulated, and slow beside other tests.
    let mut deadlines = Deadlines::default();
    deadlines.open = PATIENCE;
    let builder = Device::builder(board.port()).deadlines(deadlines);
    let device = builder.connect().await.unwrap();
    let capabilities = device.capabilities();
    assert!(
        !capabilities.threads && !capabilities.file_system,
        "{capabilities:?}"
    );
    assert_eq!(capabilities.float, FloatPrecision::Single);
    does_what_all_can(&device).await;
    refuses_threads(&device).await;
    device.close().await.unwrap();
}

#[tokio::test]
async fn the_old_board_does_all_but_threads() {
    let board = Board::microbit().start().await.unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    let capabilities = device.capabilities();
    assert_eq!(capabilities.call_path, CallPath::RawRepl);
    assert!(!capabilities.threads && !capabilities.stdin, "{capabilities:?}");
    does_what_all_can(&device).await;
    refuses_threads(&device).await;
    device.close().await.unwrap();
}

async fn circuitpython_does_all_but_threads(path: CallPath) {
    let board = Board::circuitpython_like().start().await.unwrap();
    let builder = Device::builder(board.port()).call_path(path);
    let device = builder.connect().await.unwrap();
    let capabilities = device.capabilities();
    assert_eq!(capabilities.implementation, "circuitpython");
    assert_eq!(capabilities.platform, "Belay simulator");
    assert_eq!(capabilities.float, FloatPrecision::Short);
    assert!(
        !capabilities.threads && capabilities.file_system && capabilities.read_only,
        "{capabilities:?}"
    );
    assert!(!capabilities.keeps_deployments && capabilities.emitters.is_empty());
    does_what_all_can(&device).await;
    refuses_threads(&device).await;
    device.close().await.unwrap();
    // The new interpreter has lost what was deployed; it is sent again.
    let builder = Device::builder(board.port()).call_path(path);
    let device = builder.connect().await.unwrap();
    does_what_all_can(&device).await;
    device.close().await.unwrap();
}

belay_tests::over_both_paths! {
    circuitpython_does_all_but_threads
}

/// MicroPython's statistics of interned strings, which are never freed.
async fn names(device: &Device) -> String {
    let said = device
        .execute("import micropython\nmicropython.qstr_info()")
        .await;
    said.unwrap()
}

#[tokio::test]
async fn sessions_and_calls_one_after_the_other_take_nothing_of_a_boards_memory() {
    let old = Board::microbit();
    for board in [Board::unix(), Board::unix().heap_kb(40), Board::mps2(), old] {
        let board = board.start().await.unwrap();
        let mut known = Vec::new();
        for _ in 0..6 {
            let device = Device::connect(board.port()).await.unwrap();
            known.push(names(&device).await);
            device.close().await.unwrap();
        }
        assert_eq!(known[2], known[5]);
        let device = Device::connect(board.port()).await.unwrap();
        device.execute_as::<String>("''").await.unwrap();
        let known = names(&device).await;
        // More strings than there are request numbers, each beginning with a character of its own.
        for character in ' '..='z' {
            let text = String::from(character).repeat(12);
            let expression = format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
            assert_eq!(device.execute_as::<String>(&expression).await.unwrap(), text);
        }
        assert_eq!(names(&device).await, known);
        device.close().await.unwrap();
    }
}
