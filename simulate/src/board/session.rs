//! The format of frames in the session that the host began with the agent.

/// The parameters of the current session.
#[derive(Debug, Default, Clone)]
pub(super) struct Session {
    /// The start of each frame; empty before a session has begun.
    pub(super) start: String,
    pub(super) seed: u32,
    pub(super) small: bool,
}

fn checksum(text: &[u8], seed: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(text);
    hasher.finalize()
}

/// The bits that the small agent's checksum keeps.
const BITS: u32 = 4_194_303;

impl Session {
    pub(super) fn check(&self, text: &[u8]) -> u32 {
        if self.small {
            let step =
                |value: u32, byte: &u8| (value.wrapping_mul(251).wrapping_add(u32::from(*byte))) & BITS;
            return text.iter().fold(self.seed & BITS, step);
        }
        checksum(text, self.seed)
    }

    /// The checksum of a body that a line has announced.
    pub(super) fn check_body(&self, text: &[u8]) -> u32 {
        checksum(text, self.seed.wrapping_add(1))
    }

    /// Builds a frame; `None` if there is no session.
    pub(super) fn frame(&self, text: &str) -> Option<Vec<u8>> {
        if self.start.is_empty() {
            return None;
        }
        let checksum = self.check(text.as_bytes());
        Some(format!("{}{text}{checksum:08x}\x03", self.start).into_bytes())
    }
}
