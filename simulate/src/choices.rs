//! The source of every random decision.

use std::collections::VecDeque;

/// Makes all random decisions of a schedule: from a seed, or from bytes that a fuzzer has chosen.
#[derive(Debug, Clone)]
pub struct Choices {
    random: fastrand::Rng,
    bytes: Option<VecDeque<u8>>,
}

impl Choices {
    /// Decisions that follow from this seed.
    pub fn seeded(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            bytes: None,
        }
    }

    /// Decisions that follow from these bytes; once they are used up, every choice is the smallest possible.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self {
            random: fastrand::Rng::with_seed(0),
            bytes: Some(bytes.to_vec().into()),
        }
    }

    /// A second source, seeded from this one.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::seeded(self.below(u64::MAX))
    }

    /// A number below `limit`, or zero.
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

    /// One of these values.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    /// True with this probability, in thousandths.
    pub fn chance(&mut self, in_a_thousand: u64) -> bool {
        self.below(1000) >= 1000 - in_a_thousand.min(1000)
    }

    /// How many bytes until the next fault, if on average one in `one_in` is hit.
    pub fn gap(&mut self, one_in: u64) -> u64 {
        1 + self.below(one_in.max(1) * 2)
    }
}
