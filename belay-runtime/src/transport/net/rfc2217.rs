//! A serial port behind a Telnet connection (RFC 2217).

use tokio::time::Instant;

use super::com_port::Serial;
use super::telnet::{self, ANSWERS_WITHIN, Telnet};
use crate::transport::address::Address;
use crate::transport::host::Host;
use crate::transport::options::{Flow, PortOptions};
use crate::transport::{Transport, TransportError};

/// Connects to a server, and sets its port up.
pub(in crate::transport) async fn open(
    address: &Address,
    host: &Host,
    options: &PortOptions,
) -> Result<Box<dyn Transport>, TransportError> {
    let deadline = Instant::now() + ANSWERS_WITHIN;
    let refused = |why: String| TransportError::NotSpoken {
        to: address.to_string(),
        what: "RFC 2217",
        why: why.into(),
    };
    let telnet = Telnet::with_serial(Serial::new(options));
    let flow_control = options.flow != Some(Flow::Off);
    let mut coded = telnet::begin(address, host, telnet, flow_control, deadline).await?;
    if !coded.codec().has_serial_port() {
        return Err(refused("it says that it has no serial port to set up".to_owned()));
    }
    coded.say(|telnet, out| {
        if let Some(serial) = telnet.serial() {
            serial.begin(out);
        }
    });
    let set = coded
        .until(deadline, |telnet, _| {
            telnet.serial().and_then(|serial| serial.baud_set)
        })
        .await?;
    let wanted = options.baud.unwrap_or(PortOptions::DEFAULT_BAUD);
    match set {
        None => Err(refused(format!(
            "it has not said within {} s that the port is set up",
            ANSWERS_WITHIN.as_secs()
        ))),
        // A caller that has not asked for a speed may have a port that has none.
        Some(set) if set != wanted && options.baud.is_some() => Err(refused(format!(
            "it has set its port to {set} baud and not to {wanted}"
        ))),
        Some(_) => Ok(Box::new(coded)),
    }
}
