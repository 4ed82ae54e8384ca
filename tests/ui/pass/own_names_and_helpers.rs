//! Names that the generated code uses itself, a method of the host's own, and generic parameters.

#![allow(dead_code)]

use belay::prelude::*;
use serde::Serialize;

struct Vec;
struct String;
struct Option;
struct Box;

#[belay::device]
trait Store {
    /// ```python
    /// values[key] = value
    /// ```
    #[task(cache = false)]
    async fn put<T: Serialize + Sync>(&self, key: &str, value: &T) -> Result<()>;

    /// ```python
    /// values = {}
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// How many bytes a key may have.
    fn limit(&self) -> usize {
        64
    }
}

fn main() {
    let _ = StoreDevice::attach;
}
