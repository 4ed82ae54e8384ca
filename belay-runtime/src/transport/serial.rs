//! Serial ports. Only this file and the list of ports use `tokio_serial`.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep};
use tokio_serial::{ClearBuffer, FlowControl, SerialPort as _, SerialStream};

use crate::clock::bounded;

use super::lines::{ModemLine, steps};
use super::options::{Flow, Line, PortOptions};
use super::own::{self, Hold, Waited};
use super::port_info::PortInfo;
use super::ports::{not_found, ports};
use super::{Closing, ModemLines, Transport, TransportError};

/// How often a closing port is asked whether everything has left, since serial drivers do not notify anybody.
const DRAIN_STEP: Duration = Duration::from_millis(1);
/// How long a lock may outlive its holder: a process that another thread is just starting shares the lock until its
/// own program begins.
const LINGERING: Duration = Duration::from_millis(500);
/// How long to wait before looking again whether a busy port is free.
const BUSY_AGAIN: Duration = Duration::from_millis(10);

/// An open serial port.
#[derive(Debug)]
pub(super) struct SerialTransport {
    port: SerialStream,
    path: String,
    flow_control: bool,
    dtr: Line,
    rts: Line,
    /// Whether the port has modem lines, as found out when it was opened.
    has_lines: bool,
    // Dropped last, so that the port is closed before anybody who waits for that is told.
    hold: Hold,
}

impl SerialTransport {
    /// Opens a port for this program alone. Waits until `until` for one that this program is about to close.
    pub(super) async fn open(
        path: &str,
        options: &PortOptions,
        until: Instant,
    ) -> Result<Self, TransportError> {
        let mut patience = Instant::now() + LINGERING;
        loop {
            let opened = Self::open_lingering(path, options, patience).await;
            let Err(TransportError::Busy { .. }) = opened else {
                return opened;
            };
            match own::released(path, patience, until).await {
                Waited::Released => patience = Instant::now() + LINGERING,
                Waited::NotOurs if Instant::now() < patience => {}
                Waited::NotOurs | Waited::Kept => return opened,
            }
        }
    }

    /// Opens a port. While another program has it, tries again until `patience`.
    async fn open_lingering(
        path: &str,
        options: &PortOptions,
        patience: Instant,
    ) -> Result<Self, TransportError> {
        let (path, options) = (path.to_owned(), options.clone());
        // Setting up a USB port takes round trips on the bus, and a broken one can take seconds.
        let opening = tokio::task::spawn_blocking(move || {
            loop {
                match Self::open_blocking(path.clone(), &options) {
                    Err(TransportError::Busy { .. })
                        if own::holder(&path).is_none() && Instant::now() < patience =>
                    {
                        std::thread::sleep(BUSY_AGAIN);
                    }
                    opened => return opened,
                }
            }
        });
        opening.await.map_err(io::Error::from)?
    }

    fn open_blocking(path: String, options: &PortOptions) -> Result<Self, TransportError> {
        #[cfg(unix)]
        let _open_until_the_library_has_it = super::probe::probe(&path)?;
        let hardware = options.flow == Some(Flow::RtsCts);
        let baud = options.baud.unwrap_or(default_baud(&path));
        let builder = tokio_serial::new(&path, baud).flow_control(if hardware {
            FlowControl::Hardware
        } else {
            FlowControl::None
        });
        let mut port = SerialStream::open(&builder).map_err(|error| explain(&path, error))?;
        let has_lines = port.read_clear_to_send().is_ok();
        let (dtr, rts) = options.lines();
        let mut transport = Self {
            port,
            flow_control: match options.flow {
                Some(flow) => flow != Flow::Off,
                None => has_flow_control(&path),
            },
            hold: Hold::new(&path),
            path,
            dtr,
            rts,
            has_lines,
        };
        // With some drivers the lines can be read but not set. A port that failed for another reason fails again when
        // it is read.
        if let Err(error) = transport.restore_lines() {
            tracing::debug!(port = transport.path, %error, "the modem lines cannot be set");
            transport.has_lines = false;
        }
        Ok(transport)
    }

    /// Sets the lines that are given, in the order that [`Transport::set_lines`] promises.
    fn change_lines(&mut self, dtr: Option<bool>, rts: Option<bool>) -> Result<ModemLines, TransportError> {
        if !self.has_lines {
            return Ok(ModemLines::Unsupported);
        }
        for (line, level) in steps(dtr, rts) {
            match line {
                ModemLine::Dtr => self.port.write_data_terminal_ready(level),
                ModemLine::Rts => self.port.write_request_to_send(level),
            }
            .map_err(io::Error::from)?;
        }
        Ok(ModemLines::Set)
    }
}

/// The speed of a port unless it is given. A pseudo-terminal of macOS refuses to be given one; 0 leaves it as it is.
fn default_baud(path: &str) -> u32 {
    if cfg!(target_os = "macos") && path.starts_with("/dev/ttys") {
        0
    } else {
        PortOptions::DEFAULT_BAUD
    }
}

/// Whether a port has flow control, as far as its name and its USB numbers tell.
fn has_flow_control(path: &str) -> bool {
    let real = Path::new(path).canonicalize();
    let real = real.as_ref().ok().and_then(|path| path.to_str()).unwrap_or(path);
    if real.starts_with("/dev/pts/") || (cfg!(target_os = "macos") && real.starts_with("/dev/ttys")) {
        return true;
    }
    let ports = ports().unwrap_or_default();
    let port = ports.iter().find(|port| port.path.eq_ignore_ascii_case(real));
    // UARTs that are soldered to this machine's own processor are not listed.
    port.is_some_and(PortInfo::flow_control)
}

fn explain(path: &str, error: tokio_serial::Error) -> TransportError {
    if error.kind() != tokio_serial::ErrorKind::NoDevice {
        return TransportError::Open {
            port: path.to_owned(),
            source: error.into(),
        };
    }
    // Windows does not tell a port that is in use from one that does not exist.
    let exists = cfg!(unix) || ports().is_ok_and(|ports| ports.iter().any(|port| port.path == path));
    if exists { busy(path) } else { not_found(path) }
}

#[cfg(unix)]
use super::probe::busy;

#[cfg(not(unix))]
fn busy(path: &str) -> TransportError {
    TransportError::Busy {
        port: path.to_owned(),
        holder: own::holder(path),
    }
}

impl Transport for SerialTransport {
    fn description(&self) -> &str {
        &self.path
    }

    fn flow_control(&self) -> bool {
        self.flow_control
    }

    fn set_lines(&mut self, dtr: bool, rts: bool) -> Result<ModemLines, TransportError> {
        self.change_lines(Some(dtr), Some(rts))
    }

    fn restore_lines(&mut self) -> Result<ModemLines, TransportError> {
        self.change_lines(self.dtr.level(), self.rts.level())
    }

    fn unsent(&mut self) -> usize {
        let waiting = self.port.bytes_to_write().unwrap_or(0);
        usize::try_from(waiting).unwrap_or(usize::MAX)
    }

    fn closes_soon(&mut self) {
        self.hold.closes();
    }

    fn close(mut self: Box<Self>, within: Duration) -> Closing {
        self.hold.closes();
        Box::pin(async move {
            let deadline = Instant::now() + bounded(within);
            while Instant::now() < deadline && self.unsent() > 0 {
                sleep(DRAIN_STEP).await;
            }
        })
    }
}

impl Drop for SerialTransport {
    fn drop(&mut self) {
        // Otherwise the operating system waits half a minute for a board to take what was written to it.
        let _ = self.port.clear(ClearBuffer::Output);
        let release = |line: Line| line.level().map(|_| false);
        if let Err(error) = self.change_lines(release(self.dtr), release(self.rts)) {
            tracing::debug!(port = self.path, %error, "the modem lines could not be released");
        }
    }
}

impl AsyncRead for SerialTransport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.port).poll_read(cx, buf))?;
        if buf.filled().len() == before && buf.remaining() > 0 {
            return Poll::Ready(Err(
                TransportError::Vanished("it was unplugged or closed".into()).into_io()
            ));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SerialTransport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.port).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The operating system has the bytes already. Its call that waits until they have left blocks the thread, for
        // ever if the board does not take them.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
