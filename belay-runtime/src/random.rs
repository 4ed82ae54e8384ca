//! Unpredictable numbers; in a simulation, numbers that follow from its seed.

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};

thread_local! {
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Makes all numbers on this thread follow from this seed, so that a simulation can be repeated; `None` makes them
/// unpredictable again.
pub fn seed_this_thread(seed: Option<u64>) {
    SEED.set(seed);
}

/// The next number.
pub(crate) fn random() -> u64 {
    let Some(seed) = SEED.get() else {
        // Where the operating system provides no random numbers, the seeds of std's hash tables are not random either.
        return getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(()));
    };
    // SplitMix64.
    let seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    SEED.set(Some(seed));
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
