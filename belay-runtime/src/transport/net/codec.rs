//! What stands between a board's bytes and those of a connection.

use std::borrow::Cow;

use crate::transport::ModemLines;

/// Turns the bytes of a connection into those of a board, and back. It has neither a port nor a clock.
///
/// Nothing that it keeps grows with what comes.
pub trait Codec: Send + Unpin + 'static {
    /// Takes what has come: what the board has sent goes to `data`, which is never longer than what came, and what is
    /// to be answered to `replies`.
    ///
    /// # Errors
    ///
    /// Says what the other side has done that ends the connection.
    fn decode(
        &mut self,
        came: &[u8],
        data: &mut Vec<u8>,
        replies: &mut Vec<u8>,
    ) -> Result<(), Cow<'static, str>>;

    /// Appends what carries these bytes to the board.
    fn encode(&mut self, bytes: &[u8], out: &mut Vec<u8>);

    /// Whether the other side wants nothing more for now.
    fn is_held(&self) -> bool {
        false
    }

    /// Appends what sets the modem lines.
    fn set_lines(&mut self, dtr: bool, rts: bool, out: &mut Vec<u8>) -> ModemLines {
        let _ = (dtr, rts, out);
        ModemLines::Unsupported
    }

    /// Appends what puts the modem lines back as they were after opening.
    fn restore_lines(&mut self, out: &mut Vec<u8>) -> ModemLines {
        let _ = out;
        ModemLines::Unsupported
    }

    /// Appends what is said before the connection is closed.
    fn farewell(&mut self, out: &mut Vec<u8>) {
        let _ = out;
    }
}
