use belay::prelude::*;

#[belay::device]
trait Logger {
    #[host]
    async fn store(&self, value: f64) -> Result<u32>;

    /// ```python
    /// return store(1.5)
    /// ```
    #[task]
    async fn measure(&self) -> Result<u32>;
}

struct NoStore;

async fn connects(device: Device) -> Result<()> {
    LoggerDevice::builder("/dev/ttyACM0").connect().await?;
    LoggerDevice::builder("/dev/ttyACM0").host(NoStore).connect().await?;
    device.attach::<LoggerDevice>().await?;
    Ok(())
}

fn main() {}
