//! The command's own methods on the board, written as a trait like those of any program that uses this
//! library.

use belay::prelude::*;
use belay::python::{Bytes, Value};

/// The board, as the command uses it.
#[belay::device(globals(input))]
pub(crate) trait Tool {
    /// Runs statements as a program of its own, and returns the argument of its `SystemExit`, if it raised
    /// one.
    ///
    /// ```python
    /// names = {"__name__": "__main__", "__file__": file, "input": ask}
    /// try:
    ///     try:
    ///         code = compile(code, file, "exec")
    ///     except NameError:
    ///         pass
    ///     exec(code, names)
    /// except SystemExit as left:
    ///     if not left.args:
    ///         raise
    ///     return left.args[0]
    /// ```
    #[task(timeout_ms = 2_000_000_000)]
    async fn run(&self, code: &str, file: &str) -> Result<Value>;

    /// The names in which statements and expressions run. `input` prints its prompt like all other output, to
    /// keep the order.
    ///
    /// ```python
    /// def ask(prompt=""):
    ///     print(prompt, end="")
    ///     return input()
    /// scope = {"__name__": "__main__", "input": ask}
    /// ```
    #[setup]
    async fn scope(&self) -> Result<()>;

    /// Runs statements, and returns the argument of their `SystemExit`, if they raised one.
    ///
    /// ```python
    /// try:
    ///     exec(code, scope)
    /// except SystemExit as left:
    ///     if not left.args:
    ///         raise
    ///     return left.args[0]
    /// ```
    #[task(timeout_ms = 2_000_000_000)]
    async fn statements(&self, code: &str) -> Result<Value>;

    /// Runs a statement that was typed at the prompt, and prints its value if it is an expression.
    ///
    /// ```python
    /// try:
    ///     code = compile(code, "<stdin>", "single")
    /// except NameError:
    ///     pass
    /// exec(code, scope)
    /// ```
    #[task(timeout_ms = 2_000_000_000)]
    async fn typed(&self, code: &str) -> Result<()>;

    /// Evaluates an expression.
    ///
    /// ```python
    /// return eval(code, scope)
    /// ```
    #[task(timeout_ms = 2_000_000_000)]
    async fn expression(&self, code: &str) -> Result<Value>;

    /// The date and the time: year, month, day, weekday from 0 for Monday, hour, minute, second.
    ///
    /// ```python
    /// try:
    ///     from machine import RTC
    ///     return RTC().datetime()[:7]
    /// except ImportError:
    ///     from rtc import RTC
    ///     now = RTC().datetime
    ///     return now[0], now[1], now[2], now[6], now[3], now[4], now[5]
    /// ```
    #[task(cache = false)]
    async fn clock(&self) -> Result<(u16, u8, u8, u8, u8, u8, u8)>;

    /// Sets the clock.
    ///
    /// ```python
    /// year, month, day, weekday, hour, minute, second = now
    /// try:
    ///     from machine import RTC
    ///     RTC().datetime((year, month, day, weekday, hour, minute, second, 0))
    /// except ImportError:
    ///     from rtc import RTC
    ///     import time
    ///     RTC().datetime = time.struct_time((year, month, day, hour, minute, second, weekday, -1, -1))
    /// ```
    #[task(cache = false)]
    async fn set_clock(&self, now: (u16, u8, u8, u8, u8, u8, u8)) -> Result<()>;

    /// Resets the board like its button, or starts its bootloader.
    ///
    /// ```python
    /// try:
    ///     import machine
    ///     if bootloader:
    ///         machine.bootloader()
    ///     else:
    ///         machine.reset()
    /// except ImportError:
    ///     import microcontroller
    ///     if bootloader:
    ///         microcontroller.on_next_reset(microcontroller.RunMode.BOOTLOADER)
    ///     microcontroller.reset()
    /// ```
    #[task(cache = false)]
    async fn restart(&self, bootloader: bool) -> Result<()>;

    /// The used and the free memory in bytes, the frequency in hertz, and the chip's unique id.
    ///
    /// ```python
    /// import gc
    /// gc.collect()
    /// hertz = chip = None
    /// try:
    ///     import machine
    ///     hertz = machine.freq()
    ///     chip = bytes(machine.unique_id())
    /// except (ImportError, AttributeError):
    ///     pass
    /// return gc.mem_alloc(), gc.mem_free(), hertz if type(hertz) is int else None, chip
    /// ```
    #[task(cache = false)]
    async fn memory(&self) -> Result<(u64, u64, Option<u64>, Option<Value>)>;

    /// Does nothing, to measure the time of a call.
    ///
    /// ```python
    /// return None
    /// ```
    #[task]
    async fn echo(&self) -> Result<()>;

    /// Adds two numbers.
    ///
    /// ```python
    /// return a + b
    /// ```
    #[task]
    async fn sum(&self, a: u32, b: u32) -> Result<u32>;

    /// Takes bytes, to measure the throughput to the board.
    ///
    /// ```python
    /// return len(load)
    /// ```
    #[task]
    async fn swallow(&self, load: Bytes) -> Result<usize>;

    /// Returns `size` bytes, to measure the throughput from the board.
    ///
    /// ```python
    /// return bytes(size)
    /// ```
    #[task]
    async fn spill(&self, size: usize) -> Result<Bytes>;
}
