//! Events, which bodies call by their names, beside a double of the trait.

use belay::prelude::*;

/// A door.
#[belay::device]
#[mockall::automock]
pub trait Door {
    /// ```python
    /// from machine import Pin
    /// Pin(pin, Pin.IN).irq(lambda p: moved(p.value()), Pin.IRQ_RISING)
    /// ```
    #[setup]
    async fn watch(&self, pin: u8) -> Result<()>;

    /// Whether it is open.
    #[event]
    fn moved(&self) -> impl Stream<Item = Result<bool>>;

    #[event]
    fn broken(&self) -> impl Stream<Item = Result<()>> + Send + 'static;
}

fn main() {
    let _ = DoorDevice::attach;
    let mut double = MockDoor::new();
    double
        .expect_moved()
        .returning(|| Box::pin(futures_util::stream::iter([Ok(true), Ok(false)])));
    let _ = double.moved();
}
