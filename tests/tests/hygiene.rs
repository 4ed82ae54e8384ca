//! Generated code compiles wherever a user may put it.

use belay::prelude::*;

/// The RP2040's own temperature sensor.
#[belay::device]
pub trait Thermometer {
    /// Opens the sensor.
    ///
    /// ```python
    /// from machine import ADC, Pin
    /// adc = ADC(4)
    /// led = Pin(25, Pin.OUT)
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// Reads the die temperature, in °C.
    ///
    /// ```python
    /// volts = adc.read_u16() * 3.3 / 65535
    /// return 27 - (volts - 0.706) / 0.001721
    /// ```
    #[task(timeout_ms = 2_000)]
    async fn celsius(&self) -> Result<f64>;

    /// Samples for ever, one reading each `every_ms` milliseconds.
    ///
    /// ```python
    /// import time
    /// while True:
    ///     yield adc.read_u16()
    ///     time.sleep_ms(every_ms)
    /// ```
    #[task]
    fn samples(&self, every_ms: u32) -> impl Stream<Item = Result<u16>>;

    /// Blinks in the background until the handle stops it.
    ///
    /// ```python
    /// import time
    /// while True:
    ///     led.toggle()
    ///     time.sleep_ms(period_ms)
    /// ```
    #[thread]
    async fn blink(&self, period_ms: u32) -> Result<ThreadHandle>;

    /// ```python
    /// led.off()
    /// ```
    #[teardown(ignore_errors)]
    async fn lights_out(&self) -> Result<()>;
}
