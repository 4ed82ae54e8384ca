use proptest::prelude::*;

use super::super::address::{Port, Target, UsbId};
use super::super::host::{Host, Password};
use super::super::options::{Flow, Line, PortOptions, SocketOptions};
use super::super::{Address, AddressError};

fn parse(text: &str) -> Address {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(text: &str) -> String {
    let error: AddressError = text.parse::<Address>().expect_err(text);
    assert!(
        error.hint().contains("usb:VID:PID[:SERIAL]"),
        "the hint shows the grammar"
    );
    error.to_string()
}

#[test]
fn every_kind_of_address_is_read_and_written_in_one_form() {
    for (text, canonical) in [
        ("/dev/ttyACM0", "/dev/ttyACM0"),
        (" /dev/ttyACM0\n", "/dev/ttyACM0"),
        ("./board", "./board"),
        ("com3", "COM3"),
        (r"\\.\COM12", r"\\.\COM12"),
        (r"C:\port", r"C:\port"),
        ("/dev/a%20b%3Fc?baud=9600", "/dev/a%20b%3Fc?baud=9600"),
        ("/dev/100%", "/dev/100%25"),
        (
            "/dev/ttyUSB0?flow=off&rts=keep&dtr=off&baud=921600",
            "/dev/ttyUSB0?baud=921600&dtr=off&rts=keep&flow=off",
        ),
        ("AUTO", "auto"),
        ("auto?dtr=off", "auto?dtr=off"),
        ("usb:2E8A:5", "usb:2e8a:0005"),
        ("USB:0x2e8a:0x0005:E6:61?flow=on", "usb:2e8a:0005:E6:61?flow=on"),
        ("tcp://localhost:2000", "tcp://localhost:2000"),
        ("tcp://[::1]:23?flow=off", "tcp://[::1]:23?flow=off"),
        ("telnet://lab1", "telnet://lab1:23"),
        ("TELNET://[::1]:2323?flow=off", "telnet://[::1]:2323?flow=off"),
        (
            "rfc2217://lab1:4000?dtr=off&baud=9600",
            "rfc2217://lab1:4000?baud=9600&dtr=off",
        ),
        ("zenoh:belay/lab1/pico-E660", "zenoh:belay/lab1/pico-E660"),
        ("ws://192.168.4.1", "ws://192.168.4.1:8266"),
        ("ws://board.local:80/", "ws://board.local:80"),
        ("ws://[fe80::1%eth0]?flow=on", "ws://[fe80::1%eth0]:8266?flow=on"),
        ("exec:micropython  -i", "exec:micropython -i"),
        ("pty:sh -c 'a ? b'", "pty:sh -c 'a ? b'"),
        ("exec:a \"it's\" '' \"x\r\"", "exec:a 'it'\\''s' '' 'x\r'"),
    ] {
        assert_eq!(parse(text).to_string(), canonical, "{text}");
        assert_eq!(parse(canonical), parse(text), "{text}");
    }
}

#[test]
fn the_name_of_a_board_of_another_machine_is_no_pattern() {
    for (text, expected) in [
        (
            "zenoh:lab1/pico",
            "`zenoh:lab1/pico` is not an address: what follows `zenoh:` is `belay/`, a host, `/` and a board; did you mean \
             `zenoh:belay/lab1/pico`?",
        ),
        (
            "zenoh:belay/*/pico",
            "`zenoh:belay/*/pico` is not an address: letters, digits, `-`, `_` and `.` make the name of a host or a board; \
             did you mean `zenoh:belay/lab1/pico`?",
        ),
    ] {
        assert_eq!(refusal(text), expected);
    }
}

#[test]
fn a_refusal_says_what_is_wrong_and_what_was_meant() {
    for (text, expected) in [
        ("", "`` is not an address: it is empty; did you mean `auto`?"),
        (
            "ttyACM0",
            "`ttyACM0` is not an address: it is neither a path nor one of the other kinds; did you mean `/dev/ttyACM0`?",
        ),
        (
            "atuo",
            "`atuo` is not an address: it is neither a path nor one of the other kinds; did you mean `auto`?",
        ),
        (
            "ubs:1:2",
            "`ubs:1:2` is not an address: `ubs:` is unknown; did you mean `usb:`?",
        ),
        (
            "tpc://h:1",
            "`tpc://h:1` is not an address: `tpc:` is unknown; did you mean `tcp://`?",
        ),
        (
            "socket://h:1",
            "`socket://h:1` is not an address: `socket:` is unknown; did you mean `tcp://h:1`?",
        ),
        (
            "port:/dev/x",
            "`port:/dev/x` is not an address: `port:` is unknown; did you mean `/dev/x`?",
        ),
        (
            "usb:",
            "`usb:` is not an address: the vendor number is missing; did you mean `usb:2e8a:0005`?",
        ),
        (
            "usb:2e8a",
            "`usb:2e8a` is not an address: the product number is missing; did you mean `usb:2e8a:0005`?",
        ),
        (
            "usb:2e8a:pico",
            "`usb:2e8a:pico` is not an address: the product number `pico` is not a number of up to four hexadecimal digits",
        ),
        (
            "usb:1:2:",
            "`usb:1:2:` is not an address: the serial number after the last `:` is missing",
        ),
        (
            "tcp:h:1",
            "`tcp:h:1` is not an address: `tcp:` needs two slashes; did you mean `tcp://h:1`?",
        ),
        (
            "tcp://h",
            "`tcp://h` is not an address: the port number is missing; did you mean `tcp://h:2000`?",
        ),
        (
            "tcp://h:0",
            "`tcp://h:0` is not an address: the port `0` is not a number from 1 to 65535",
        ),
        (
            "tcp://::1:23",
            "`tcp://::1:23` is not an address: an IPv6 address stands in brackets; did you mean `tcp://[::1]:23`?",
        ),
        (
            "tcp://:23",
            "`tcp://:23` is not an address: `` is not the name of a host",
        ),
        (
            "telnet:h",
            "`telnet:h` is not an address: `telnet:` needs two slashes; did you mean `telnet://h`?",
        ),
        (
            "rfc2217://h",
            "`rfc2217://h` is not an address: the port number is missing; did you mean `rfc2217://h:2000`?",
        ),
        (
            "rfc2271://h:1",
            "`rfc2271://h:1` is not an address: `rfc2271:` is unknown; did you mean `rfc2217://`?",
        ),
        (
            "wss://h",
            "`wss://h` is not an address: `wss:` is unknown; did you mean `ws://`?",
        ),
        (
            "ws:h",
            "`ws:h` is not an address: `ws:` needs two slashes; did you mean `ws://h`?",
        ),
        (
            "exec:",
            "`exec:` is not an address: the command is missing; did you mean `exec:micropython`?",
        ),
        (
            "pty:a 'b",
            "`pty:a 'b` is not an address: a quotation mark in the command has no partner",
        ),
    ] {
        assert_eq!(refusal(text), expected);
    }
}

#[test]
fn a_refusal_is_one_line_whatever_the_text_holds() {
    for text in [
        "a\nb",
        "/dev/x?\n1",
        "/dev/x?dtr=\u{1b}[2J",
        "usb:\u{7}:1",
        "tcp:\r:1",
        "\u{9b}:x",
    ] {
        let refusal = refusal(text);
        assert!(!refusal.contains(char::is_control), "{}", refusal.escape_debug());
    }
}

#[test]
fn an_option_that_is_unknown_or_twice_there_or_senseless_is_refused() {
    for (query, expected) in [
        (
            "bawd=1",
            "there is no option `bawd` here, only `baud`, `dtr`, `rts` or `flow`; did you mean `baud`?",
        ),
        (
            "parity=even",
            "there is no option `parity` here, only `baud`, `dtr`, `rts` or `flow`",
        ),
        ("dtr=on&dtr=on", "the option `dtr` is given twice"),
        ("baud", "the option `baud` is not of the form `name=value`"),
        ("", "no option follows the `?`"),
        (
            "baud=fast",
            "`fast` is not a number of bits per second; did you mean `baud=115200`?",
        ),
        (
            "baud=0",
            "`0` is not a number of bits per second; did you mean `baud=115200`?",
        ),
        (
            "dtr=1",
            "`dtr` is `on`, `off` or `keep`, not `1`; did you mean `dtr=on`?",
        ),
        (
            "rts=kep",
            "`rts` is `on`, `off` or `keep`, not `kep`; did you mean `keep`?",
        ),
        (
            "flow=none",
            "`flow` is `on`, `off` or `rtscts`, not `none`; did you mean `flow=off`?",
        ),
        (
            "rts=on&flow=rtscts",
            "with `flow=rtscts` the driver controls RTS, so `rts` cannot be given",
        ),
    ] {
        let text = format!("/dev/x?{query}");
        assert_eq!(refusal(&text), format!("`{text}` is not an address: {expected}"));
    }
    let socket = "tcp://h:1?baud=9600";
    assert_eq!(
        refusal(socket),
        format!("`{socket}` is not an address: there is no option `baud` here, only `flow`")
    );
    let socket = "tcp://h:1?flow=rtscts";
    assert_eq!(
        refusal(socket),
        format!("`{socket}` is not an address: a socket has no RTS and CTS; did you mean `flow=on`?")
    );
}

#[test]
fn a_password_is_kept_and_is_in_no_text() {
    for (text, password) in [
        ("ws://:hunter2@h", "hunter2"),
        ("ws://:a%20b%40@h:80/", "a b@"),
        ("ws://:what?@here@h?flow=on", "what?@here"),
    ] {
        let address = parse(text);
        let Target::WebRepl(host, given, _) = &address.target else {
            panic!("{address:?}");
        };
        assert_eq!(host.name, "h");
        assert_eq!(*given, Password::new(password.to_owned()), "{text}");
        for shown in [
            address.to_string(),
            format!("{address:?}"),
            format!("{address:#?}"),
        ] {
            assert!(!shown.contains(password), "{shown}");
        }
        assert!(address.to_string().starts_with("ws://h:"), "{address}");
    }
}

#[test]
fn a_refusal_shows_no_password_however_the_address_is_mistaken() {
    for (text, expected) in [
        (
            "ws://hunter2@h",
            "`ws://…@h` is not an address: WebREPL knows no users: a `:` comes before the password; did you mean \
             `ws://:PASSWORD@h`?",
        ),
        (
            "ws://:hunter2",
            "`ws://…@` is not an address: after a password comes `@` and the host",
        ),
        (
            "ws://:@h",
            "`ws://…@h` is not an address: the password is empty, or has more than one line",
        ),
        (
            "ws://:hunter2@h:x",
            "`ws://…@h:x` is not an address: the port `x` is not a number from 1 to 65535",
        ),
        ("ws://:hunter2?flow=hunter2@h", ""),
        (
            "wss://:hunter2@h",
            "`wss://…@h` is not an address: only `ws://` takes a password; did you mean `ws://`?",
        ),
        (
            "tcp://me:hunter2@h:1",
            "`tcp://…@h:1` is not an address: only `ws://` takes a password",
        ),
        (
            "socket://:hunter2@h:1",
            "`socket://…@h:1` is not an address: only `ws://` takes a password",
        ),
    ] {
        let Err(error) = text.parse::<Address>() else {
            assert_eq!(expected, "", "{text}");
            continue;
        };
        let shown = format!("{error} {error:?} {}", error.text());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_path_that_would_be_read_as_something_else_is_one_of_this_directory() {
    for path in ["auto", "usb:1:2", "tcp://h:1", "exec:x", "board"] {
        let address = Address::serial(path);
        assert_eq!(parse(&address.to_string()), address);
        let port = Port::Path(format!("./{path}"));
        assert_eq!(address.target, Target::Port(port, PortOptions::default()));
    }
}

fn line() -> impl Strategy<Value = Option<Line>> {
    proptest::option::of(prop_oneof![Just(Line::On), Just(Line::Off), Just(Line::Keep)])
}

fn options() -> impl Strategy<Value = PortOptions> {
    let flow = proptest::option::of(prop_oneof![Just(Flow::On), Just(Flow::Off), Just(Flow::RtsCts)]);
    (proptest::option::of(1u32..), line(), line(), flow).prop_map(|(baud, dtr, rts, flow)| PortOptions {
        baud,
        dtr,
        rts: rts.filter(|_| flow != Some(Flow::RtsCts)),
        flow,
    })
}

fn addresses() -> impl Strategy<Value = Address> {
    let words = || proptest::collection::vec(any::<String>(), 1..4);
    let usb = (any::<u16>(), any::<u16>(), proptest::option::of(".{1,12}")).prop_map(
        |(vendor, product, serial)| {
            Port::Usb(UsbId {
                vendor,
                product,
                serial,
            })
        },
    );
    let path = any::<String>().prop_map(|path| match Address::serial(path).target {
        Target::Port(port, _) => port,
        other => panic!("{other:?}"),
    });
    let socket = (
        "([a-z0-9.-]{1,12}|::1|fe80::1%eth0)",
        1u16..,
        any::<Option<bool>>(),
    );
    prop_oneof![
        (prop_oneof![path, usb, Just(Port::Auto)], options())
            .prop_map(|(port, options)| Target::Port(port, options).into()),
        (socket, 0..3).prop_map(|((name, port, flow), kind)| {
            let options = SocketOptions { flow };
            let host = Host { name, port };
            match kind {
                0 => Target::Tcp(host, options),
                1 => Target::Telnet(host, options),
                _ => Target::WebRepl(host, None, options),
            }
            .into()
        }),
        ("[a-z0-9.-]{1,12}", 1u16.., options())
            .prop_map(|(name, port, options)| { Target::Rfc2217(Host { name, port }, options).into() }),
        words().prop_map(|words| Target::Exec(words).into()),
        words().prop_map(|words| Target::Pty(words).into()),
    ]
}

proptest! {
    #[test]
    fn an_address_reads_back_what_it_writes(address in addresses()) {
        let text = address.to_string();
        let back: Result<Address, _> = text.parse();
        prop_assert_eq!(back, Ok(address), "{}", text);
    }

    #[test]
    fn any_text_is_refused_or_reads_back_what_it_writes(
        text in "(usb:|tcp://|telnet://|rfc2217://|ws://|exec:|pty:|auto|/dev/|com)?[-a-z0-9:/?&=%@'\" \\[\\]]{0,24}(\\?(baud|dtr|flow)=[a-z0-9]{1,5})?",
    ) {
        match text.parse::<Address>() {
            Ok(address) if text.contains('@') => {
                let shown = address.to_string();
                prop_assert_eq!(shown.parse::<Address>().map(|address| address.to_string()), Ok(shown));
            }
            Ok(address) => prop_assert_eq!(address.to_string().parse(), Ok(address)),
            Err(error) => prop_assert!(error.to_string().contains("is not an address")),
        }
    }

    #[test]
    fn no_text_at_all_makes_it_panic(text in any::<String>()) {
        let _ = text.parse::<Address>();
    }
}
