//! A scripted board in memory, which answers at once, so that only the host's own time is left.
//!
//! It speaks as much of the raw REPL and of the agent's protocol as the executors use.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use belay::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const RAW_BANNER: &[u8] = b"raw REPL; CTRL-B to exit\r\n>";
/// The block length with which the host has started the agent.
const BLOCK: usize = 32;
/// The length of the checksum at the end of each request, which need not be checked here.
const CHECKSUM: usize = 8;

/// The probe's report of a board that has everything, and on which nothing is deployed.
const REPORT: &str = "(('1.26.1','Scripted board',2822,2,['native'],True,True,True,True,True),([],False))";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Friendly,
    Raw,
    Paste,
    Agent,
}

/// A transport to such a board.
#[derive(Debug)]
pub(crate) struct Scripted {
    mode: Mode,
    received: Vec<u8>,
    code: Vec<u8>,
    to_host: VecDeque<u8>,
    reader: Option<Waker>,
    nonce: Vec<u8>,
    seed: u32,
    /// Whether the only thread was asked to stop.
    stopped: AtomicBool,
}

impl Scripted {
    pub(crate) fn new() -> Self {
        Self {
            mode: Mode::Friendly,
            received: Vec::new(),
            code: Vec::new(),
            to_host: VecDeque::new(),
            reader: None,
            nonce: Vec::new(),
            seed: 0,
            stopped: AtomicBool::new(false),
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        self.to_host.extend(bytes);
    }

    /// Handles what has been received, as far as it is complete.
    fn take(&mut self) {
        let received = std::mem::take(&mut self.received);
        let mut rest = &received[..];
        while !rest.is_empty() {
            if self.mode == Mode::Agent {
                let Some(used) = self.request(rest) else { break };
                rest = &rest[used..];
            } else {
                self.key(rest[0]);
                rest = &rest[1..];
            }
        }
        self.received = rest.to_vec();
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Handles one byte at one of the prompts.
    fn key(&mut self, byte: u8) {
        match (byte, self.mode) {
            (4, Mode::Paste) => {
                self.say(b"\x04");
                self.run();
            }
            (4, Mode::Raw) => {
                self.say(b"OK");
                self.run();
            }
            (1, Mode::Raw) if self.code.ends_with(b"\x05A") => {
                self.code.clear();
                self.mode = Mode::Paste;
                // A window that no source exceeds.
                self.say(b"R\x01\xff\xff\x01");
            }
            (1, _) => {
                self.code.clear();
                self.mode = Mode::Raw;
                self.say(RAW_BANNER);
            }
            (2, _) => {
                self.mode = Mode::Friendly;
                self.say(b"\r\n>>> ");
            }
            (3 | b'\r', Mode::Friendly) => {
                self.code.clear();
                self.say(b"\r\n>>> ");
            }
            (3, _) => self.code.clear(),
            _ => self.code.push(byte),
        }
    }

    /// Executes the source: it loads the agent, asks whether it is there, or prints something.
    fn run(&mut self) {
        let code = String::from_utf8_lossy(&std::mem::take(&mut self.code)).into_owned();
        self.mode = Mode::Raw;
        if code.contains("mem_free()")
            && let Some((_, print)) = code.split_once("print('")
        {
            let mark = print.split('%').next().unwrap_or_default();
            self.say(format!("{mark}200000,0.\r\n").as_bytes());
        } else if let Some((_, begin)) = code.rsplit_once("']('") {
            let mut words = begin.split([',', ')', '\'']);
            self.nonce = words.next().unwrap_or_default().as_bytes().to_vec();
            let seed = words.find(|word| !word.is_empty()).unwrap_or_default();
            self.seed = seed.parse().unwrap_or(0);
            self.mode = Mode::Agent;
            self.frame("-h7 micropython scripted 200000 190000");
            return;
        } else if let Some((_, print)) = code.split_once("print('") {
            let said: String = print.split('\'').step_by(2).collect();
            self.say(said.as_bytes());
            self.say(b"\r\n");
        }
        self.say(b"\x04\x04>");
    }

    fn frame(&mut self, text: &str) {
        let mut checksum = crc32fast::Hasher::new_with_initial(self.seed);
        checksum.update(text.as_bytes());
        let checksum = format!("{:08x}", checksum.finalize());
        self.to_host.push_back(2);
        let nonce = self.nonce.clone();
        self.say(&nonce);
        self.say(text.as_bytes());
        self.say(checksum.as_bytes());
        self.to_host.push_back(3);
    }

    /// Answers the request at the beginning of `bytes`, and gives its length; `None` if it is not complete.
    fn request(&mut self, bytes: &[u8]) -> Option<usize> {
        if bytes[0] < b' ' {
            return Some(1);
        }
        let head = bytes.get(..BLOCK)?;
        let number = char::from(head[1]);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let (kind, body, used) = if head[2] == b'l' {
            let size: usize = text(&head[5..BLOCK - CHECKSUM]).parse().unwrap_or(0);
            let body = bytes.get(BLOCK..BLOCK + size)?;
            (head[4], text(&body[1..size - CHECKSUM]), BLOCK + size)
        } else {
            (head[2], text(&head[4..BLOCK - CHECKSUM]), BLOCK)
        };
        match kind {
            b'c' => self.frame(&format!("{number}v3")),
            b'e' => {
                let value = self.evaluate(&body);
                self.frame(&format!("{number}v{value}"));
            }
            b'p' => self.frame(&format!("{number}o{body}")),
            b'q' => {
                self.frame(&format!("{number}q"));
                self.mode = Mode::Raw;
                self.say(b"\x04\x04>");
            }
            _ => self.frame(&format!("{number}vNone")),
        }
        Some(used)
    }

    fn evaluate(&self, expression: &str) -> &'static str {
        if expression.contains("X('_probe'") {
            REPORT
        } else if expression.starts_with("D(") {
            "'f0'"
        } else if expression.contains("['start']") {
            self.stopped.store(false, Ordering::Relaxed);
            "True"
        } else if expression.contains("['stop']") {
            self.stopped.store(true, Ordering::Relaxed);
            "None"
        } else if expression.contains("['report']") {
            "[]"
        } else {
            "None"
        }
    }
}

impl AsyncRead for Scripted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.to_host.is_empty() {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let (bytes, _) = self.to_host.as_slices();
        let count = bytes.len().min(buffer.remaining());
        buffer.put_slice(&bytes[..count]);
        self.to_host.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.received.extend_from_slice(bytes);
        self.take();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Transport for Scripted {
    fn description(&self) -> &'static str {
        "a scripted board"
    }
}
