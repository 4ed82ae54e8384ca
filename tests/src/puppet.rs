//! A board that a test replaces once it is connected, to send answers that no real board sends.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use belay_runtime::transport::{Connector, Transport};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use crate::{Tap, tapped};

/// The length of a line to the agent.
const BLOCK: usize = 32;
/// The length of the checksum and the line end after a line's body.
const SEAL: usize = 8;

/// The secrets with which a session's frames are made.
#[derive(Debug, Clone)]
pub struct Secrets {
    nonce: Vec<u8>,
    seed: u32,
}

impl Secrets {
    /// Finds them in the source that begins a session.
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

    /// The beginning of every frame.
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

/// A request that the host has sent to the agent in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The request's number.
    pub number: u8,
    /// Its kind.
    pub kind: u8,
    /// Its body.
    pub body: String,
}

impl Asked {
    /// Takes the next request out of what the host has written, if it is complete. Bytes before it that are no request
    /// are dropped.
    ///
    /// # Panics
    ///
    /// When the host writes something that is no line to an agent.
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

/// Gets what the host has written and the script has not taken out yet, and gives what the host is to read.
type Script = Box<dyn FnMut(&Secrets, &mut Vec<u8>) -> Vec<u8> + Send>;

#[derive(Default)]
struct State {
    written: Vec<u8>,
    script: Option<(Secrets, Script)>,
    /// The script that replaces the board when the next session begins.
    later: Option<Script>,
    /// What has been answered and the host has not read yet.
    answer: Vec<u8>,
    reader: Option<Waker>,
}

/// A real board until a test [replaces it](Puppet::act).
#[derive(Clone, Default)]
pub struct Puppet {
    state: Arc<Mutex<State>>,
}

impl Puppet {
    /// A puppet for the board at this address, and the connector with which to connect through it.
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

    /// From now on the board receives nothing, and the host receives what this script answers.
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

    /// Like [`act`](Self::act), but it begins with the host's next session, with the script's answer in place of the
    /// agent's greeting.
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
