use super::super::address::{Address, AddressError, Port, Target};
use super::super::port_info::{PortInfo, UsbInfo};
use super::super::ports::select;
use super::super::{TransportError, ports};
use super::text;

fn port(path: &str, vendor: u16, product: u16, serial: Option<&str>) -> PortInfo {
    PortInfo {
        path: path.to_owned(),
        usb: Some(UsbInfo {
            vendor,
            product,
            serial: serial.map(str::to_owned),
            manufacturer_name: None,
            product_name: None,
        }),
    }
}

fn uart(path: &str) -> PortInfo {
    PortInfo {
        path: path.to_owned(),
        usb: None,
    }
}

fn find(address: &str, ports: &[PortInfo]) -> Result<String, TransportError> {
    let address: Address = address.parse()?;
    let wanted = match &address.target {
        Target::Port(Port::Usb(id), _) => Some(id),
        _ => None,
    };
    select(wanted, ports).map(|port| port.path)
}

#[test]
fn what_a_usb_device_calls_itself_is_shown_without_control_characters() {
    let mut port = port("/dev/ttyACM0", 0x2e8a, 5, Some("e6\x1b[2J"));
    if let Some(usb) = &mut port.usb {
        usb.product_name = Some("Pico\r\n\u{202e}".to_owned());
        usb.manufacturer_name = Some("\u{9b}31m".to_owned());
    }
    let shown = port.to_string();
    let visible = |character: char| !character.is_control() && character != '\u{202e}';
    assert!(shown.chars().all(visible), "{shown:?}");
    assert!(shown.ends_with(r"  (Pico\r\n\u{202e}, \u{9b}31m)"), "{shown:?}");
}

#[test]
fn auto_is_the_only_usb_port_whatever_else_there_is() {
    let ports = [uart("/dev/ttyS0"), port("/dev/ttyACM3", 0x2e8a, 5, None)];
    assert_eq!(find("auto", &ports).unwrap(), "/dev/ttyACM3");
}

#[test]
fn auto_lists_the_candidates_when_there_is_more_than_one() {
    let ports = [
        port("/dev/ttyACM0", 0x2e8a, 5, Some("e661")),
        port("/dev/ttyUSB0", 0x10c4, 0xea60, None),
    ];
    let error = find("auto", &ports).unwrap_err();
    assert_eq!(
        text(&error),
        "2 ports fit `auto`: /dev/ttyACM0, /dev/ttyUSB0\n\
         unplug all but one, or say which one is meant:\n  \
         /dev/ttyACM0  usb:2e8a:0005:e661  RP2040 or RP2350 with MicroPython\n  \
         /dev/ttyUSB0  usb:10c4:ea60  CP210x bridge"
    );
    assert!(!error.is_retryable());
}

#[test]
fn a_board_with_two_ports_is_one_board_and_its_first_port_the_repl() {
    let ports = [
        port("/dev/ttyACM0", 0x239a, 0x80f4, Some("D1")),
        port("/dev/ttyACM1", 0x239a, 0x80f4, Some("D1")),
    ];
    assert_eq!(find("auto", &ports).unwrap(), "/dev/ttyACM0");
    let nameless = ports.map(|mut port| {
        port.usb.as_mut().unwrap().serial = None;
        port
    });
    assert!(matches!(
        find("auto", &nameless),
        Err(TransportError::Ambiguous { .. })
    ));
}

#[test]
fn a_usb_address_finds_its_board_under_another_name() {
    let other = port("/dev/ttyACM0", 0x2e8a, 5, Some("other"));
    let before = [other.clone(), port("/dev/ttyACM1", 0x2e8a, 5, Some("E661"))];
    let after = [other, port("/dev/ttyACM7", 0x2e8a, 5, Some("E661"))];
    let address = before[1].address().to_string();
    assert_eq!(address, "usb:2e8a:0005:E661");
    assert_eq!(find(&address, &before).unwrap(), "/dev/ttyACM1");
    assert_eq!(find(&address, &after).unwrap(), "/dev/ttyACM7");
    assert_eq!(find("usb:2e8a:0005:e661", &after).unwrap(), "/dev/ttyACM7");
    assert!(matches!(
        find("usb:2e8a:5", &after),
        Err(TransportError::Ambiguous { .. })
    ));
}

#[test]
fn no_match_says_what_there_is_and_may_be_tried_again() {
    let error = find("usb:2e8a:5", &[uart("/dev/ttyS0")]).unwrap_err();
    assert_eq!(
        text(&error),
        "no port fits `usb:2e8a:0005`\nthe serial ports of this machine are\n  /dev/ttyS0"
    );
    assert!(error.is_retryable());
    assert_eq!(
        text(&find("auto", &[]).unwrap_err()),
        "no port fits `auto`\nthis machine has no serial port: plug the board in, with a USB cable that carries \
         data (many only charge)"
    );
}

#[test]
fn a_bare_uart_is_told_from_usb() {
    for (port, expected) in [
        (port("/dev/ttyACM0", 0x2e8a, 5, None), true),
        (port("/dev/ttyACM0", 0x303a, 0x1001, None), true),
        (port("/dev/ttyACM0", 0x1234, 0x5678, None), true),
        (port("/dev/ttyUSB0", 0x10c4, 0xea60, None), false),
        (port("/dev/ttyUSB0", 0x1a86, 0x7523, None), false),
        (port("/dev/ttyUSB0", 0x0403, 0x6001, None), false),
        (port("/dev/ttyUSB0", 0x067b, 0x2303, None), false),
        (port("/dev/ttyACM0", 0x0d28, 0x0204, None), false),
        (uart("/dev/ttyS0"), false),
        (uart("/dev/rfcomm0"), true),
    ] {
        assert_eq!(port.flow_control(), expected, "{port}");
    }
}

#[test]
fn a_port_is_shown_with_what_identifies_it() {
    let mut pico = port("/dev/ttyACM0", 0x2e8a, 5, Some("e661"));
    let usb = pico.usb.as_mut().unwrap();
    usb.manufacturer_name = Some("MicroPython".to_owned());
    usb.product_name = Some("Board in FS mode".to_owned());
    assert_eq!(
        pico.to_string(),
        "/dev/ttyACM0  usb:2e8a:0005:e661  RP2040 or RP2350 with MicroPython  (Board in FS mode, MicroPython)"
    );
    assert_eq!(uart("/dev/ttyS0").to_string(), "/dev/ttyS0");
}

#[test]
fn the_ports_of_this_machine_can_be_listed() {
    for port in ports().unwrap() {
        assert!(!port.path.is_empty());
        assert_eq!(port.address().to_string().parse(), Ok(port.address()));
    }
}

#[test]
fn a_port_that_was_listed_a_text_and_an_address_are_all_taken_for_an_address() {
    fn address<E: Into<AddressError>>(
        from: impl TryInto<Address, Error = E>,
    ) -> Result<Address, AddressError> {
        from.try_into().map_err(Into::into)
    }
    let port = uart("/dev/ttyACM0");
    let wanted: Address = "/dev/ttyACM0".parse().unwrap();
    let text = "/dev/ttyACM0".to_owned();
    for taken in [
        address(&port),
        address(port.clone()),
        address("/dev/ttyACM0"),
        address(&text),
        address(text.clone()),
        address(&wanted),
        address(wanted.clone()),
    ] {
        assert_eq!(taken.unwrap(), wanted);
    }
    assert_eq!(address("nonsense").unwrap_err().text(), "nonsense");
}
