use proptest::prelude::*;

use super::*;

fn decoded(socket: &mut WebSocket, came: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Cow<'static, str>> {
    let (mut data, mut replies) = (Vec::new(), Vec::new());
    socket.decode(came, &mut data, &mut replies)?;
    Ok((data, replies))
}

/// A frame from the server.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | kind];
    match payload.len() {
        length @ ..126 => frame.push(u8::try_from(length).unwrap()),
        length @ ..0x1_0000 => {
            frame.push(126);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// The payloads that a server reads in a client's bytes.
fn unmasked(mut sent: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [kind, length, a, b, c, d, rest @ ..] = sent {
        assert_eq!(length & MASKED, MASKED);
        let (payload, rest) = rest.split_at(usize::from(length & 0x7f));
        let mask = [*a, *b, *c, *d];
        let plain = payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask);
        frames.push((*kind, plain.collect()));
        sent = rest;
    }
    assert_eq!(sent, []);
    frames
}

#[test]
fn frames_of_every_length_arrive_in_whatever_pieces() {
    for length in [0, 1, 125, 126, 127, 255, 256, 65535, 65536, 100_000] {
        let payload: Vec<u8> = (0..=250).cycle().take(length).collect();
        let mut came = frame(IS_TEXT, &payload);
        came.extend(frame(IS_BINARY, b"\xff\x80"));
        for cut in [1, 7, 4096] {
            let mut socket = WebSocket::new(1);
            let mut arrived = Vec::new();
            for piece in came.chunks(cut) {
                arrived.extend(decoded(&mut socket, piece).unwrap().0);
            }
            assert_eq!(arrived.len(), length + 2);
            assert_eq!(&arrived[..length], payload);
        }
    }
}

#[test]
fn a_length_that_is_a_lie_takes_no_memory() {
    let mut socket = WebSocket::new(1);
    let lie = [0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255, b'x'];
    let (data, _) = decoded(&mut socket, &lie).unwrap();
    assert_eq!(data, b"x");
    assert!(data.capacity() < 1024);
}

#[test]
fn a_ping_is_answered_and_a_close_ends_it() {
    let mut socket = WebSocket::new(1);
    let (data, replies) = decoded(&mut socket, &frame(IS_PING, b"are you there")).unwrap();
    assert_eq!(
        (data, unmasked(&replies)),
        (vec![], vec![(PONG, b"are you there".to_vec())])
    );
    assert_eq!(
        decoded(&mut socket, &frame(IS_PONG, b"")).unwrap(),
        (vec![], vec![])
    );
    let why = decoded(&mut socket, &frame(IS_CLOSE, b"")).unwrap_err();
    assert_eq!(why, "the other side closed it");
}

#[test]
fn what_is_no_frame_ends_it() {
    for came in [
        &b"HTTP/1.1 200 OK\r\n"[..],
        // A masked frame, one with an extension, one of an unknown kind, one that is longer than its kind may be.
        &[0x81, 0x81, 0, 0, 0, 0, 0],
        &[0xc1, 1, 0],
        &[0x83, 0],
        &[0x89, 126, 0, 126],
        &[0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255],
    ] {
        assert!(decoded(&mut WebSocket::new(1), came).is_err(), "{came:?}");
    }
}

#[test]
fn what_is_sent_is_text_in_short_frames_with_masks_of_their_own() {
    let mut socket = WebSocket::new(7);
    let mut out = Vec::new();
    // This is not text as the RFC wants it: MicroPython reads it all the same.
    socket.encode(&[0xff; 300], &mut out);
    assert_ne!(out[2..6], out[2 + 131..6 + 131]);
    let frames = unmasked(&out);
    assert!(
        frames
            .iter()
            .all(|(kind, payload)| *kind == TEXT && payload.len() <= MOST_SENT)
    );
    assert_eq!(
        frames
            .into_iter()
            .flat_map(|(_, payload)| payload)
            .collect::<Vec<_>>(),
        [0xff; 300]
    );
}

proptest! {
    #[test]
    fn whatever_comes_is_taken_or_refused(came in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok((data, replies)) = decoded(&mut WebSocket::new(3), &came) {
            prop_assert!(data.len() <= came.len() && replies.len() <= 4 * came.len());
        }
    }
}
