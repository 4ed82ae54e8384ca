//! Values on a micro:bit with MicroPython 1.9, which has no memory for the agent: directly over its raw REPL.

use std::time::Duration;

use belay_runtime::python::{Value, to_literal};
use belay_runtime::transport::{Address, Transport};
use belay_sim::Board;
use belay_tests::PATIENCE;
use belay_tests::values::{Abilities, Floats, difference_of_repr, values};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

/// The decoder for base64 that the agent has under this name on boards without `binascii`.
const BASE64: &str = "
def B(t):
    o = bytearray()
    b = n = 0
    for c in t.rstrip('='):
        b = b << 6 | 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.find(c)
        n += 6
        if n > 7:
            n -= 8
            o.append(b >> n & 255)
            b &= (1 << n) - 1
    return bytes(o)
";

struct OldBoard {
    port: Box<dyn Transport>,
    received: Vec<u8>,
}

impl OldBoard {
    async fn open(port: &str) -> Self {
        let port = Address::serial(port).open().await.expect("the port opens");
        let mut board = Self {
            port,
            received: Vec::new(),
        };
        board.write(b"\r\x03\x03").await;
        board.write(b"\r\x01").await;
        board.read_to(b"CTRL-B to exit\r\n>").await;
        board.execute(BASE64).await;
        board
    }

    /// The output of this code. Without flow control the board can lose input while the machine that emulates it is
    /// busy; then the code is sent again.
    async fn execute(&mut self, code: &str) -> String {
        let mut exceptions = Vec::new();
        for _ in 0..3 {
            self.write(code.as_bytes()).await;
            self.write(b"\x04").await;
            self.read_to(b"OK").await;
            let output = self.read_to(b"\x04").await;
            let exception = self.read_to(b"\x04>").await;
            if exception.is_empty() {
                return output;
            }
            exceptions.push(exception);
        }
        panic!("{code}: {exceptions:?}");
    }

    /// Writes no faster than the board reads, since it has no flow control.
    async fn write(&mut self, bytes: &[u8]) {
        let mut buffer = [0; 256];
        for chunk in bytes.chunks(32) {
            self.port.write_all(chunk).await.expect("it is written");
            while let Ok(read) = timeout(Duration::from_millis(5), self.port.read(&mut buffer)).await {
                self.received
                    .extend_from_slice(&buffer[..read.expect("the port is there")]);
            }
        }
    }

    async fn read_to(&mut self, mark: &[u8]) -> String {
        let mut buffer = [0; 256];
        loop {
            if let Some(at) = self
                .received
                .windows(mark.len())
                .position(|window| window == mark)
            {
                let rest = self.received.split_off(at + mark.len());
                let mut before = std::mem::replace(&mut self.received, rest);
                before.truncate(at);
                return String::from_utf8(before).expect("it is text");
            }
            let read = timeout(PATIENCE, self.port.read(&mut buffer)).await;
            let read = read.unwrap_or_else(|_| panic!("the board sent {}", self.received.escape_ascii()));
            self.received
                .extend_from_slice(&buffer[..read.expect("the port is there")]);
        }
    }
}

#[tokio::test]
async fn the_old_board_returns_what_it_can_hold() {
    let simulated = Board::microbit().start().await.expect("the board starts");
    let mut board = OldBoard::open(simulated.port()).await;
    let abilities = Abilities {
        floats: Floats::Coarse,
        everything: false,
        unicode: true,
    };
    let mut runner = TestRunner::deterministic();
    for _ in 0..60 {
        let value: Value = values(abilities)
            .new_tree(&mut runner)
            .expect("a value")
            .current();
        let literal = to_literal(&value).expect("it can be expressed");
        let output = board.execute(&format!("print(repr({literal}))")).await;
        assert_eq!(
            difference_of_repr(&value, output.trim_end().as_bytes()),
            None,
            "{literal}"
        );
    }
}
