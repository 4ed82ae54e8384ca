use belay::prelude::*;

#[belay::device]
trait Logger {
    #[host]
    async fn print(&self) -> Result<()>;

    #[host]
    async fn lambda(&self) -> Result<()>;

    #[host]
    async fn store(&self, class: u8, _belay_x: u8) -> Result<()>;

    #[host]
    async fn total(&self) -> Result<u32>;

    #[host]
    async fn measure(&self) -> Result<()>;

    #[host]
    async fn pin(&self) -> Result<()>;

    /// ```python
    /// total = 1
    /// HostError = 2
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// print(pin)
    /// ```
    #[task(name = "measure")]
    async fn read(&self, pin: u8) -> Result<()>;
}

fn main() {}
