//! The serial ports of this machine, and which of them an address means.

use std::io;
use std::path::Path;

use tokio_serial::SerialPortType;

use super::address::UsbId;
use super::error::TransportError;
use super::port_info::{PortInfo, UsbInfo};

/// The serial ports of this machine, those of USB devices first.
///
/// # Errors
///
/// When the operating system does not tell.
// As the module is: pages of other crates tell it only so.
#[cfg(feature = "serial")]
pub fn ports() -> Result<Vec<PortInfo>, TransportError> {
    let mut ports = list()?;
    ports.sort_by_cached_key(|port| (port.usb.is_none(), natural_key(&port.path)));
    Ok(ports)
}

/// Sorts `ttyACM10` after `ttyACM9`.
fn natural_key(path: &str) -> (String, u64) {
    let stem = path.trim_end_matches(|character: char| character.is_ascii_digit());
    (stem.to_owned(), path[stem.len()..].parse().unwrap_or(0))
}

pub(super) fn not_found(path: &str) -> TransportError {
    TransportError::NotFound {
        port: path.to_owned(),
        ports: ports().unwrap_or_default(),
    }
}

/// The serial ports that the operating system knows of, in no order.
fn list() -> Result<Vec<PortInfo>, TransportError> {
    // The library panics where the directory is missing, as it is in many containers.
    if cfg!(target_os = "linux") && !Path::new("/sys/class/tty").is_dir() {
        return Ok(Vec::new());
    }
    let ports = tokio_serial::available_ports().map_err(io::Error::from)?;
    Ok(ports.into_iter().filter(is_real).map(info).collect())
}

/// Drops the four to thirty-two `ttyS` of every PC that have no hardware, and the second name that macOS has
/// for each port.
fn is_real(port: &tokio_serial::SerialPortInfo) -> bool {
    let Some(name) = port.port_name.strip_prefix("/dev/") else {
        return true;
    };
    if cfg!(target_os = "macos") {
        return !name.starts_with("tty.");
    }
    let kind = std::fs::read_to_string(format!("/sys/class/tty/{name}/type"));
    !kind.is_ok_and(|kind| kind.trim() == "0")
}

fn info(port: tokio_serial::SerialPortInfo) -> PortInfo {
    let usb = match port.port_type {
        SerialPortType::UsbPort(usb) => Some(UsbInfo {
            vendor: usb.vid,
            product: usb.pid,
            serial: usb.serial_number.filter(|serial| !serial.is_empty()),
            manufacturer_name: usb.manufacturer,
            product_name: usb.product,
        }),
        _ => None,
    };
    PortInfo {
        path: port.port_name,
        usb,
    }
}

/// The port among `ports` that `auto` means (then `wanted` is `None`), or the numbers of a USB device.
///
/// A device with several ports and a serial number counts once: its first port is the REPL.
pub(super) fn select(wanted: Option<&UsbId>, ports: &[PortInfo]) -> Result<PortInfo, TransportError> {
    let mut found: Vec<&PortInfo> = Vec::new();
    for port in ports {
        let Some(usb) = &port.usb else { continue };
        let is_wanted = wanted.is_none_or(|id| matches(id, usb));
        let is_second = usb.serial.is_some() && found.iter().any(|known| known.usb.as_ref() == Some(usb));
        if is_wanted && !is_second {
            found.push(port);
        }
    }
    let wanted = || wanted.map_or_else(|| "auto".to_owned(), UsbId::to_string);
    match found[..] {
        [port] => Ok(port.clone()),
        [] => Err(TransportError::NoMatch {
            wanted: wanted(),
            ports: ports.to_vec(),
        }),
        _ => Err(TransportError::Ambiguous {
            wanted: wanted(),
            candidates: found.into_iter().cloned().collect(),
        }),
    }
}

fn matches(wanted: &UsbId, usb: &UsbInfo) -> bool {
    // Windows reports serial numbers in capitals.
    let same_serial = |serial: &String| {
        usb.serial
            .as_ref()
            .is_some_and(|actual| actual.eq_ignore_ascii_case(serial))
    };
    wanted.vendor == usb.vendor
        && wanted.product == usb.product
        && wanted.serial.as_ref().is_none_or(same_serial)
}
