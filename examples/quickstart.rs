//! A thermometer: the temperature sensor inside an RP2040, read by a typed async method.
//!
//! `cargo run -p belay-examples --example quickstart` runs it on a simulated board;
//! add `-- --port /dev/ttyACM0` to run it on yours.

use belay::prelude::*;
use belay_examples::ExampleBoard;

/// The RP2040's own temperature sensor.
#[belay::device]
pub trait Thermometer {
    /// Opens the sensor, when the device is connected.
    ///
    /// ```python
    /// from machine import ADC
    /// adc = ADC(4)
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// Reads the temperature of the chip, in °C.
    ///
    /// ```python
    /// volts = adc.read_u16() * 3.3 / 65535
    /// return 27 - (volts - 0.706) / 0.001721
    /// ```
    #[task]
    async fn celsius(&self) -> Result<f64>;
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let board = ExampleBoard::from_command_line().await?;
    let thermometer = ThermometerDevice::connect(board.port()).await?;
    println!("connected to {}", thermometer.device().capabilities());
    for _ in 0..5 {
        println!("{:.2} °C", thermometer.celsius().await?);
    }
    thermometer.close().await?;
    Ok(())
}
