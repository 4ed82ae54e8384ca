use super::*;
use crate::transport::net::codec::Codec as _;
use crate::transport::net::telnet::Telnet;

fn serial(query: &str) -> Serial {
    Serial::new(&PortOptions::parse(query).unwrap())
}

/// The commands for the port, one by one.
fn said(say: impl FnOnce(&mut Vec<u8>)) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    say(&mut out);
    let end = [255, 240];
    let begin = [255, 250, 44];
    let mut words = Vec::new();
    while let Some(at) = out.windows(2).position(|window| window == end) {
        let rest = out.split_off(at + 2);
        let word = out.strip_prefix(&begin).unwrap();
        words.push(word[..word.len() - 2].to_vec());
        out = rest;
    }
    assert_eq!(out, []);
    words
}

#[test]
fn a_port_is_set_up_as_one_of_this_machine_is() {
    assert_eq!(
        said(|out| serial("baud=65535").begin(out)),
        [
            vec![SET_DATA_BITS, 8],
            vec![SET_PARITY, 1],
            vec![SET_STOP_BITS, 1],
            vec![SET_CONTROL, NO_FLOW_CONTROL],
            vec![SET_CONTROL, DTR_ON],
            vec![SET_CONTROL, RTS_ON],
            // A byte that would begin a command is doubled.
            vec![SET_BAUD, 0, 0, 255, 255, 255, 255],
        ]
    );
    let words = said(|out| serial("flow=rtscts&dtr=keep").begin(out));
    assert_eq!(words[3], [SET_CONTROL, HARDWARE_FLOW_CONTROL]);
    assert_eq!(words[4], [SET_BAUD, 0, 1, 0xc2, 0]);
}

#[test]
fn lines_change_in_the_order_that_resets_no_board_and_are_released_at_the_end() {
    let set = |dtr, rts| {
        said(|out| {
            set_lines(Some(dtr), Some(rts), out);
        })
    };
    let control = |value| vec![SET_CONTROL, value];
    assert_eq!(set(false, true), [control(DTR_OFF), control(RTS_ON)]);
    assert_eq!(set(true, false), [control(RTS_OFF), control(DTR_ON)]);
    let released = said(|out| serial("dtr=on&rts=keep").release_lines(out));
    assert_eq!(released, [control(DTR_OFF)]);
}

#[test]
fn the_server_says_what_it_has_set_and_when_it_wants_no_more() {
    let mut telnet = Telnet::with_serial(serial("baud=9600"));
    let mut hears = |words: &[u8]| {
        let mut came = Vec::new();
        say(words, &mut came);
        telnet.decode(&came, &mut Vec::new(), &mut Vec::new()).unwrap();
        (telnet.serial().unwrap().baud_set, telnet.is_held())
    };
    // What is too short or too long, or is no answer, changes nothing.
    for words in [
        &[][..],
        &[101],
        &[101, 1, 2, 3],
        &[101, 1, 2, 3, 4, 5],
        &[1, 0, 0, 0x25, 0x80],
    ] {
        assert_eq!(hears(words), (None, false));
    }
    assert_eq!(hears(&[101, 0, 0, 0x25, 0x80]), (Some(9600), false));
    assert_eq!(hears(&[108]), (Some(9600), true));
    assert_eq!(hears(&[109]), (Some(9600), false));
}
