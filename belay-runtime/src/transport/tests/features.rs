use super::super::TransportError;
use super::{open, text};

#[tokio::test]
async fn an_address_without_its_feature_says_which_one_it_needs() {
    for (address, feature, built) in [
        ("/dev/tty-of-no-board", "serial", cfg!(feature = "serial")),
        ("usb:dead:beef", "serial", cfg!(feature = "serial")),
        ("exec:/no/such/program", "process", cfg!(feature = "process")),
        ("pty:/no/such/program", "process", cfg!(feature = "process")),
        ("tcp://127.0.0.1:1", "tcp", cfg!(feature = "tcp")),
        ("telnet://127.0.0.1:1", "telnet", cfg!(feature = "telnet")),
        ("rfc2217://127.0.0.1:1", "rfc2217", cfg!(feature = "rfc2217")),
        ("ws://127.0.0.1:1", "webrepl", cfg!(feature = "webrepl")),
    ] {
        let error = open(address).await.err().expect(address);
        let missing = matches!(error, TransportError::NotBuilt { .. });
        assert_eq!(missing, !built, "{error}");
        if missing {
            assert!(!error.is_retryable());
            let help = format!("run `cargo add belay-rs --features {feature}`");
            let text = text(&error);
            assert!(text.contains(address) && text.contains(&help), "{text}");
        }
    }
}
