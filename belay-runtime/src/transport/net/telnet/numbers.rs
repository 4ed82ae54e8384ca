//! The numbers of Telnet: its commands (RFC 854) and the options that are negotiated.

pub(in crate::transport::net) const SE: u8 = 240;
pub(in crate::transport::net) const SB: u8 = 250;
pub(in crate::transport::net) const WILL: u8 = 251;
pub(in crate::transport::net) const WONT: u8 = 252;
pub(in crate::transport::net) const DO: u8 = 253;
pub(in crate::transport::net) const DONT: u8 = 254;
pub(in crate::transport::net) const IAC: u8 = 255;

/// Binary transmission: all eight bits are data.
pub(in crate::transport::net) const BINARY: u8 = 0;
/// The other side echoes what is sent. The board's REPL does that, so a server that says so is right.
pub(in crate::transport::net) const ECHO: u8 = 1;
/// Both sides may send at any time.
pub(in crate::transport::net) const SUPPRESS_GO_AHEAD: u8 = 3;
/// A serial port behind the connection.
pub(in crate::transport::net) const COM_PORT: u8 = 44;
