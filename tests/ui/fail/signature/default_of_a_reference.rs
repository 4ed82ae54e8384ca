use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// print(text)
    /// ```
    #[task]
    async fn set(&self, #[default = "a"] text: &str) -> Result<()>;
}

fn main() {}
