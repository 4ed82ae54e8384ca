//! The ways to a board: serial ports, child processes, networks, and whatever a user brings.
//!
//! An [`Address`] says in one line of text where a board is. A [`Connector`] is something that can open the
//! way to it, and open it again after it was lost: an address, or a closure of the user's. What either opens
//! is a [`Transport`].
//!
//! Which transports exist depends on the features: `serial` (on by default) for serial ports, `usb:` and `auto`;
//! `process` for `exec:` and `pty:`; `tcp`, `telnet`, `rfc2217` and `webrepl` for boards behind a network. A
//! program's own transports need none of them, nor do boards of other machines ([`provide_zenoh`]). An [`Address`]
//! can be read whatever the features are; opening one without its feature fails with [`TransportError::NotBuilt`].
//!
//! # What is known about ports, and heeded here
//!
//! - A board with USB of its own sends nothing while DTR is released. An ESP board behind a bridge is reset by
//!   RTS without DTR. So both are asserted on opening, DTR first, and released on closing, RTS first.
//! - A bare UART behind a bridge loses what the board's small receive buffer cannot hold.
//!   [`flow_control`](Transport::flow_control) is false for the bridges that are known.
//! - The mark that makes a terminal exclusive does not bind the superuser, and programs respect different locks. A
//!   port is opened with that mark and with the lock that pyserial, mpremote and esptool take.
//! - A program that has just dropped a board may still be leaving it. Opening the port waits for that.
//! - Closing a serial port waits for its output to leave: half a minute if the board takes none. What has not
//!   left within the time that [`close`](Transport::close) is given is discarded, and all of it by a drop.
//! - A port that is unplugged reads as an error or as an end of file, according to the driver; both are
//!   [`TransportError::Vanished`]. A command that ends is [`TransportError::Ended`], and a connection that the other
//!   side closes [`TransportError::HungUp`].
//! - A board may come back under another name. `usb:` and `auto` look for it again each time they are opened.
//! - Just after a board is plugged in, its port may exist before its user is permitted to open it.
//! - WebREPL takes what is typed in text frames, moves it into a buffer of some hundred bytes and drops what that
//!   cannot hold: so writes to it are short frames, paced as for a bare UART.
//! - A Telnet server sends a zero after a carriage return, unless both sides agreed on binary transmission.
//! - An FTDI bridge holds received bytes back for up to 16 ms; its driver's `latency_timer` shortens that.

mod address;
mod connector;
mod elsewhere;
mod error;
#[cfg(all(feature = "serial", target_os = "linux"))]
mod holder;
mod host;
#[cfg(any(feature = "serial", feature = "rfc2217"))]
mod lines;
#[cfg(any(feature = "tcp", feature = "telnet", feature = "webrepl"))]
#[doc(hidden)]
pub mod net;
mod open;
mod options;
#[cfg(feature = "serial")]
mod own;
mod percent;
mod port_info;
#[cfg(feature = "serial")]
mod ports;
#[cfg(all(feature = "serial", unix))]
mod probe;
mod problem;
#[cfg(feature = "process")]
mod process;
#[cfg(feature = "serial")]
mod serial;
mod stream;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

pub use address::{Address, AddressError};
pub use connector::{Connector, provide_zenoh};
pub use error::{PortHolder, TransportError};
pub use port_info::{PortInfo, UsbInfo};
#[cfg(feature = "serial")]
pub use ports::ports;
pub use stream::StreamTransport;

/// An open, exclusive, two-way line of bytes to a board.
///
/// A transport never reads nothing: where a stream would say that it is at its end, a transport fails, and
/// [`TransportError::from`] makes [`TransportError::Vanished`] or its like of that failure. A write is complete when the
/// operating system has the bytes; flushing adds nothing and never blocks.
///
/// Anything that is `AsyncRead + AsyncWrite` becomes one through [`StreamTransport`].
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// What messages call it: the port's path, the command, the host.
    fn description(&self) -> &str;

    /// Whether the sender is held back while the board cannot take more.
    ///
    /// True of USB, pseudo-terminals, sockets and processes. Where it is false, as on a bare UART, whatever the
    /// board's receive buffer cannot hold is lost, and the caller has to pace what it writes.
    fn flow_control(&self) -> bool {
        true
    }

    /// Sets the modem lines DTR and RTS; `true` asserts a line.
    ///
    /// The order of the two is such that a board with an auto-reset circuit never sees RTS without DTR in
    /// between, which would reset it.
    ///
    /// # Errors
    ///
    /// When the port has such lines and they could not be set. A port without them is no error.
    fn set_lines(&mut self, dtr: bool, rts: bool) -> Result<ModemLines, TransportError> {
        let _ = (dtr, rts);
        Ok(ModemLines::Unsupported)
    }

    /// Puts the modem lines back to the levels that the port's options ask for, as after opening it.
    ///
    /// # Errors
    ///
    /// As [`set_lines`](Self::set_lines).
    fn restore_lines(&mut self) -> Result<ModemLines, TransportError> {
        Ok(ModemLines::Unsupported)
    }

    /// How many of the bytes that were written have not left this machine yet, as far as the operating system tells.
    /// What is written now leaves after them. Zero where it does not tell.
    fn unsent(&mut self) -> usize {
        0
    }

    /// Says that the port is about to be closed, while it is still in use. If the same program opens it meanwhile by
    /// an [`Address`], it waits for that.
    fn closes_soon(&mut self) {}

    /// Lets what was written leave, at most for `within`, and then closes.
    ///
    /// Dropping a transport closes it too, but at once: what the operating system still has to send is lost.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the transport.
    fn close(self: Box<Self>, within: Duration) -> Closing {
        let _ = within;
        drop(self);
        Box::pin(std::future::ready(()))
    }
}

/// The future of [`Transport::close`].
pub type Closing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whether a port has the modem lines that it was asked to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModemLines {
    /// The lines have the levels asked for.
    Set,
    /// There are no such lines: a pseudo-terminal, a process, a socket.
    Unsupported,
}

impl Transport for Box<dyn Transport> {
    fn description(&self) -> &str {
        (**self).description()
    }

    fn flow_control(&self) -> bool {
        (**self).flow_control()
    }

    fn set_lines(&mut self, dtr: bool, rts: bool) -> Result<ModemLines, TransportError> {
        (**self).set_lines(dtr, rts)
    }

    fn restore_lines(&mut self) -> Result<ModemLines, TransportError> {
        (**self).restore_lines()
    }

    fn unsent(&mut self) -> usize {
        (**self).unsent()
    }

    fn closes_soon(&mut self) {
        (**self).closes_soon();
    }

    fn close(self: Box<Self>, within: Duration) -> Closing {
        (*self).close(within)
    }
}
