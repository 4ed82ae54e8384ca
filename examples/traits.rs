//! Several traits on one device, each with its own names on the board; and a fake for the tests of host code.

use belay::Device;
use belay::prelude::*;
use belay_examples::ExampleBoard;

/// The lamp.
#[belay::device]
pub trait Lamp {
    /// ```python
    /// from machine import Pin
    /// hardware = Pin(25, Pin.OUT)
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// Switches the lamp, and returns whether it is on.
    ///
    /// ```python
    /// hardware.value(on)
    /// return bool(hardware.value())
    /// ```
    #[task]
    async fn switch(&self, on: bool) -> Result<bool>;
}

/// The light sensor, whose global has the same name as the lamp's.
#[belay::device]
pub trait LightSensor {
    /// ```python
    /// from machine import ADC
    /// hardware = ADC(0)
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// The brightness, 0 to 65535.
    ///
    /// ```python
    /// return hardware.read_u16()
    /// ```
    #[task]
    async fn brightness(&self) -> Result<u16>;
}

/// Host code written against the trait: it runs with the board and with a fake.
async fn light_up_when_dark(lamp: &impl Lamp, brightness: u16) -> Result<bool> {
    lamp.switch(brightness < 30_000).await
}

/// A lamp without a board.
struct FakeLamp;

impl Lamp for FakeLamp {
    async fn open(&self) -> Result<()> {
        Ok(())
    }

    async fn switch(&self, on: bool) -> Result<bool> {
        Ok(on)
    }
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    println!(
        "the fake lamp is on: {}",
        light_up_when_dark(&FakeLamp, 10).await?
    );

    let board = ExampleBoard::from_command_line().await?;
    let device = Device::connect(board.port()).await?;
    let lamp = LampDevice::attach(&device).await?;
    let sensor = LightSensorDevice::attach(&device).await?;
    let brightness = sensor.brightness().await?;
    println!(
        "brightness {brightness}, the lamp is on: {}",
        light_up_when_dark(&lamp, brightness).await?
    );
    device.close().await?;
    Ok(())
}
