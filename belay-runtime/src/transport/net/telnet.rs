//! Telnet (RFC 854): its escapes, and the options that matter to a board (RFC 856, 857, 858, 1143).

pub(super) mod numbers;
mod options;

use std::borrow::Cow;
use std::time::Duration;

use tokio::time::Instant;

use super::codec::Codec;
use super::coded::Coded;
use crate::transport::address::Address;
use crate::transport::host::Host;
use crate::transport::options::SocketOptions;
use crate::transport::{Transport, TransportError};
#[cfg(feature = "rfc2217")]
use {
    super::com_port::{self, Serial},
    crate::transport::ModemLines,
    crate::transport::options::PortOptions,
};

#[cfg(feature = "rfc2217")]
use numbers::COM_PORT;
use numbers::{BINARY, DO, DONT, IAC, SB, SE, SUPPRESS_GO_AHEAD, WILL, WONT};
use options::{Asked, Options};

const CR: u8 = b'\r';
const NUL: u8 = 0;

/// The longest subnegotiation that is kept, in bytes: those of a serial port are a few bytes long.
const MOST_SAID: usize = 64;

/// How long a server may take to answer what it is asked at the beginning.
pub(super) const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Connects to a Telnet server.
pub(in crate::transport) async fn open(
    address: &Address,
    host: &Host,
    options: &SocketOptions,
) -> Result<Box<dyn Transport>, TransportError> {
    let flow_control = options.flow.unwrap_or(true);
    let deadline = Instant::now() + ANSWERS_WITHIN;
    let coded = begin(address, host, Telnet::new(), flow_control, deadline).await?;
    Ok(Box::new(coded))
}

/// Connects, and negotiates the options with the server.
pub(super) async fn begin(
    address: &Address,
    host: &Host,
    telnet: Telnet,
    flow_control: bool,
    deadline: Instant,
) -> Result<Coded<Telnet>, TransportError> {
    let stream = super::connect(host, address).await?;
    let mut coded = Coded::new(stream, telnet, address.to_string(), flow_control);
    coded.say(Telnet::begin);
    let settled = coded
        .until(deadline, |telnet, _| telnet.is_settled().then_some(()))
        .await?;
    settled.map(|()| coded).ok_or_else(|| TransportError::NotSpoken {
        to: address.to_string(),
        what: "Telnet",
        why: format!("it has not answered within {} s", ANSWERS_WITHIN.as_secs()).into(),
    })
}

/// A Telnet connection, from the client's side.
#[derive(Debug, Default)]
pub struct Telnet {
    state: State,
    options: Options,
    /// The subnegotiation that is being received; one byte more than is kept, if it is longer.
    said: Vec<u8>,
    /// Whether the last byte was a carriage return. A zero after it is no data, unless the other side sends binary.
    after_return: bool,
    #[cfg(feature = "rfc2217")]
    serial: Option<Serial>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    Command,
    /// One of WILL, WONT, DO and DONT: the option follows.
    Option(u8),
    Said,
    SaidCommand,
}

impl Telnet {
    /// A connection on which nothing has been negotiated.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with a serial port behind it.
    #[cfg(feature = "rfc2217")]
    pub(super) fn with_serial(serial: Serial) -> Self {
        Self {
            serial: Some(serial),
            ..Self::default()
        }
    }

    /// A connection with a serial port behind it, with the default options.
    #[cfg(feature = "rfc2217")]
    pub fn with_port() -> Self {
        Self::with_serial(Serial::new(&PortOptions::default()))
    }

    /// Asks for the options that are needed.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        for (verb, option) in [(WILL, BINARY), (DO, BINARY), (DO, SUPPRESS_GO_AHEAD)] {
            self.options.ask(verb, option);
            out.extend([IAC, verb, option]);
        }
        #[cfg(feature = "rfc2217")]
        if self.serial.is_some() {
            self.options.ask(WILL, COM_PORT);
            out.extend([IAC, WILL, COM_PORT]);
        }
    }

    /// Whether the other side has answered what has to be known before the first byte.
    pub fn is_settled(&self) -> bool {
        let answered = |side, option| self.options.asked(side, option) != Asked::Open;
        #[cfg(feature = "rfc2217")]
        if self.serial.is_some() && !answered(WILL, COM_PORT) {
            return false;
        }
        answered(WILL, BINARY) && answered(DO, BINARY)
    }

    #[cfg(feature = "rfc2217")]
    pub(super) fn has_serial_port(&self) -> bool {
        self.options.asked(WILL, COM_PORT) == Asked::Yes
    }

    #[cfg(feature = "rfc2217")]
    pub(super) fn serial(&mut self) -> Option<&mut Serial> {
        self.serial.as_mut()
    }

    /// Whether all eight bits are data in what this side (WILL) or the other side (DO) sends.
    fn is_binary(&self, side: u8) -> bool {
        self.options.asked(side, BINARY) == Asked::Yes
    }

    fn byte(&mut self, byte: u8, data: &mut Vec<u8>, replies: &mut Vec<u8>) {
        self.state = match (self.state, byte) {
            (State::Data, IAC) => State::Command,
            (State::Command, IAC) | (State::Data, _) => {
                let padding = byte == NUL && self.after_return && !self.is_binary(DO);
                if !padding {
                    data.push(byte);
                }
                self.after_return = byte == CR;
                State::Data
            }
            (State::Command, WILL | WONT | DO | DONT) => State::Option(byte),
            (State::Command, SB) => {
                self.said.clear();
                State::Said
            }
            // A break, or a question whether anybody is there: a board's client does not have to act on those.
            (State::Command, _) => State::Data,
            (State::Option(verb), option) => {
                if let Some(reply) = self.options.heard(verb, option) {
                    replies.extend([IAC, reply, option]);
                }
                State::Data
            }
            (State::Said, IAC) => State::SaidCommand,
            (State::SaidCommand, IAC) | (State::Said, _) => {
                if self.said.len() <= MOST_SAID {
                    self.said.push(byte);
                }
                State::Said
            }
            (State::SaidCommand, SE) => {
                self.heard();
                State::Data
            }
            // The subnegotiation has no end: whatever it was, this is a command of its own.
            (State::SaidCommand, _) => {
                self.state = State::Command;
                return self.byte(byte, data, replies);
            }
        };
    }

    /// Handles a complete subnegotiation.
    fn heard(&mut self) {
        #[cfg(feature = "rfc2217")]
        if let (Some(serial), [COM_PORT, said @ ..]) = (&mut self.serial, &self.said[..])
            && self.said.len() <= MOST_SAID
        {
            serial.heard(said);
        }
        self.said.clear();
    }
}

impl Codec for Telnet {
    fn decode(
        &mut self,
        came: &[u8],
        data: &mut Vec<u8>,
        replies: &mut Vec<u8>,
    ) -> Result<(), Cow<'static, str>> {
        for &byte in came {
            self.byte(byte, data, replies);
        }
        Ok(())
    }

    fn encode(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let binary = self.is_binary(WILL);
        for &byte in bytes {
            out.push(byte);
            match byte {
                IAC => out.push(IAC),
                CR if !binary => out.push(NUL),
                _ => {}
            }
        }
    }

    #[cfg(feature = "rfc2217")]
    fn is_held(&self) -> bool {
        self.serial.as_ref().is_some_and(Serial::is_held)
    }

    #[cfg(feature = "rfc2217")]
    fn set_lines(&mut self, dtr: bool, rts: bool, out: &mut Vec<u8>) -> ModemLines {
        match &self.serial {
            Some(_) => com_port::set_lines(Some(dtr), Some(rts), out),
            None => ModemLines::Unsupported,
        }
    }

    #[cfg(feature = "rfc2217")]
    fn restore_lines(&mut self, out: &mut Vec<u8>) -> ModemLines {
        match &self.serial {
            Some(serial) => serial.restore_lines(out),
            None => ModemLines::Unsupported,
        }
    }

    #[cfg(feature = "rfc2217")]
    fn farewell(&mut self, out: &mut Vec<u8>) {
        if let Some(serial) = &self.serial {
            serial.release_lines(out);
        }
    }
}

#[cfg(test)]
mod tests;
