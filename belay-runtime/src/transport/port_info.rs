//! A serial port, and what is known about the board on it.

use std::fmt;

use super::address::{Address, Port, UsbId};
use crate::printable::Printable;

/// A serial port of this machine, and what identifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortInfo {
    /// Its path, or its name on Windows: an [`Address`] that lasts until it is plugged in again.
    pub path: String,
    /// What the USB device reports about itself, if the port is one of a USB device.
    pub usb: Option<UsbInfo>,
}

/// What a USB device reports about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsbInfo {
    /// The vendor number (VID).
    pub vendor: u16,
    /// The product number (PID).
    pub product: u16,
    /// The serial number; cheap bridges have none.
    pub serial: Option<String>,
    /// The manufacturer's name.
    pub manufacturer_name: Option<String>,
    /// The product's name.
    pub product_name: Option<String>,
}

impl PortInfo {
    /// What is probably on the port, by its USB numbers: a family of boards, or the chip of a bridge.
    pub fn board(&self) -> Option<&'static str> {
        self.usb.as_ref().and_then(known).map(|known| known.name)
    }

    /// An address that finds the board again under whatever name it comes back: its USB numbers, where it has
    /// got any, and otherwise its path.
    pub fn address(&self) -> Address {
        match &self.usb {
            Some(usb) => Port::Usb(usb.id()).into(),
            None => Address::serial(&self.path),
        }
    }

    /// Whether the port has flow control, which stops the sender while the board cannot take more.
    #[cfg(feature = "serial")]
    pub(super) fn flow_control(&self) -> bool {
        match &self.usb {
            Some(usb) => known(usb).is_none_or(|known| !known.bridge),
            // Bluetooth has it; everything else that is listed is a UART of this machine.
            None => self.path.contains("rfcomm"),
        }
    }
}

/// The port's [address](PortInfo::address).
impl From<PortInfo> for Address {
    fn from(port: PortInfo) -> Self {
        port.address()
    }
}

/// The port's [address](PortInfo::address).
impl From<&PortInfo> for Address {
    fn from(port: &PortInfo) -> Self {
        port.address()
    }
}

impl UsbInfo {
    fn id(&self) -> UsbId {
        UsbId {
            vendor: self.vendor,
            product: self.product,
            serial: self.serial.clone(),
        }
    }
}

impl fmt::Display for PortInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        let Some(usb) = &self.usb else {
            return Ok(());
        };
        write!(f, "  {}", Printable(usb.id()))?;
        if let Some(board) = self.board() {
            write!(f, "  {board}")?;
        }
        match (&usb.manufacturer_name, &usb.product_name) {
            (Some(manufacturer), Some(product)) => {
                write!(f, "  ({}, {})", Printable(product), Printable(manufacturer))
            }
            (None, Some(name)) | (Some(name), None) => write!(f, "  ({})", Printable(name)),
            (None, None) => Ok(()),
        }
    }
}

/// A USB device whose numbers are known.
struct Known {
    name: &'static str,
    /// Whether a bare UART is behind it, which cannot hold the sender back.
    #[cfg_attr(not(feature = "serial"), expect(dead_code, reason = "nothing is sent to it"))]
    bridge: bool,
}

/// What the numbers of a USB device stand for, as far as it matters to boards with MicroPython.
fn known(usb: &UsbInfo) -> Option<Known> {
    let (name, bridge) = match (usb.vendor, usb.product) {
        (0x2e8a, 0x0005) => ("RP2040 or RP2350 with MicroPython", false),
        (0x2e8a, 0x000c) => ("Raspberry Pi Debug Probe", true),
        (0x2e8a, _) => ("Raspberry Pi Pico or other RP2 board", false),
        (0x303a, 0x1001) => ("ESP32-S3, C3 or other with USB of its own", false),
        (0x303a, 0x4001) => ("ESP32-S2 or S3 with MicroPython", false),
        (0x303a, _) => ("Espressif board", false),
        (0xf055, 0x9800..=0x9802) => ("pyboard or other STM32 board with MicroPython", false),
        (0x239a, _) => ("Adafruit board, CircuitPython", false),
        (0x16c0, 0x0483) => ("Teensy", false),
        (0x2341, _) => ("Arduino board", false),
        (0x0d28, 0x0204) => ("micro:bit, or another board with DAPLink", true),
        (0x0483, 0x3744..=0x3757) => ("STM32 board with ST-Link", true),
        (0x1366, _) => ("J-Link", true),
        (0x10c4, _) => ("CP210x bridge", true),
        (0x1a86, _) => ("CH340 or other WCH bridge", true),
        (0x0403, _) => ("FTDI bridge", true),
        (0x067b, _) => ("PL2303 bridge", true),
        _ => return None,
    };
    Some(Known { name, bridge })
}
