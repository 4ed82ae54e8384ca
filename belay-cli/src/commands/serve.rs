//! `belay serve`

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use belay::transport::{self, Address, PortInfo};
use belay_fleet::{Server, network};

use crate::elsewhere::{Network, host, pair, plain};
use crate::failure::Failure;
use crate::screen::{faint, line, note};

/// How often the list of connected boards is updated.
const LOOK: Duration = Duration::from_millis(500);

/// Serves the boards of this machine to others, as they are plugged in and unplugged
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  belay serve --tag bench=3\n  \
    belay serve --select 'usb:2E8A:*' --listen tcp/0.0.0.0:7447\n  \
    belay serve --board lamp=/dev/ttyS1?baud=9600\n\n\
    A board is belay/HOST/NAME; its name is its USB serial number. Others take it with `belay -p zenoh:belay/HOST/NAME`, \
    one at a time. The ports that are selected are opened for them, and no others. ZENOH_CONFIG names a file with Zenoh's \
    configuration: TLS, who may do what.")]
pub(crate) struct Arguments {
    /// The name of this machine [default: its host name]
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Serves only USB devices that match usb:VID:PID:SERIAL, where each part may be * [default: all]
    #[arg(long, value_name = "PATTERN", value_parser = Pattern::read)]
    select: Vec<Pattern>,
    /// Serves the board at this address under this name, and only those USB devices that --select names
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = named)]
    board: Vec<(String, Address)>,
    /// Adds this tag to every board that is served
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    tag: Vec<(String, String)>,
    /// Listens at tcp/HOST:PORT, so that others can connect
    #[arg(long, value_name = "ENDPOINT")]
    listen: Vec<String>,
    #[command(flatten)]
    network: Network,
}

/// The boards that are connected: name, address and tags.
type There = BTreeMap<String, (Address, BTreeMap<String, String>)>;

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let host = arguments.host.clone().unwrap_or_else(host);
    let config = network(&arguments.network.connect, &arguments.listen)?;
    let server = Server::open(config, &host).await?;
    note(&faint(&format!("(serving as {host} until Ctrl-C)\n")));
    let mut announced: BTreeMap<String, Address> = BTreeMap::new();
    loop {
        let there = arguments.there()?;
        let gone = announced.iter().filter(|(name, address)| {
            let now = there.get(*name).map(|(address, _)| address);
            now != Some(*address)
        });
        let gone: Vec<_> = gone.map(|(name, _)| name.clone()).collect();
        for name in gone {
            server.withdraw(&name);
            announced.remove(&name);
            line!("belay/{host}/{name} is gone")?;
        }
        for (name, (address, tags)) in there {
            if announced.contains_key(&name) {
                continue;
            }
            server.announce(&name, address.clone(), tags).await?;
            line!("belay/{host}/{name} is {address}")?;
            announced.insert(name, address);
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl Arguments {
    /// The boards that are connected now, of those that are to be served.
    fn there(&self) -> Result<There, Failure> {
        let tags: BTreeMap<_, _> = self.tag.iter().cloned().collect();
        let named = self.board.iter().filter(|(_, address)| is_there(address));
        let mut there: There = named
            .map(|(name, address)| (name.clone(), (address.clone(), tags.clone())))
            .collect();
        if !self.select.is_empty() || self.board.is_empty() {
            for port in transport::ports()? {
                let Some((name, own)) = self.selected(&port) else {
                    continue;
                };
                let tags = own.into_iter().chain(tags.clone()).collect();
                // The first port of a device is its REPL.
                there.entry(name).or_insert((Address::serial(port.path), tags));
            }
        }
        Ok(there)
    }

    /// The name and the tags of a board that is to be served.
    fn selected(&self, port: &PortInfo) -> Option<(String, Vec<(String, String)>)> {
        let usb = port.usb.as_ref()?;
        let serial = usb.serial.as_deref();
        let meant = |pattern: &Pattern| pattern.matches(usb.vendor, usb.product, serial);
        if !self.select.is_empty() && !self.select.iter().any(meant) {
            return None;
        }
        let name = serial.or_else(|| Path::new(&port.path).file_name()?.to_str())?;
        let usb_numbers = format!("{:04x}:{:04x}", usb.vendor, usb.product);
        let tags = [
            ("usb", Some(usb_numbers.as_str())),
            ("serial", serial),
            ("kind", port.board()),
        ];
        let tags = tags
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())));
        Some((plain(name), tags.collect()))
    }
}

/// Whether the device file of an address exists. Other addresses count as there; opening them shows whether
/// they are.
fn is_there(address: &Address) -> bool {
    let text = address.to_string();
    let path = text.split('?').next().unwrap_or_default();
    !path.starts_with(['/', '.']) || Path::new(path).exists()
}

/// Parses `NAME=ADDRESS`.
fn named(text: &str) -> Result<(String, Address), String> {
    let (name, address) = pair(text).map_err(|_| "it is not of the form `NAME=ADDRESS`".to_owned())?;
    let address = address.parse::<Address>().map_err(|error| error.to_string())?;
    Ok((name, address))
}

/// A pattern for USB devices: vendor, product and serial number; `None` matches any.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    vendor: Option<u16>,
    product: Option<u16>,
    serial: Option<String>,
}

impl Pattern {
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || "it is not of the form `usb:VID:PID:SERIAL`, where each part may be `*`".to_owned();
        let mut parts = text.strip_prefix("usb:").ok_or_else(wrong)?.splitn(3, ':');
        let mut number = || match parts.next() {
            None | Some("*") => Ok(None),
            // `from_str_radix` would accept a sign.
            Some(digits) if digits.starts_with('+') => Err(wrong()),
            Some(digits) => u16::from_str_radix(digits, 16).map(Some).map_err(|_| wrong()),
        };
        let (vendor, product) = (number()?, number()?);
        let serial = parts.next().filter(|serial| *serial != "*").map(str::to_owned);
        Ok(Self {
            vendor,
            product,
            serial,
        })
    }

    fn matches(&self, vendor: u16, product: u16, serial: Option<&str>) -> bool {
        let same = |wanted: &String| serial.is_some_and(|serial| serial.eq_ignore_ascii_case(wanted));
        self.vendor.is_none_or(|wanted| wanted == vendor)
            && self.product.is_none_or(|wanted| wanted == product)
            && self.serial.as_ref().is_none_or(same)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_pattern_selects_what_it_names() {
        let fits = |pattern: &str| Pattern::read(pattern).unwrap().matches(0x2e8a, 5, Some("E660"));
        for pattern in [
            "usb:*",
            "usb:2E8A:*",
            "usb:2e8a:0005",
            "usb:*:5:*",
            "usb:2e8a:*:e660",
        ] {
            assert!(fits(pattern), "{pattern}");
        }
        for pattern in ["usb:2E8B:*", "usb:2e8a:6", "usb:*:*:E661"] {
            assert!(!fits(pattern), "{pattern}");
        }
        assert!(Pattern::read("usb:2e8a:5").unwrap().matches(0x2e8a, 5, None));
        assert!(!Pattern::read("usb:2e8a:5:x").unwrap().matches(0x2e8a, 5, None));
        for wrong in ["2E8A:*", "usb:", "usb:+5", "usb:12345", "usb:x:y"] {
            assert!(Pattern::read(wrong).is_err(), "{wrong}");
        }
    }
}
