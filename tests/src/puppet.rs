//! A board whose place a test takes once it is connected, to answer what no board does.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use belay_runtime::transport::{Connector, Transport};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use crate::{Tap, tapped};

/// How long a line of the agent's is.
const BLOCK: usize = 32;
/// What stands behind a line's body.
const SEAL: usize = 8;

/// What a session's frames are made with.
#[derive(Debug, Clone)]
pub struct Secrets {
    nonce: Vec<u8>,
    seed: u32,
}

impl Secrets {
    /// What is in the source that begins a session.
    fn read(written: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(written);
        let (_, begun) = text.rsplit_once("']('")?;
        let (nonce, rest) = begun.split_once("'[:4],")?;
        let nonce = nonce.get(..4)?;
        let (seed, _) = rest.split_once(',')?;
        Some(Self {
            nonce: nonce.as_bytes().to_vec(),
            seed: seed.parse().ok()?,
        })
    }

    /// What every frame begins with.
    #[must_use]
    pub fn start(&self) -> Vec<u8> {
        [b"\x02", self.nonce.as_slice()].concat()
    }

    /// A frame as the agent would write it.
    #[must_use]
    pub fn frame(&self, number: u8, kind: u8, payload: &[u8]) -> Vec<u8> {
        let text = [&[number, kind], payload].concat();
        let mut hasher = crc32fast::Hasher::new_with_initial(self.seed);
        hasher.update(&text);
        let end = format!("{:08x}\x03", hasher.finalize());
        [self.start().as_slice(), &text, end.as_bytes()].concat()
    }
}

/// What the host asks of the agent in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The request's number.
    pub number: u8,
    /// What it is.
    pub kind: u8,
    /// The rest of it.
    pub body: String,
}

impl Asked {
    /// Takes the next request out of what the host has written, if all of it is there. What is none is dropped.
    ///
    /// # Panics
    ///
    /// When the host writes no lines of the agent's.
    pub fn next(written: &mut Vec<u8>) -> Option<Self> {
        let start = written
            .iter()
            .position(|byte| *byte == b'#')
            .unwrap_or(written.len());
        written.drain(..start);
        let line = written.get(..BLOCK)?;
        let body = String::from_utf8_lossy(&line[4..BLOCK - SEAL])
            .trim_end()
            .to_owned();
        let (number, kind) = (line[1], line[2]);
        if kind != b'l' {
            written.drain(..BLOCK);
            return Some(Self { number, kind, body });
        }
        let length: usize = body[1..].parse().expect("a length");
        let long = written.get(BLOCK..BLOCK + length)?;
        let asked = Self {
            number,
            kind: body.as_bytes()[0],
            body: String::from_utf8_lossy(&long[1..length - SEAL]).into_owned(),
        };
        written.drain(..BLOCK + length);
        Some(asked)
    }
}

/// Given what the host has written and is not dealt with yet, says what the board answers.
type Script = Box<dyn FnMut(&Secrets, &mut Vec<u8>) -> Vec<u8> + Send>;

#[derive(Default)]
struct State {
    written: Vec<u8>,
    script: Option<(Secrets, Script)>,
    /// What takes the board's place when a session begins.
    later: Option<Script>,
    /// What was answered and is not read yet.
    answer: Vec<u8>,
    reader: Option<Waker>,
}

/// A board that does what a board does until a test [takes its place](Puppet::act).
#[derive(Clone, Default)]
pub struct Puppet {
    state: Arc<Mutex<State>>,
}

impl Puppet {
    /// A puppet in the place of the board at this address, and the way to it.
    ///
    /// # Panics
    ///
    /// When this is no address.
    #[must_use]
    pub fn of(address: &str) -> (Self, Connector) {
        let puppet = Self::default();
        let strings = puppet.clone();
        (puppet, tapped(address, move || strings.clone()))
    }

    /// From now on the board hears nothing, and this says what the host hears.
    ///
    /// # Panics
    ///
    /// Before there is a session.
    pub fn act(&self, script: impl FnMut(&Secrets, &mut Vec<u8>) -> Vec<u8> + Send + 'static) {
        let mut state = self.lock();
        let secrets = Secrets::read(&state.written).expect("a session has begun");
        state.written.clear();
        state.script = Some((secrets, Box::new(script)));
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
    }

    /// As [`act`](Self::act), from when the host begins a session: instead of what the agent says first.
    pub fn act_from_the_hello(&self, script: impl FnMut(&Secrets, &mut Vec<u8>) -> Vec<u8> + Send + 'static) {
        self.lock().later = Some(Box::new(script));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Puppet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Puppet").finish_non_exhaustive()
    }
}

impl Tap for Puppet {
    fn write(
        &mut self,
        port: &mut Box<dyn Transport>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.lock();
        if state.script.is_some() {
            state.written.extend_from_slice(bytes);
            if let Some(reader) = state.reader.take() {
                reader.wake();
            }
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = ready!(Pin::new(port).poll_write(cx, bytes))?;
        state.written.extend_from_slice(&bytes[..written]);
        if let Some(secrets) = Secrets::read(&state.written)
            && let Some(script) = state.later.take()
        {
            state.script = Some((secrets, script));
            if let Some(reader) = state.reader.take() {
                reader.wake();
            }
        }
        Poll::Ready(Ok(written))
    }

    fn read(
        &mut self,
        port: &mut Box<dyn Transport>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        state.reader = Some(cx.waker().clone());
        let State {
            written,
            script: Some((secrets, script)),
            answer,
            ..
        } = &mut *state
        else {
            return Pin::new(port).poll_read(cx, buffer);
        };
        if answer.is_empty() {
            *answer = script(secrets, written);
        }
        if answer.is_empty() {
            return Poll::Pending;
        }
        let fits = answer.len().min(buffer.remaining());
        buffer.put_slice(&answer[..fits]);
        answer.drain(..fits);
        Poll::Ready(Ok(()))
    }
}
