#[belay::device]
trait Board {
    /// ```python
    /// return 1
    /// ```
    #[task]
    async fn read(&self) -> Result<u8>;
}

fn main() {}
