use belay::prelude::*;

#[belay::device]
trait Board {
    /**
     * Reads.
     *
     * ```python
     * value = adc.read(
     * return value
     * ```
     */
    #[task]
    async fn read(&self) -> Result<u16>;
}

fn main() {}
