//! The checksums of lines and frames.

/// The checksum by which damage on the line is detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksum {
    /// The CRC-32 of zlib, which most firmware has.
    #[default]
    Crc32,
    /// 22 bits, computed by Python code on the board without ever making a large int.
    Small,
}

impl Checksum {
    /// The checksum of these bytes, begun with `seed`.
    pub(crate) fn of(self, bytes: &[u8], seed: u32) -> u32 {
        const BITS: u32 = 0x3f_ffff;
        match self {
            Self::Crc32 => checksum(bytes, seed),
            Self::Small => bytes
                .iter()
                .fold(seed & BITS, |value, byte| (value * 251 + u32::from(*byte)) & BITS),
        }
    }
}

/// The CRC-32 of zlib, begun with `seed`.
pub(crate) fn checksum(bytes: &[u8], seed: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}
