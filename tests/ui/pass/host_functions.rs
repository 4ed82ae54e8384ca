//! Host functions, with doubles of both traits.

use belay::prelude::*;

/// A logger.
#[belay::device]
#[mockall::automock]
pub trait Logger {
    /// Where readings go.
    #[host(timeout_ms = 2_000)]
    async fn store(&self, sensor: &str, values: &[f64], at: Option<u64>) -> Result<u32, std::io::Error>;

    /// Only sometimes.
    #[cfg(any())]
    #[host]
    async fn never(&self) -> Result<()>;

    /// ```python
    /// try:
    ///     return store("light", [0.5], None) + len(input("go on? "))
    /// except HostError as error:
    ///     print(error)
    /// return 0
    /// ```
    #[task]
    async fn measure(&self) -> Result<u32>;
}

struct Store;

impl LoggerHost for Store {
    async fn store(&self, _: &str, values: &[f64], _: Option<u64>) -> Result<u32, std::io::Error> {
        Ok(u32::try_from(values.len()).unwrap_or(u32::MAX))
    }
}

async fn connects(device: Device, mock: MockLoggerHost) -> Result<()> {
    LoggerDevice::connect("/dev/ttyACM0", Store).await?;
    LoggerDevice::builder("/dev/ttyACM0")
        .host(std::sync::Arc::new(Store))
        .input(|prompt| async move { Ok(prompt) })
        .connect()
        .await?;
    LoggerDevice::attach(&device, mock).await?;
    let _: LoggerDevice = device.attach_with(Store).await?;
    Ok(())
}

fn main() {
    let _ = (connects, MockLogger::new());
}
