use belay::prelude::*;

#[belay::device]
trait Logger {
    #[host]
    fn not_async(&self) -> Result<()>;

    #[host]
    async fn no_result(&self);

    #[host]
    async fn no_self(value: u8) -> Result<()>;

    #[host]
    async fn generic<T: Clone>(&self, value: T) -> Result<()>;

    #[host]
    async fn mutable(&self, value: &mut u8) -> Result<()>;

    #[host(cache = false)]
    async fn option(&self, #[default = 3] value: Option<u8>) -> Result<()>;

    #[host]
    #[task]
    async fn both(&self) -> Result<()>;

    #[host]
    async fn body(&self) -> Result<()> {
        Ok(())
    }
}

#[host]
fn outside() {}

fn main() {}
