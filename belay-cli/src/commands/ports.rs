//! `belay ports`

use belay::transport::{self, PortInfo};
use serde::Serialize;

use super::Json;
use crate::failure::Failure;
use crate::json;
use crate::screen::{line, plain, table};

/// Lists the serial ports of this machine, and what is on them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  belay ports\n\n\
    The address finds the board again, under whatever name it comes back.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    json: Json,
}

/// A port, as JSON.
#[derive(Serialize)]
struct Port<'a> {
    path: &'a str,
    address: String,
    board: Option<&'static str>,
    vendor: Option<u16>,
    product: Option<u16>,
    serial: Option<&'a str>,
    manufacturer_name: Option<&'a str>,
    product_name: Option<&'a str>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let ports = transport::ports()?;
    if arguments.json.json {
        return ports.iter().try_for_each(|port| json::line(&described(port)));
    }
    if ports.is_empty() {
        line!("this machine has no serial port")?;
        return Ok(());
    }
    let rows: Vec<[String; 3]> = ports
        .iter()
        .map(|port| {
            let name = port.usb.as_ref().and_then(|usb| usb.product_name.clone());
            let board = port.board().map(str::to_owned).or(name);
            [
                port.path.clone(),
                port.address().to_string(),
                plain(&board.unwrap_or_default()),
            ]
        })
        .collect();
    Ok(table(&rows)?)
}

fn described(port: &PortInfo) -> Port<'_> {
    let usb = port.usb.as_ref();
    Port {
        path: &port.path,
        address: port.address().to_string(),
        board: port.board(),
        vendor: usb.map(|usb| usb.vendor),
        product: usb.map(|usb| usb.product),
        serial: usb.and_then(|usb| usb.serial.as_deref()),
        manufacturer_name: usb.and_then(|usb| usb.manufacturer_name.as_deref()),
        product_name: usb.and_then(|usb| usb.product_name.as_deref()),
    }
}
