//! Memory pressure: which functions are evicted, how they are deployed again, and that no call runs twice.

use belay::prelude::*;
use belay_sim::Board;
use belay_tests::{AGENT_LAID_OPEN, connected};

#[belay::device]
pub trait Tight {
    /// ```python
    /// import __main__
    /// runs = 0
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// return "one"
    /// ```
    #[task]
    async fn one(&self) -> Result<String>;

    /// ```python
    /// return "two"
    /// ```
    #[task]
    async fn two(&self) -> Result<String>;

    /// ```python
    /// return "three"
    /// ```
    #[task]
    async fn three(&self) -> Result<String>;

    /// ```python
    /// return one()
    /// ```
    #[task]
    async fn like_one(&self) -> Result<String>;

    /// ```python
    /// __main__.failures = count
    /// ```
    #[task]
    async fn fail_next(&self, count: u32) -> Result<()>;

    /// ```python
    /// global runs
    /// runs += 1
    /// raise MemoryError
    /// ```
    #[task]
    async fn exhaust(&self) -> Result<()>;

    /// ```python
    /// global runs
    /// runs += 1
    /// if runs < 2:
    ///     raise MemoryError
    /// return runs
    /// ```
    #[task(idempotent)]
    async fn exhaust_once(&self) -> Result<u32>;

    /// ```python
    /// return runs
    /// ```
    #[task]
    async fn run_count(&self) -> Result<u32>;
}

/// A board on which deployments can be made to fail.
async fn laid_open() -> (Board, Device) {
    let board = Board::unix()
        .file("main.py", AGENT_LAID_OPEN)
        .start()
        .await
        .unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    (board, device)
}

#[tokio::test]
async fn what_was_not_used_for_the_longest_time_makes_room_for_a_deployment() {
    let (_board, device) = laid_open().await;
    let tight = TightDevice::attach(&device).await.unwrap();
    tight.two().await.unwrap();
    tight.three().await.unwrap();
    tight.one().await.unwrap();
    tight.fail_next(2).await.unwrap();
    assert_eq!(tight.like_one().await.unwrap(), "one");
    let stats = device.session().deployment_stats();
    assert_eq!((stats.misses, stats.evictions), (5, 2));
    tight.one().await.unwrap();
    assert_eq!(
        device.session().deployment_stats().misses,
        5,
        "what the new one uses is kept"
    );
    assert_eq!(tight.two().await.unwrap(), "two");
    assert_eq!(tight.three().await.unwrap(), "three");
    assert_eq!(
        device.session().deployment_stats().misses,
        7,
        "the two oldest had gone"
    );
    device.close().await.unwrap();
}

#[tokio::test]
async fn without_anything_to_evict_the_error_is_told() {
    let (_board, device) = laid_open().await;
    let tight = TightDevice::attach(&device).await.unwrap();
    tight.fail_next(1_000_000).await.unwrap();
    let error = tight.one().await.unwrap_err();
    assert!(error.exception().unwrap().is("MemoryError"), "{error}");
    assert_eq!(error.phase(), Some(belay::Phase::Deploy));
    assert_eq!(error.method(), Some("Tight.one"));
    device.close().await.unwrap();
}

#[tokio::test]
async fn a_body_that_ran_out_of_memory_runs_again_only_if_it_may() {
    let (_board, device) = connected().await;
    let tight = TightDevice::attach(&device).await.unwrap();
    tight.one().await.unwrap();
    assert_eq!(
        tight.exhaust_once().await.unwrap(),
        2,
        "it is idempotent, and room was made"
    );
    let error = tight.exhaust().await.unwrap_err();
    assert!(error.exception().unwrap().is("MemoryError"), "{error}");
    assert_eq!(tight.run_count().await.unwrap(), 3);
    device.close().await.unwrap();
}

/// Methods that need some memory each.
#[belay::device]
pub trait Crowd {
    /// ```python
    /// text = [
    ///     b"tahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjq",
    ///     b"ahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqt",
    ///     b"hovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqta",
    ///     b"ovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqtah",
    ///     b"vcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqtaho",
    ///     b"cjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqtahov",
    ///     b"jqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqtahovc",
    ///     b"qxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqtahovcj",
    /// ]
    /// return len(text)
    /// ```
    #[task]
    async fn a(&self) -> Result<usize>;

    /// ```python
    /// text = [
    ///     b"ubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkr",
    ///     b"bipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkru",
    ///     b"ipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkrub",
    ///     b"pwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkrubi",
    ///     b"wdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkrubip",
    ///     b"dkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkrubipw",
    ///     b"kryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkrubipwd",
    ///     b"ryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkrubipwdk",
    /// ]
    /// return len(text)
    /// ```
    #[task]
    async fn b(&self) -> Result<usize>;

    /// ```python
    /// text = [
    ///     b"vcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxels",
    ///     b"cjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelsv",
    ///     b"jqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelsvc",
    ///     b"qxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelsvcj",
    ///     b"xelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelsvcjq",
    ///     b"elszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelsvcjqx",
    ///     b"lszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelsvcjqxe",
    ///     b"szgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelsvcjqxel",
    /// ]
    /// return len(text)
    /// ```
    #[task]
    async fn c(&self) -> Result<usize>;

    /// ```python
    /// text = [
    ///     b"wdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmt",
    ///     b"dkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtw",
    ///     b"kryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtwd",
    ///     b"ryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtwdk",
    ///     b"yfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtwdkr",
    ///     b"fmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtwdkry",
    ///     b"mtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtwdkryf",
    ///     b"tahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtwdkryfm",
    /// ]
    /// return len(text)
    /// ```
    #[task]
    async fn d(&self) -> Result<usize>;

    /// ```python
    /// text = [
    ///     b"xelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnu",
    ///     b"elszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnux",
    ///     b"lszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnuxe",
    ///     b"szgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnuxel",
    ///     b"zgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnuxels",
    ///     b"gnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnuxelsz",
    ///     b"nubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnuxelszg",
    ///     b"ubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnuxelszgn",
    /// ]
    /// return len(text)
    /// ```
    #[task]
    async fn e(&self) -> Result<usize>;

    /// ```python
    /// text = [
    ///     b"yfmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahov",
    ///     b"fmtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovy",
    ///     b"mtahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovyf",
    ///     b"tahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovyfm",
    ///     b"ahovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovyfmt",
    ///     b"hovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovyfmta",
    ///     b"ovcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovyfmtah",
    ///     b"vcjqxelszgnubipwdkryfmtahovcjqxelszgnubipwdkryfmtahovyfmtaho",
    /// ]
    /// return len(text)
    /// ```
    #[task]
    async fn f(&self) -> Result<usize>;
}

async fn call_five(crowd: &CrowdDevice) -> Result<usize> {
    let first = crowd.a().await? + crowd.b().await? + crowd.c().await?;
    Ok(first + crowd.d().await? + crowd.e().await?)
}

/// A trait that takes all of the memory.
#[belay::device]
pub trait Hoarder {
    /// ```python
    /// hoard = None
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// Takes all of the memory. A list cannot do that: it needs its memory in one piece, and fails long before.
    ///
    /// ```python
    /// global hoard
    /// # The compiler takes its memory in pieces of 1 KB: without one of them there would be no way back.
    /// left = bytearray(2000)
    /// try:
    ///     while True:
    ///         hoard = (hoard, bytearray(100))
    /// except MemoryError:
    ///     pass
    /// return len(left) - 2000
    /// ```
    #[task]
    async fn fill(&self) -> Result<u32>;

    /// ```python
    /// global hoard
    /// while hoard and count:
    ///     hoard = hoard[0]
    ///     count -= 1
    /// ```
    #[task]
    async fn give_back(&self, count: u32) -> Result<()>;
}

/// The result, or `None` if it failed for want of memory. Any other error fails the test.
fn unless_full<T>(result: Result<T>) -> Option<T> {
    let full = |error: &Error| error.exception().is_some_and(|raised| raised.is("MemoryError"));
    match result {
        Ok(value) => Some(value),
        Err(error) if full(&error) => None,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn under_memory_pressure_what_was_not_used_for_long_goes_and_comes_back() {
    let board = Board::unix().heap_kb(128).start().await.unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    let crowd = CrowdDevice::attach(&device).await.unwrap();
    let hoarder = HoarderDevice::attach(&device).await.unwrap();
    assert_eq!(call_five(&crowd).await.unwrap(), 40);
    hoarder.give_back(0).await.unwrap();
    hoarder.fill().await.unwrap();
    let (mut given_back, mut refused) = (0, 0);
    while unless_full(crowd.f().await) != Some(8) {
        match unless_full(hoarder.give_back(5).await) {
            Some(()) => given_back += 1,
            None => refused += 1,
        }
        assert!(given_back < 200, "there is room by now");
        assert!(refused < 200, "a full board takes what makes room");
    }
    let stats = device.session().deployment_stats();
    assert!(stats.evictions > 0, "{stats:?}");
    let mut tries = 0;
    while unless_full(hoarder.give_back(1_000_000).await).is_none() {
        tries += 1;
        assert!(tries < 20, "there is room for so little");
    }
    assert_eq!(
        call_five(&crowd).await.unwrap(),
        40,
        "what was evicted comes back"
    );
    assert_eq!(crowd.f().await.unwrap(), 8);
    device.close().await.unwrap();
}
