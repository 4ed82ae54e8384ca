use super::*;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

#[test]
fn a_handshake_is_proved_by_the_key_of_the_rfc() {
    let good = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    assert!(agrees(good.as_bytes(), KEY));
    assert!(!agrees(good.as_bytes(), "another key"));
    for (wrong, by) in [
        ("101", "200"),
        ("HTTP/1.1", "ICY"),
        ("s3p", "S3P"),
        ("Accept", "Except"),
    ] {
        assert!(!agrees(good.replace(wrong, by).as_bytes(), KEY), "{by}");
    }
    assert!(!agrees(b"", KEY));
}
