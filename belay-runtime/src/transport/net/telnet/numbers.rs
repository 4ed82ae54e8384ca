//! The numbers of Telnet: its commands (RFC 854) and the options that are spoken of.

pub(in crate::transport::net) const SE: u8 = 240;
pub(in crate::transport::net) const SB: u8 = 250;
pub(in crate::transport::net) const WILL: u8 = 251;
pub(in crate::transport::net) const WONT: u8 = 252;
pub(in crate::transport::net) const DO: u8 = 253;
pub(in crate::transport::net) const DONT: u8 = 254;
pub(in crate::transport::net) const IAC: u8 = 255;

/// Eight bits, all of them data.
pub(in crate::transport::net) const BINARY: u8 = 0;
/// What is sent comes back: the board's REPL does that, and a server that says that it does is right.
pub(in crate::transport::net) const ECHO: u8 = 1;
/// No turns are taken.
pub(in crate::transport::net) const SUPPRESS_GO_AHEAD: u8 = 3;
/// A serial port behind the connection.
pub(in crate::transport::net) const COM_PORT: u8 = 44;
