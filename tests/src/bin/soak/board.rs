//! What is on the board: each caller has slots of its own there.

use belay::prelude::*;
use belay::python::{Bytes, Value};

/// How many callers there can be. A small board has room for so many slots.
pub(crate) const CALLERS: usize = 8;

#[belay::device]
pub(crate) trait Soak {
    /// ```python
    /// seen = [0] * 8
    /// levels = [0] * 8
    /// ticked = [0] * 8
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// levels[slot] = wanted
    /// ```
    #[setup(auto = false)]
    async fn set_level(&self, slot: usize, wanted: u32) -> Result<()>;

    /// ```python
    /// return levels[who]
    /// ```
    #[task]
    async fn level(&self, who: usize) -> Result<u32>;

    /// Counts its calls.
    ///
    /// ```python
    /// seen[who] += 1
    /// return a + b, seen[who]
    /// ```
    #[task]
    async fn add(&self, who: usize, a: u32, b: u32) -> Result<(u32, u32)>;

    /// The same, sent anew for each call.
    ///
    /// ```python
    /// seen[who] += 1
    /// return a + b, seen[who]
    /// ```
    #[task(cache = false)]
    async fn add_uncached(&self, who: usize, a: u32, b: u32) -> Result<(u32, u32)>;

    /// The same, alone.
    ///
    /// ```python
    /// seen[who] += 1
    /// return a + b, seen[who]
    /// ```
    #[task(exclusive)]
    async fn add_alone(&self, who: usize, a: u32, b: u32) -> Result<(u32, u32)>;

    /// ```python
    /// return value
    /// ```
    #[task]
    async fn echo(&self, value: &Value) -> Result<Value>;

    /// ```python
    /// raise ValueError(n)
    /// ```
    #[task]
    async fn refuse(&self, n: u32) -> Result<()>;

    /// ```python
    /// for i in range(n):
    ///     yield [who, i]
    /// ```
    #[task]
    fn items(&self, who: usize, n: u32) -> impl Stream<Item = Result<(usize, u32)>>;

    /// ```python
    /// while True:
    ///     pass
    /// ```
    #[task]
    async fn spin(&self) -> Result<()>;

    /// ```python
    /// while True:
    ///     pass
    /// ```
    #[task(timeout_ms = 100)]
    async fn spin_too_long(&self) -> Result<()>;

    /// ```python
    /// import time
    /// try:
    ///     while True:
    ///         ticked[who] += step
    ///         time.sleep_ms(2)
    /// finally:
    ///     ticked[who] = -len(ballast)
    /// ```
    #[thread(multiple)]
    async fn tick(&self, who: usize, step: u32, ballast: &Bytes) -> Result<ThreadHandle>;

    /// ```python
    /// raise ValueError(n)
    /// ```
    #[thread(multiple)]
    async fn wear_out(&self, n: u32) -> Result<ThreadHandle>;

    /// ```python
    /// ticked[who] = 0
    /// ```
    #[task]
    async fn forget_ticks(&self, who: usize) -> Result<()>;

    /// ```python
    /// return ticked[who]
    /// ```
    #[task]
    async fn ticks(&self, who: usize) -> Result<i64>;

    /// ```python
    /// levels = None
    /// ```
    #[teardown]
    async fn put_away(&self) -> Result<()>;
}
