use proptest::prelude::*;

use super::numbers::{COM_PORT, ECHO};
use super::*;

/// What these bytes are decoded to: the board's bytes, and the replies.
fn decoded(telnet: &mut Telnet, came: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut data, mut replies) = (Vec::new(), Vec::new());
    telnet.decode(came, &mut data, &mut replies).unwrap();
    (data, replies)
}

fn encoded(telnet: &mut Telnet, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    telnet.encode(bytes, &mut out);
    out
}

/// A connection on which both sides send binary.
fn binary() -> Telnet {
    let mut telnet = Telnet::new();
    telnet.begin(&mut Vec::new());
    decoded(&mut telnet, &[IAC, DO, BINARY, IAC, WILL, BINARY]);
    telnet
}

#[test]
fn what_is_asked_for_is_settled_by_its_answers_and_by_nothing_else() {
    let mut telnet = Telnet::new();
    let mut out = Vec::new();
    telnet.begin(&mut out);
    assert_eq!(
        out,
        [IAC, WILL, BINARY, IAC, DO, BINARY, IAC, DO, SUPPRESS_GO_AHEAD]
    );
    let unrelated = [IAC, WILL, ECHO, b'x', IAC, 241, IAC, WILL, SUPPRESS_GO_AHEAD];
    let (data, replies) = decoded(&mut telnet, &unrelated);
    assert_eq!((data, replies), (b"x".to_vec(), vec![IAC, DO, ECHO]));
    assert!(!telnet.is_settled());
    decoded(&mut telnet, &[IAC, DO, BINARY]);
    assert!(!telnet.is_settled());
    decoded(&mut telnet, &[IAC, WONT, BINARY]);
    assert!(telnet.is_settled());
    assert!(telnet.is_binary(WILL) && !telnet.is_binary(DO));
}

#[test]
fn an_answer_is_no_question_so_that_nobody_answers_for_ever() {
    let mut telnet = binary();
    for again in [
        [IAC, DO, BINARY],
        [IAC, WILL, BINARY],
        [IAC, WONT, ECHO],
        [IAC, DONT, 99],
    ] {
        assert_eq!(decoded(&mut telnet, &again).1, []);
    }
    assert_eq!(decoded(&mut telnet, &[IAC, DONT, BINARY]).1, [IAC, WONT, BINARY]);
    assert_eq!(decoded(&mut telnet, &[IAC, DO, BINARY]).1, [IAC, WILL, BINARY]);
}

#[test]
fn what_is_unknown_is_refused_once() {
    let mut telnet = Telnet::new();
    for option in [ECHO, 24, 31, 200, 255] {
        assert_eq!(decoded(&mut telnet, &[IAC, DO, option]).1, [IAC, WONT, option]);
        assert_eq!(decoded(&mut telnet, &[IAC, DO, option]).1, []);
    }
    assert_eq!(decoded(&mut telnet, &[IAC, WILL, 200]).1, [IAC, DONT, 200]);
}

#[test]
fn without_binary_a_return_is_followed_by_a_zero_that_is_no_data() {
    let mut telnet = Telnet::new();
    assert_eq!(encoded(&mut telnet, b"\r\x03\r\n\xff"), b"\r\0\x03\r\0\n\xff\xff");
    assert_eq!(decoded(&mut telnet, b"a\r\0b\r\nc\0").0, b"a\rb\r\nc\0");
    // Also where the two arrive separately.
    assert_eq!(decoded(&mut telnet, b"\r").0, b"\r");
    assert_eq!(decoded(&mut telnet, b"\0\0").0, b"\0");
}

#[test]
fn a_long_word_about_an_option_is_dropped_and_what_follows_is_data() {
    let mut telnet = binary();
    let mut came = vec![IAC, SB, COM_PORT];
    came.resize(100_000, b'x');
    came.extend([IAC, SE, b'!']);
    assert_eq!(decoded(&mut telnet, &came), (b"!".to_vec(), vec![]));
    assert!(telnet.said.capacity() < 1024);
    // A subnegotiation that another command cuts short is not data either.
    let cut = [IAC, SB, COM_PORT, 1, IAC, DO, 77, b'!'];
    assert_eq!(decoded(&mut telnet, &cut), (b"!".to_vec(), vec![IAC, WONT, 77]));
}

proptest! {
    #[test]
    fn every_byte_arrives_both_ways_in_whatever_pieces(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        cut in 1usize..40,
        is_binary: bool,
    ) {
        let (mut sender, mut receiver) = if is_binary {
            (binary(), binary())
        } else {
            (Telnet::new(), Telnet::new())
        };
        let sent = encoded(&mut sender, &bytes);
        let mut arrived = Vec::new();
        for piece in sent.chunks(cut) {
            let (data, replies) = decoded(&mut receiver, piece);
            prop_assert!(replies.is_empty());
            arrived.extend(data);
        }
        // Without binary transmission CR travels as CR NUL and arrives as CR; a NUL that was sent behind it arrives.
        prop_assert_eq!(arrived, bytes);
    }

    #[test]
    fn whatever_comes_is_taken_and_answered_with_no_more_than_came(
        came in proptest::collection::vec(prop_oneof![Just(IAC), 240..=254u8, any::<u8>()], 0..400),
    ) {
        let (data, replies) = decoded(&mut Telnet::new(), &came);
        prop_assert!(data.len() <= came.len() && replies.len() <= came.len());
    }
}
