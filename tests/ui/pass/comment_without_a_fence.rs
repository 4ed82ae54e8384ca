//! A comment without a fenced block is the body, whole.

use belay::prelude::*;

#[belay::device]
trait Sum {
    /// total = 0
    /// for n in numbers:
    ///     total += n
    /// return total
    #[task]
    async fn sum(&self, numbers: &[i64]) -> Result<i64>;

    /** return -number */
    #[task]
    async fn negate(&self, number: i64) -> Result<i64>;
}

fn main() {
    let _ = SumDevice::attach;
}
