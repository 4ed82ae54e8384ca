//! A Python exception is a Rust error that knows its type, its arguments and the Rust line it came from.

use belay::prelude::*;
use belay_examples::ExampleBoard;

/// Tasks that fail.
#[belay::device]
pub trait Failing {
    /// Divides on the board.
    ///
    /// ```python
    /// print("about to divide")
    /// return a // b
    /// ```
    #[task]
    async fn divide(&self, a: i64, b: i64) -> Result<i64>;

    /// Opens a file that is not there.
    ///
    /// ```python
    /// with open(path) as file:
    ///     return file.read()
    /// ```
    #[task]
    async fn read(&self, path: &str) -> Result<String>;

    /// Declares a number as its result, and returns a string.
    ///
    /// ```python
    /// return "many"
    /// ```
    #[task]
    async fn count(&self) -> Result<u32>;

    /// Takes longer than its time-out.
    ///
    /// ```python
    /// import time
    /// time.sleep(seconds)
    /// ```
    #[task(timeout_ms = 200)]
    async fn sleep(&self, seconds: u32) -> Result<()>;
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let board = ExampleBoard::from_command_line().await?;
    let failing = FailingDevice::connect(board.port()).await?;

    let error = failing
        .divide(1, 0)
        .await
        .expect_err("one cannot be divided by zero");
    println!("{error}");
    let exception = error.exception().expect("Python raised it");
    println!("  type {}, printed {:?}", exception.type_name, exception.output);
    println!(
        "  in Rust: {}",
        exception.rust_line().expect("a line of the body")
    );

    let error = failing
        .read("/no/such/file")
        .await
        .expect_err("there is no such file");
    println!(
        "{error}\n  errno {:?}",
        error.exception().and_then(|exception| exception.errno)
    );

    println!("{}", failing.count().await.expect_err("a text is no number"));

    let error = failing.sleep(60).await.expect_err("a minute is more than 200 ms");
    println!("{error}\n  hint: {}", error.hint().unwrap_or_default());
    println!("and the device goes on: 7 // 2 = {}", failing.divide(7, 2).await?);
    failing.close().await?;
    Ok(())
}
