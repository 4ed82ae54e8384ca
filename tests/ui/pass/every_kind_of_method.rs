//! One method of each kind, with the options that most programs use.

use belay::prelude::*;

/// A lamp.
#[belay::device]
pub trait Lamp {
    /// ```python
    /// from machine import Pin
    /// import time
    /// led = Pin(25, Pin.OUT)
    /// ```
    #[setup(order = 1)]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// led.value(on)
    /// return led.value() == 1
    /// ```
    #[task(timeout_ms = 500, idempotent)]
    async fn switch(&self, on: bool) -> Result<bool>;

    /// ```python
    /// while True:
    ///     yield led.value()
    /// ```
    #[task]
    fn values(&self) -> impl Stream<Item = Result<u8>>;

    /// ```python
    /// while True:
    ///     led.toggle()
    ///     time.sleep_ms(period_ms)
    /// ```
    #[thread(name = "blinker", auto_restart = 3)]
    async fn blink(&self, period_ms: u32) -> Result<ThreadHandle>;

    /// ```python
    /// led.off()
    /// ```
    #[teardown(ignore_errors)]
    async fn lights_out(&self) -> Result<()>;
}

fn main() {
    let _ = LampDevice::attach;
}
