use belay::prelude::*;

struct NoValue;

#[belay::device]
trait Logger {
    #[host]
    async fn takes(&self, value: NoValue) -> Result<()>;

    #[host]
    async fn gives(&self) -> Result<NoValue>;

    #[host]
    async fn gives_no_result(&self) -> u32;

    #[host]
    async fn gives_no_error(&self) -> Result<u32, NoValue>;
}

fn main() {}
