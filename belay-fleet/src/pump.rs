//! Moves bytes between a stream of this machine and one of the network, the same on both sides.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use zenoh::Session;
use zenoh::handlers::FifoChannelHandler;
use zenoh::pubsub::{Publisher, Subscriber};
use zenoh::qos::CongestionControl;
use zenoh::sample::Sample;

use crate::FleetError;
use crate::wire::Piece;

/// How many bytes of a stream may be on their way in either direction: what is more waits where it comes from.
pub const WINDOW: u64 = 64 * 1024;
/// After how much more that was taken that is said at once. What is less is said with the next sign of life: a call and its
/// answer are no more than two messages.
const TAKES: u64 = WINDOW / 4;
/// How much is sent in one piece.
const CHUNK: usize = 8 * 1024;
/// How often a stream on which nothing else happens is said to be alive, and after how long without a sign it is over.
const BEAT: Duration = Duration::from_millis(500);
const SILENCE: Duration = Duration::from_secs(5);

/// One end of a stream.
pub(crate) struct Pump {
    publisher: Publisher<'static>,
    subscriber: Subscriber<FifoChannelHandler<Sample>>,
}

/// What the other side was sent and has taken.
type Credit = watch::Sender<u64>;

impl Pump {
    /// Listens to one key and speaks on another.
    pub(crate) async fn new(session: &Session, hears: String, says: String) -> Result<Self, FleetError> {
        let subscriber = session
            .declare_subscriber(hears)
            .await
            .map_err(FleetError::network)?;
        let publisher = session
            .declare_publisher(says)
            .congestion_control(CongestionControl::Block)
            .express(true)
            .await
            .map_err(FleetError::network)?;
        Ok(Self {
            publisher,
            subscriber,
        })
    }

    /// Moves bytes until either side is at its end, or one has not been heard of for too long; or it is
    /// to end; gives the stream of this machine back, and says why.
    pub(crate) async fn run<S: AsyncRead + AsyncWrite + Unpin + Send>(
        &self,
        stream: S,
        ends: impl Future,
    ) -> (S, &'static str) {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let credit = watch::channel(0).0;
        let taken = AtomicU64::new(0);
        let (queue, queued) = mpsc::unbounded_channel();
        let why = tokio::select! {
            why = self.sends(&mut reader, &credit) => why,
            why = self.hears(&queue, &credit, &taken) => why,
            why = self.writes(&mut writer, queued, &taken) => why,
            why = self.beats(&taken) => why,
            _ = ends => "it is to end",
        };
        // A network that takes nothing is no reason to keep a port.
        let _ = tokio::time::timeout(BEAT, self.publisher.put(Piece::End.write()).into_future()).await;
        (reader.unsplit(writer), why)
    }

    /// Reads what is to be sent, as far as the other side has taken what was sent before.
    async fn sends<S: AsyncRead>(&self, reader: &mut ReadHalf<S>, credit: &Credit) -> &'static str {
        let mut taken = credit.subscribe();
        let mut sent: u64 = 0;
        let mut chunk = vec![0; CHUNK];
        loop {
            // What the other side claims to have taken is checked against what was sent.
            let may_go = |taken: &u64| sent.checked_sub(*taken).is_none_or(|unread| unread < WINDOW);
            let Ok(taken) = taken.wait_for(may_go).await.map(|taken| *taken) else {
                return "the stream has ended";
            };
            let Some(unread) = sent.checked_sub(taken) else {
                return "the other side acknowledges bytes that were never sent";
            };
            let most = usize::try_from(WINDOW - unread).map_or(CHUNK, |room| room.min(CHUNK));
            match reader.read(&mut chunk[..most]).await {
                Ok(count) if count > 0 => {
                    let piece = Piece::Data(sent, &chunk[..count]).write();
                    if self.publisher.put(piece).await.is_err() {
                        return "the network takes nothing more";
                    }
                    sent += count as u64;
                }
                _ => return "this side has ended",
            }
        }
    }

    /// Takes what comes from the network.
    async fn hears(
        &self,
        queue: &mpsc::UnboundedSender<Option<Vec<u8>>>,
        credit: &Credit,
        taken: &AtomicU64,
    ) -> &'static str {
        let mut received: u64 = 0;
        let mut silent_at = Instant::now() + SILENCE;
        loop {
            let sample = tokio::select! {
                sample = self.subscriber.recv_async() => sample,
                () = sleep_until(silent_at) => return "the other side is not heard of any more",
            };
            let Ok(sample) = sample else {
                return "the network has ended";
            };
            silent_at = Instant::now() + SILENCE;
            let bytes = sample.payload().to_bytes();
            match Piece::read(&bytes) {
                Some(Piece::Data(at, data)) => {
                    let unwritten = received - taken.load(Ordering::Relaxed);
                    if at != received || unwritten + data.len() as u64 > WINDOW {
                        return "bytes are missing, or are more than may be on their way";
                    }
                    received += data.len() as u64;
                    if queue.send(Some(data.to_vec())).is_err() {
                        return "this side takes nothing more";
                    }
                }
                Some(Piece::Taken(count)) => {
                    // Never less than before; `sends` looks whether it is too much.
                    credit.send_if_modified(|taken| std::mem::replace(taken, count.max(*taken)) < count);
                }
                Some(Piece::End) => {
                    if queue.send(None).is_err() {
                        return "the other side has ended";
                    }
                }
                None => return "what comes is no piece of a stream",
            }
        }
    }

    /// Writes what was taken, in its order.
    async fn writes<S: AsyncWrite>(
        &self,
        writer: &mut WriteHalf<S>,
        mut queued: mpsc::UnboundedReceiver<Option<Vec<u8>>>,
        taken: &AtomicU64,
    ) -> &'static str {
        let mut said = 0;
        while let Some(data) = queued.recv().await {
            let Some(data) = data else {
                return "the other side has ended";
            };
            if writer.write_all(&data).await.is_err() || writer.flush().await.is_err() {
                return "this side takes nothing more";
            }
            let count = taken.fetch_add(data.len() as u64, Ordering::Relaxed) + data.len() as u64;
            if count - said < TAKES {
                continue;
            }
            said = count;
            if self.publisher.put(Piece::Taken(count).write()).await.is_err() {
                return "the network takes nothing more";
            }
        }
        "the stream has ended"
    }

    /// Says that this side is alive.
    async fn beats(&self, taken: &AtomicU64) -> &'static str {
        loop {
            tokio::time::sleep(BEAT).await;
            let piece = Piece::Taken(taken.load(Ordering::Relaxed));
            if self.publisher.put(piece.write()).await.is_err() {
                return "the network takes nothing more";
            }
        }
    }
}
