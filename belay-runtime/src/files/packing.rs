//! Compressing pieces of files.

/// The smallest window that boards accept, as a power of two.
#[cfg(feature = "pack")]
const LEAST_WINDOW: u32 = 8;

/// A piece of a file on its way to the board.
pub(super) struct Piece {
    pub(super) data: Vec<u8>,
    /// The window that is needed to decompress it, as a power of two; 0 if it is not compressed.
    pub(super) window: u32,
}

impl Piece {
    /// A piece, compressed if the board can decompress it and that saves enough.
    pub(super) fn new(data: &[u8], unpacks: bool) -> Self {
        packed(data, unpacks).unwrap_or_else(|| Self {
            data: data.to_vec(),
            window: 0,
        })
    }
}

/// Compresses each piece on its own, so that the board never needs more memory than for one piece.
#[cfg(feature = "pack")]
fn packed(data: &[u8], unpacks: bool) -> Option<Piece> {
    const LEVEL: u8 = 9;
    if !unpacks {
        return None;
    }
    let packed = miniz_oxide::deflate::compress_to_vec(data, LEVEL);
    // Saving less than an eighth is not worth the board's time.
    let pays = packed.len() < data.len() - data.len() / 8;
    let window = usize::BITS - data.len().leading_zeros();
    pays.then_some(Piece {
        data: packed,
        window: window.max(LEAST_WINDOW),
    })
}

#[cfg(not(feature = "pack"))]
fn packed(_: &[u8], _: bool) -> Option<Piece> {
    None
}
