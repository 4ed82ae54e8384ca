//! The descriptors have what the user wrote.

use std::time::Duration;

use belay::__private::{Attach, Body, DeviceSpec, MethodKind, MethodSpec};
use belay::prelude::*;

/// Every option.
#[belay::device(namespace = "all")]
pub trait Options {
    /// ```python
    /// from machine import Pin
    /// led = Pin(25, Pin.OUT)
    /// ```
    #[setup(order = 2, critical = false, timeout_ms = 50)]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// level = start
    /// ```
    #[setup(order = -1)]
    async fn start_at(&self, start: u8) -> Result<()>;

    /// ```python
    /// led.value(1)
    /// ```
    #[setup(auto = false, ignore_errors)]
    async fn later(&self) -> Result<()>;

    /// ```python
    /// return level
    /// ```
    #[task(name = "get", timeout_ms = 2_000, cache = false, exclusive, idempotent = true)]
    async fn read(&self) -> Result<u8>;

    /// ```python
    /// return get() + get() * factor
    /// ```
    #[task(minify = false)]
    async fn sum(&self, factor: u8) -> Result<u16>;

    /// Says which.
    ///
    /// ```python,micropython
    /// return "M"
    /// ```
    ///
    /// ```python,circuitpython
    /// return "C"
    /// ```
    #[task]
    async fn which(&self) -> Result<String>;

    /// ```python
    /// return "C only"
    /// ```
    #[task(implementation = "circuitpython")]
    async fn circuit(&self) -> Result<String>;

    /**
     * Blinks.
     *
     * ```python
     * while True:
     *     led.toggle()
     * ```
     */
    #[thread(name = "blinker", max_runtime_ms = 60_000, auto_restart, multiple)]
    async fn blink(&self) -> Result<ThreadHandle>;

    /// while True:
    ///     __stop()
    ///     led.toggle()
    #[thread(stop = "manual")]
    async fn by_hand(&self) -> Result<ThreadHandle>;

    /// Works from a file.
    #[task(file = "tests/hygiene/work.py")]
    async fn work(&self, amount: u8) -> Result<u16>;

    /// led.value(0)
    #[teardown(order = 7, ignore_errors)]
    async fn dark(&self) -> Result<()>;

    /// led.value(0)
    #[teardown(critical, timeout_ms = 9)]
    async fn darker(&self) -> Result<()>;
}

const SPEC: &DeviceSpec = <OptionsDevice as Attach>::SPEC;

fn method(path: &str) -> &'static MethodSpec {
    let found = SPEC.methods.iter().find(|method| method.path == path);
    found.unwrap_or_else(|| panic!("there is no {path}"))
}

fn body(path: &str) -> &'static Body {
    &method(path).bodies[0]
}

/// The number of this file's first line with these words (the second is in the test itself).
fn line_of(words: &str) -> u32 {
    let lines = include_str!("specs.rs").lines();
    let found = lines.zip(1..).find(|(line, _)| line.contains(words));
    found.expect("such a line").1
}

#[test]
fn the_device_has_its_name_its_namespace_and_its_methods_in_order() {
    assert_eq!((SPEC.name, SPEC.namespace), ("Options", "all"));
    let names: Vec<_> = SPEC.methods.iter().map(|method| method.name).collect();
    let expected = [
        "open", "start_at", "later", "get", "sum", "which", "circuit", "blink", "by_hand", "work", "dark",
        "darker",
    ];
    assert_eq!(names, expected);
}

#[test]
fn tasks_have_their_options() {
    let read = method("Options.read");
    let MethodKind::Task(options) = read.kind else {
        panic!("{:?}", read.kind)
    };
    assert!(!options.cache && options.exclusive && options.idempotent);
    assert_eq!(read.timeout, Some(Duration::from_secs(2)));
    let MethodKind::Task(options) = method("Options.sum").kind else {
        panic!("no task")
    };
    assert!(options.cache && !options.exclusive && !options.idempotent);
    assert_eq!(method("Options.sum").params, ["factor"]);
}

#[test]
fn a_task_that_calls_another_says_so_by_its_name_on_the_board() {
    assert_eq!(method("Options.sum").uses, ["get"]);
    assert!(method("Options.read").uses.is_empty());
}

#[test]
fn setups_have_their_options_and_those_with_parameters_do_not_run_by_themselves() {
    let options = |path| match method(path).kind {
        MethodKind::Setup(options) => options,
        other => panic!("{other:?}"),
    };
    let open = options("Options.open");
    assert!(open.order == 2 && !open.critical && open.auto && !open.ignore_errors);
    let start = options("Options.start_at");
    assert!(start.order == -1 && start.critical && !start.auto);
    let later = options("Options.later");
    assert!(!later.auto && later.ignore_errors && !later.critical);
    assert_eq!(method("Options.open").timeout, Some(Duration::from_millis(50)));
}

#[test]
fn threads_have_their_options() {
    let options = |path| match method(path).kind {
        MethodKind::Thread(options) => options,
        other => panic!("{other:?}"),
    };
    let blink = options("Options.blink");
    assert_eq!(blink.name, Some("blinker"));
    assert_eq!(blink.max_runtime, Some(Duration::from_secs(60)));
    assert_eq!(blink.auto_restart, Some(5));
    assert!(blink.multiple);
    let by_hand = options("Options.by_hand");
    assert!(by_hand.name.is_none() && by_hand.auto_restart.is_none() && !by_hand.multiple);
}

#[test]
fn teardowns_have_their_options() {
    let options = |path| match method(path).kind {
        MethodKind::Teardown(options) => options,
        other => panic!("{other:?}"),
    };
    let dark = options("Options.dark");
    assert!(dark.order == 7 && dark.ignore_errors && !dark.critical);
    let darker = options("Options.darker");
    assert!(darker.order == 0 && !darker.ignore_errors && darker.critical);
}

#[test]
fn stop_points_are_put_into_loops_unless_the_body_does_that_itself() {
    let blink = body("Options.blink").source;
    assert!(blink.starts_with("def blink(__stop):\n"), "{blink}");
    assert_eq!(blink.matches("__stop()").count(), 1, "{blink}");
    let by_hand = body("Options.by_hand").source;
    assert_eq!(by_hand.matches("__stop()").count(), 1, "{by_hand}");
}

#[test]
fn a_method_has_one_body_for_each_implementation() {
    let which = method("Options.which");
    let source = |name| which.body_for(name).expect("a body").source;
    assert!(source("micropython").contains("\"M\""));
    assert!(source("circuitpython").contains("\"C\""));
    assert!(method("Options.circuit").body_for("micropython").is_none());
    assert_ne!(which.bodies[0].hash, which.bodies[1].hash);
}

#[test]
fn every_line_of_a_body_knows_its_line_in_the_rust_file() {
    for (path, minified, words) in [
        ("Options.open", "led=Pin(25", "led = Pin(25"),
        ("Options.sum", "return get() + get()", "return get() + get()"),
        ("Options.blink", "led.toggle()", "led.toggle()"),
    ] {
        let body = body(path);
        let line = body
            .source
            .lines()
            .zip(1..)
            .find(|(line, _)| line.contains(minified));
        let (_, line) = line.expect("such a line");
        let rust = body.rust_line(line).expect("a line in the file");
        assert_eq!(rust.line, line_of(words), "{path}");
        assert!(rust.file.ends_with("specs.rs"), "{}", rust.file);
    }
}

#[test]
fn a_body_in_a_file_knows_its_lines_in_that_file() {
    let work = body("Options.work");
    assert_eq!(work.file, "tests/hygiene/work.py");
    let line = work
        .source
        .lines()
        .zip(1..)
        .find(|(line, _)| line.contains("return"));
    let (_, line) = line.expect("such a line");
    assert_eq!(work.rust_line(line).expect("a line").line, 5);
}

#[test]
fn minified_bodies_lose_their_comments_and_others_keep_them() {
    let work = body("Options.work").source;
    assert!(!work.contains('#'), "{work}");
    assert!(work.contains("amount"), "{work}");
}

#[test]
fn whatever_is_deployed_differently_has_a_different_hash() {
    let mut hashes: Vec<_> = SPEC
        .methods
        .iter()
        .flat_map(|method| method.bodies)
        .map(|body| body.hash)
        .collect();
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}
