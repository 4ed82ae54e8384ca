//! The translation between a board's bytes and those of a connection.

use std::borrow::Cow;

use crate::transport::ModemLines;

/// Turns the bytes of a connection into those of a board, and back. It has neither a port nor a clock.
///
/// What it keeps does not grow with what it receives.
pub trait Codec: Send + Unpin + 'static {
    /// Takes received bytes. Appends to `data` what the board has sent, never more bytes than were received, and to
    /// `replies` what has to be answered.
    ///
    /// # Errors
    ///
    /// What the other side has done that ends the connection.
    fn decode(
        &mut self,
        came: &[u8],
        data: &mut Vec<u8>,
        replies: &mut Vec<u8>,
    ) -> Result<(), Cow<'static, str>>;

    /// Appends the encoding of these bytes, which carries them to the board.
    fn encode(&mut self, bytes: &[u8], out: &mut Vec<u8>);

    /// Whether the other side has asked for no more data for now.
    fn is_held(&self) -> bool {
        false
    }

    /// Appends the commands that set the modem lines.
    fn set_lines(&mut self, dtr: bool, rts: bool, out: &mut Vec<u8>) -> ModemLines {
        let _ = (dtr, rts, out);
        ModemLines::Unsupported
    }

    /// Appends the commands that put the modem lines back as they were after opening.
    fn restore_lines(&mut self, out: &mut Vec<u8>) -> ModemLines {
        let _ = out;
        ModemLines::Unsupported
    }

    /// Appends what is sent before the connection is closed.
    fn farewell(&mut self, out: &mut Vec<u8>) {
        let _ = out;
    }
}
