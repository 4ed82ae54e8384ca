use belay::prelude::*;

struct Sample;

#[belay::device]
trait Board {
    /// ```python
    /// return len(list(samples))
    /// ```
    #[task]
    async fn count(&self, samples: impl Stream<Item = Sample>) -> Result<u32>;

    /// ```python
    /// return len(list(samples))
    /// ```
    #[task]
    async fn checked(&self, samples: impl Iterator<Item = Result<Sample, String>>) -> Result<u32>;
}

fn main() {}
