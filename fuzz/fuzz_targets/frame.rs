//! The deframer: its events do not depend on how the bytes are split, no output is lost, and whatever came before, the
//! next complete frame is found.
#![no_main]

use arbitrary::Arbitrary;
use belay_runtime::protocol::{Deframer, Frame, Piece};
use libfuzzer_sys::fuzz_target;

const SEED: u32 = 7;

#[derive(Debug, Arbitrary)]
enum Part {
    Bytes(Vec<u8>),
    Frame {
        number: u8,
        kind: u8,
        payload: String,
    },
    /// The beginning of a frame, cut after so many bytes.
    Broken {
        payload: String,
        length: u8,
    },
}

impl Part {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Frame {
                number,
                kind,
                payload,
            } => frame(*number, *kind, payload),
            Self::Broken { payload, length } => {
                let mut bytes = frame(b'1', b'v', payload);
                bytes.truncate((*length).into());
                bytes
            }
        }
    }
}

fn frame(number: u8, kind: u8, payload: &str) -> Vec<u8> {
    let mut hasher = crc32fast::Hasher::new_with_initial(SEED);
    let text = [&[number, kind], payload.as_bytes()].concat();
    hasher.update(&text);
    [
        b"\x02abcd",
        &text[..],
        format!("{:08x}\x03", hasher.finalize()).as_bytes(),
    ]
    .concat()
}

#[derive(Debug, PartialEq)]
enum Seen {
    Output(Vec<u8>),
    Damaged(Vec<u8>),
    Cut,
    Frame(Frame),
}

fn see(stream: &[u8], piece: usize) -> Vec<Seen> {
    let mut deframer = Deframer::new(*b"abcd", SEED);
    let mut seen = Vec::new();
    for part in stream.chunks(piece) {
        deframer.feed(part, |piece| match (piece, seen.last_mut()) {
            (Piece::Output(more), Some(Seen::Output(output))) => output.extend(more),
            (Piece::Output(output), _) => seen.push(Seen::Output(output.to_vec())),
            (Piece::Damaged(bytes), _) => seen.push(Seen::Damaged(bytes.to_vec())),
            (Piece::Cut, _) => seen.push(Seen::Cut),
            (Piece::Frame(frame), _) => seen.push(Seen::Frame(frame)),
            (Piece::TooLong { .. }, _) => unreachable!("there is no limit"),
        });
    }
    seen
}

fuzz_target!(|parts: Vec<Part>| {
    let mut stream: Vec<u8> = parts.iter().flat_map(Part::bytes).collect();
    stream.extend(frame(b'9', b'v', "the last"));
    let seen = see(&stream, usize::MAX);
    assert_eq!(seen, see(&stream, 1));
    let last = Frame {
        number: b'9',
        kind: b'v',
        payload: b"the last".to_vec(),
    };
    assert_eq!(seen.last(), Some(&Seen::Frame(last)));
    if !seen.contains(&Seen::Cut) {
        let rebuilt = seen.iter().map(|seen| match seen {
            Seen::Output(bytes) | Seen::Damaged(bytes) => bytes.len(),
            Seen::Frame(frame) => frame.payload.len() + 16,
            Seen::Cut => 0,
        });
        assert_eq!(rebuilt.sum::<usize>(), stream.len(), "bytes are lost: {seen:?}");
    }
});
