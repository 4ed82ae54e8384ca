//! A child process as a transport, on pipes or behind a pseudo-terminal.

use std::io;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::Child;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep, timeout};

use super::address::command_line;
use super::{Closing, Transport, TransportError};

/// How much later than its output a process may end. Its end is only waited for to report the exit status.
const STATUS_GRACE: Duration = Duration::from_millis(500);

/// How long a program has to install its handler of Ctrl-C before one is sent: until then a Ctrl-C ends it.
#[cfg(unix)]
const BEGINNING: Duration = Duration::from_millis(100);

/// How long a killed child may take to be dead when the runtime shuts down. It takes less than a millisecond.
const REAP_LIMIT: Duration = Duration::from_millis(200);

/// A child process and the stream to it. The child is killed when this is dropped.
pub(super) struct ProcessTransport<S> {
    stream: S,
    description: String,
    /// Receives the status of the child when it has ended and has been reaped.
    ended: oneshot::Receiver<ExitStatus>,
    /// Dropping it kills the child.
    _alive: oneshot::Sender<()>,
    /// What has become of the command, once that is known.
    reason: Option<String>,
    /// Runs once the stream has ended.
    grace: Option<Pin<Box<Sleep>>>,
    /// Runs once the command accepts no more input.
    deaf: Option<Pin<Box<Sleep>>>,
}

/// Starts a command on pipes. What it writes to standard error goes to this program's.
pub(super) fn exec(words: &[String], description: String) -> Result<Box<dyn Transport>, TransportError> {
    let (program, arguments) = split(words)?;
    let mut command = tokio::process::Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    // A group of its own: killing it reaches what the command has started, and Ctrl-C is left to this program.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn().map_err(|source| cannot_start(words, source))?;
    let (Some(output), Some(input)) = (child.stdout.take(), child.stdin.take()) else {
        return Err(cannot_start(words, io::Error::other("its pipes are missing")));
    };
    Ok(Box::new(ProcessTransport::new(
        tokio::io::join(output, input),
        child,
        description,
    )))
}

/// Starts a command behind a pseudo-terminal of its own.
///
/// The terminal passes every byte as it is, except that Ctrl-C interrupts the command, as it does on a board.
#[cfg(unix)]
pub(super) async fn pty(words: &[String], description: String) -> Result<Box<dyn Transport>, TransportError> {
    let failed = |error: pty_process::Error| cannot_start(words, io::Error::other(error));
    let (program, arguments) = split(words)?;
    let (pty, pts) = pty_process::open().map_err(failed)?;
    make_raw(&pts).map_err(|source| cannot_start(words, source))?;
    let command = pty_process::Command::new(program)
        .args(arguments)
        .kill_on_drop(true);
    let child = command.spawn(pts).map_err(|error| match error {
        pty_process::Error::Io(source) => cannot_start(words, source),
        error => failed(error),
    })?;
    let transport = ProcessTransport::new(pty, child, description);
    sleep(BEGINNING).await;
    Ok(Box::new(transport))
}

#[cfg(not(unix))]
#[expect(clippy::unused_async, reason = "where there are pseudo-terminals it waits")]
pub(super) async fn pty(_: &[String], _: String) -> Result<Box<dyn Transport>, TransportError> {
    Err(TransportError::Unsupported("pseudo-terminals"))
}

#[cfg(unix)]
fn make_raw(terminal: impl std::os::fd::AsFd) -> io::Result<()> {
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

    const DISABLED: u8 = 0;
    let mut settings = tcgetattr(&terminal)?;
    settings.make_raw();
    settings.local_modes |= LocalModes::ISIG;
    settings.special_codes[SpecialCodeIndex::VINTR] = b'\x03';
    settings.special_codes[SpecialCodeIndex::VQUIT] = DISABLED;
    settings.special_codes[SpecialCodeIndex::VSUSP] = DISABLED;
    Ok(tcsetattr(&terminal, OptionalActions::Now, &settings)?)
}

fn split(words: &[String]) -> Result<(&String, &[String]), TransportError> {
    words
        .split_first()
        .ok_or_else(|| cannot_start(words, io::ErrorKind::InvalidInput.into()))
}

fn cannot_start(words: &[String], source: io::Error) -> TransportError {
    TransportError::Command {
        command: command_line(words),
        source,
    }
}

impl<S> ProcessTransport<S> {
    fn new(stream: S, child: Child, description: String) -> Self {
        let (alive, killed) = oneshot::channel();
        let (ending, ended) = oneshot::channel();
        // A task, and not this value, owns the child: it can wait for the child to be dead after this is dropped.
        tokio::spawn(watch(child, killed, ending));
        Self {
            stream,
            description,
            ended,
            _alive: alive,
            reason: None,
            grace: None,
            deaf: None,
        }
    }

    /// Waits for the end of a process whose output has ended, and says what became of it.
    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        if let Poll::Ready(reason) = self.poll_reason(cx) {
            return Poll::Ready(reason);
        }
        let grace = self.grace.get_or_insert_with(|| Box::pin(sleep(STATUS_GRACE)));
        ready!(grace.as_mut().poll(cx));
        Poll::Ready("the command has closed its output".to_owned())
    }

    /// The same for a process that accepts no more input. Its output can still be read meanwhile.
    fn poll_deaf(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        if let Poll::Ready(reason) = self.poll_reason(cx) {
            return Poll::Ready(reason);
        }
        let deaf = self.deaf.get_or_insert_with(|| Box::pin(sleep(STATUS_GRACE)));
        ready!(deaf.as_mut().poll(cx));
        Poll::Ready("the command reads no more".to_owned())
    }

    /// What has become of a command that has ended.
    fn poll_reason(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        if let Some(reason) = &self.reason {
            return Poll::Ready(reason.clone());
        }
        let reason = match ready!(Pin::new(&mut self.ended).poll(cx)) {
            Ok(status) => format!("the command has ended ({status})"),
            Err(_) => "the command has ended".to_owned(),
        };
        Poll::Ready(self.reason.insert(reason).clone())
    }
}

/// Waits until the child ends or is to be killed, and reaps it either way.
async fn watch(child: Child, killed: oneshot::Receiver<()>, ending: oneshot::Sender<ExitStatus>) {
    let mut child = Group(child);
    tokio::select! {
        status = child.0.wait() => if let Ok(status) = status {
            let _ = ending.send(status);
        },
        _ = killed => {
            child.kill();
            if let Ok(status) = child.0.wait().await {
                let _ = ending.send(status);
            }
        }
    }
}

/// A child and the process group that it leads, which is killed with it, also when the runtime shuts down.
struct Group(Child);

impl Group {
    fn kill(&mut self) {
        // Once the child is reaped another process may have its number, so `id` gives none any more.
        #[cfg(unix)]
        if let Some(group) = self
            .0
            .id()
            .and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()))
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.0.start_kill();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // `watch` has reaped the child, unless the runtime is shutting down and nobody else will.
        if self.0.id().is_none() {
            return;
        }
        self.kill();
        let deadline = Instant::now() + REAP_LIMIT;
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for ProcessTransport<S> {
    fn description(&self) -> &str {
        &self.description
    }

    fn close(self: Box<Self>, within: Duration) -> Closing {
        let Self {
            stream,
            mut ended,
            _alive: alive,
            ..
        } = *self;
        Box::pin(async move {
            // Most programs end when their input ends, or when their terminal hangs up.
            drop(stream);
            if timeout(within, &mut ended).await.is_err() {
                drop(alive);
                let _ = timeout(STATUS_GRACE, ended).await;
            }
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ProcessTransport<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.grace.is_none() {
            match ready!(Pin::new(&mut self.stream).poll_read(cx, buf)) {
                Ok(()) if buf.filled().len() > before || buf.remaining() == 0 => return Poll::Ready(Ok(())),
                // EIO is how a pseudo-terminal reports that nobody has it open any more.
                Ok(()) => {}
                Err(error) if error.raw_os_error() == Some(5) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        let reason = ready!(self.poll_ended(cx));
        Poll::Ready(Err(TransportError::Ended(reason.into()).into_io()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ProcessTransport<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        // The other end of a pipe or of a terminal is the command, and not a device that may be unplugged.
        match ready!(Pin::new(&mut self.stream).poll_write(cx, buf)) {
            Ok(written) => Poll::Ready(Ok(written)),
            Err(error) => {
                if let TransportError::Io(error) = TransportError::from(error) {
                    return Poll::Ready(Err(error));
                }
                let reason = ready!(self.poll_deaf(cx));
                Poll::Ready(Err(TransportError::Ended(reason.into()).into_io()))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
