//! The commands for a serial port behind a Telnet connection (RFC 2217): its speed and its modem lines.

use super::telnet::numbers::{COM_PORT, IAC, SB, SE};
use crate::transport::ModemLines;
use crate::transport::lines::{ModemLine, steps};
use crate::transport::options::{Flow, Line, PortOptions};

/// The client's commands. The server answers with these numbers plus 100.
const SET_BAUD: u8 = 1;
const SET_DATA_BITS: u8 = 2;
const SET_PARITY: u8 = 3;
const SET_STOP_BITS: u8 = 4;
const SET_CONTROL: u8 = 5;
const SUSPEND: u8 = 8;
const RESUME: u8 = 9;
const BY_THE_SERVER: u8 = 100;

/// Values of SET-CONTROL.
const NO_FLOW_CONTROL: u8 = 1;
const HARDWARE_FLOW_CONTROL: u8 = 3;
const DTR_ON: u8 = 8;
const DTR_OFF: u8 = 9;
const RTS_ON: u8 = 11;
const RTS_OFF: u8 = 12;

/// A serial port behind a connection.
#[derive(Debug)]
pub(super) struct Serial {
    baud: u32,
    hardware: bool,
    dtr: Line,
    rts: Line,
    /// The speed that the server says it has set.
    pub(super) baud_set: Option<u32>,
    /// Whether the server has asked for no more data for now.
    held: bool,
}

impl Serial {
    pub(super) fn new(options: &PortOptions) -> Self {
        let (dtr, rts) = options.lines();
        Self {
            baud: options.baud.unwrap_or(PortOptions::DEFAULT_BAUD),
            hardware: options.flow == Some(Flow::RtsCts),
            dtr,
            rts,
            baud_set: None,
            held: false,
        }
    }

    /// Sets the port up. The speed comes last, since its answer is waited for.
    pub(super) fn begin(&self, out: &mut Vec<u8>) {
        let flow = if self.hardware {
            HARDWARE_FLOW_CONTROL
        } else {
            NO_FLOW_CONTROL
        };
        for words in [
            [SET_DATA_BITS, 8],
            [SET_PARITY, 1],
            [SET_STOP_BITS, 1],
            [SET_CONTROL, flow],
        ] {
            say(&words, out);
        }
        self.restore_lines(out);
        let [a, b, c, d] = self.baud.to_be_bytes();
        say(&[SET_BAUD, a, b, c, d], out);
    }

    /// Handles what the server says about its port.
    pub(super) fn heard(&mut self, said: &[u8]) {
        let Some((&what, value)) = said.split_first() else {
            return;
        };
        match what.checked_sub(BY_THE_SERVER) {
            Some(SET_BAUD) => {
                if let Ok(baud) = <[u8; 4]>::try_from(value) {
                    self.baud_set = Some(u32::from_be_bytes(baud));
                }
            }
            Some(SUSPEND) => self.held = true,
            Some(RESUME) => self.held = false,
            // The rest are answers that nobody waits for, and reports about lines that are not used.
            _ => {}
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    pub(super) fn restore_lines(&self, out: &mut Vec<u8>) -> ModemLines {
        set_lines(self.dtr.level(), self.rts.level(), out)
    }

    pub(super) fn release_lines(&self, out: &mut Vec<u8>) {
        let release = |line: Line| line.level().map(|_| false);
        set_lines(release(self.dtr), release(self.rts), out);
    }
}

/// Sets the lines that are given.
pub(super) fn set_lines(dtr: Option<bool>, rts: Option<bool>, out: &mut Vec<u8>) -> ModemLines {
    for (line, level) in steps(dtr, rts) {
        let value = match (line, level) {
            (ModemLine::Dtr, true) => DTR_ON,
            (ModemLine::Dtr, false) => DTR_OFF,
            (ModemLine::Rts, true) => RTS_ON,
            (ModemLine::Rts, false) => RTS_OFF,
        };
        say(&[SET_CONTROL, value], out);
    }
    ModemLines::Set
}

/// Appends a command for the port, as the subnegotiation of an option.
fn say(words: &[u8], out: &mut Vec<u8>) {
    out.extend([IAC, SB, COM_PORT]);
    escape(words, out);
    out.extend([IAC, SE]);
}

/// Appends bytes, escaped so that none of them begins a command.
fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        out.push(byte);
        if byte == IAC {
            out.push(IAC);
        }
    }
}

#[cfg(test)]
mod tests;
