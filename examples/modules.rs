//! Python modules on the board: a file is written to its file system and imported by tasks.

use belay::prelude::*;
use belay_examples::ExampleBoard;

const COUNTER: &str = "
class Counter:
    def __init__(self, step):
        self.step = step
        self.value = 0

    def advance(self):
        self.value += self.step
        return self.value
";

/// A board with a file system. `counter` is a module among its files.
#[belay::device(globals(counter))]
pub trait Files {
    /// Writes a file.
    ///
    /// ```python
    /// with open(path, "w") as file:
    ///     return file.write(text)
    /// ```
    #[task]
    async fn write(&self, path: &str, text: &str) -> Result<usize>;

    /// The names in a folder.
    ///
    /// ```python
    /// import os
    /// return sorted(os.listdir(path))
    /// ```
    #[task]
    async fn list(&self, path: &str) -> Result<Vec<String>>;

    /// Imports the module that was written and makes a counter.
    ///
    /// ```python
    /// from counter import Counter
    /// counter = Counter(step)
    /// ```
    #[setup]
    async fn start_counting(&self, step: i32) -> Result<()>;

    /// Advances the counter.
    ///
    /// ```python
    /// return counter.advance()
    /// ```
    #[task]
    async fn advance(&self) -> Result<i32>;
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let board = ExampleBoard::from_command_line().await?;
    let files = FilesDevice::connect(board.port()).await?;
    println!("{} characters written", files.write("counter.py", COUNTER).await?);
    println!("on the board: {:?}", files.list(".").await?);
    files.start_counting(7).await?;
    println!(
        "{}, {}, {}",
        files.advance().await?,
        files.advance().await?,
        files.advance().await?
    );
    files.close().await?;
    Ok(())
}
