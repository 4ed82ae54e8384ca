//! Where everything that can go one way or the other is decided.

use std::collections::VecDeque;

/// The one source of all that is random in a schedule: a seed, or the bytes that a fuzzer has chosen.
#[derive(Debug, Clone)]
pub struct Choices {
    random: fastrand::Rng,
    bytes: Option<VecDeque<u8>>,
}

impl Choices {
    /// What follows from this seed.
    pub fn seeded(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            bytes: None,
        }
    }

    /// What these bytes say; behind them the smallest of everything.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self {
            random: fastrand::Rng::with_seed(0),
            bytes: Some(bytes.to_vec().into()),
        }
    }

    /// Another source, which follows from this one.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::seeded(self.below(u64::MAX))
    }

    /// A number below this one, or zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        if limit <= 1 {
            return 0;
        }
        let Some(bytes) = &mut self.bytes else {
            return self.random.u64(0..limit);
        };
        let mut value = 0_u64;
        let mut reach = 1_u64;
        while reach < limit {
            value = value << 8 | u64::from(bytes.pop_front().unwrap_or(0));
            reach = reach.saturating_mul(256);
        }
        value % limit
    }

    /// A number from one to the other, both included.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    /// A length or an index below this one.
    pub fn index(&mut self, limit: usize) -> usize {
        usize::try_from(self.below(limit as u64)).unwrap_or(0)
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    /// True in so many of a thousand cases.
    pub fn chance(&mut self, in_a_thousand: u64) -> bool {
        self.below(1000) >= 1000 - in_a_thousand.min(1000)
    }

    /// How many go by before the next one that is met by chance, where that is one in so many.
    pub fn gap(&mut self, one_in: u64) -> u64 {
        1 + self.below(one_in.max(1) * 2)
    }
}
