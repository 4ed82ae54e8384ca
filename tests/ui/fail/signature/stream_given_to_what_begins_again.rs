use belay::prelude::*;

#[belay::device]
trait Board {
    /// ```python
    /// levels = list(wanted)
    /// ```
    #[setup]
    async fn prepare(&self, wanted: impl IntoIterator<Item = u32>) -> Result<()>;

    /// ```python
    /// for sample in samples:
    ///     print(sample)
    /// ```
    #[thread]
    async fn play(&self, samples: impl Stream<Item = u32>) -> Result<ThreadHandle>;

    /// ```python
    /// return sum(items)
    /// ```
    #[task(idempotent)]
    async fn total(&self, items: impl Stream<Item = u32>) -> Result<u32>;
}

fn main() {}
