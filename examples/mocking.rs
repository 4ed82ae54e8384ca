//! Host code is written against the trait, so that its tests need no board: a fake written by hand, and one from
//! `mockall`.
//!
//! `cargo test -p belay-examples --test mocking` runs the tests.

use std::time::Duration;

use belay::prelude::*;
use belay::{DeviceException, ErrorKind, ThreadDouble, ThreadState};
use mockall::automock;
use mockall::predicate::eq;

/// A greenhouse.
#[belay::device]
#[automock]
pub trait Greenhouse {
    /// ```python
    /// from machine import ADC, Pin
    /// import time
    /// sensor, flap = ADC(4), Pin(15, Pin.OUT)
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// The temperature in °C.
    ///
    /// ```python
    /// return 27 - (sensor.read_u16() * 3.3 / 65535 - 0.706) / 0.001721
    /// ```
    #[task]
    async fn celsius(&self) -> Result<f64>;

    /// Opens or shuts the vent.
    ///
    /// ```python
    /// flap.value(on)
    /// ```
    #[task]
    async fn vent(&self, on: bool) -> Result<()>;

    /// Blinks a warning light.
    ///
    /// ```python
    /// light = Pin(25, Pin.OUT)
    /// while True:
    ///     light.toggle()
    ///     time.sleep_ms(200)
    /// ```
    #[thread]
    async fn warn(&self) -> Result<ThreadHandle>;
}

/// The code under test: opens the vent above 30 °C, and warns above 40 °C for as long as `warning`.
async fn regulate(house: &impl Greenhouse, warning: Duration) -> Result<f64> {
    let celsius = house.celsius().await?;
    house.vent(celsius > 30.0).await?;
    if celsius > 40.0 {
        let blinking = house.warn().await?;
        tokio::time::sleep(warning).await;
        blinking.stop(Duration::from_secs(1)).await?;
    }
    Ok(celsius)
}

#[tokio::test]
async fn a_cool_house_is_kept_shut() -> Result<()> {
    let mut house = MockGreenhouse::new();
    house.expect_celsius().returning(|| Box::pin(async { Ok(20.0) }));
    house
        .expect_vent()
        .with(eq(false))
        .times(1)
        .returning(|_| Box::pin(async { Ok(()) }));
    regulate(&house, Duration::ZERO).await?;
    Ok(())
}

#[tokio::test]
async fn a_hot_house_blinks_until_it_is_stopped() -> Result<()> {
    let light = ThreadDouble::new("Greenhouse.warn");
    let handle = light.handle();
    let mut house = MockGreenhouse::new();
    house.expect_celsius().returning(|| Box::pin(async { Ok(45.0) }));
    house.expect_vent().returning(|_| Box::pin(async { Ok(()) }));
    house.expect_warn().return_once(|| Box::pin(async { Ok(handle) }));
    regulate(&house, Duration::ZERO).await?;
    assert_eq!(light.state(), ThreadState::Stopped);
    Ok(())
}

/// A fake by hand, which is enough where there is little to expect: a broken sensor.
struct Broken;

impl Greenhouse for Broken {
    async fn open(&self) -> Result<()> {
        Ok(())
    }

    async fn celsius(&self) -> Result<f64> {
        let exception = DeviceException::new("OSError", "[Errno 5] EIO");
        Err(ErrorKind::from(exception).into())
    }

    async fn vent(&self, _on: bool) -> Result<()> {
        unreachable!("nothing is known of the temperature")
    }

    async fn warn(&self) -> Result<ThreadHandle> {
        unreachable!("nothing is known of the temperature")
    }
}

#[tokio::test]
async fn nothing_is_moved_by_a_broken_sensor() {
    let error = regulate(&Broken, Duration::ZERO).await.expect_err("no reading");
    assert!(error.exception().is_some_and(|exception| exception.is("OSError")));
}
