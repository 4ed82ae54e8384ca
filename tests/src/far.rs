//! A slow line to somewhere far away: it adds a delay, loses packets (seen through TCP, as late bytes), and can be cut.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use belay_runtime::transport::Address;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// TCP's retransmission time-out: a lost packet, and all that follow it, come this much later.
const AGAIN: Duration = Duration::from_millis(200);

/// A proxy, which forwards every connection to another address for as long as this value lives.
#[derive(Debug)]
pub struct Far {
    place: SocketAddr,
    to: Arc<Mutex<Address>>,
    state: watch::Sender<State>,
    carried: Carried,
    task: JoinHandle<()>,
}

/// How many packets have been forwarded, and how many bytes were in them.
#[derive(Debug, Clone, Default)]
struct Carried(Arc<[AtomicU64; 2]>);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    delay: Duration,
    loss: u8,
    cut: bool,
}

impl Far {
    /// Listens at `place`, and forwards to the address `to`.
    ///
    /// # Errors
    ///
    /// When the address `place` cannot be listened at.
    pub async fn new(place: &str, to: Address) -> io::Result<Self> {
        let listener = TcpListener::bind(place).await?;
        let place = listener.local_addr()?;
        let state = watch::Sender::new(State::default());
        let to = Arc::new(Mutex::new(to));
        let (told, leads) = (state.clone(), Arc::clone(&to));
        let carried = Carried::default();
        let counts = carried.clone();
        let task = tokio::spawn(async move {
            let mut seed = 0;
            while let Ok((near, _)) = listener.accept().await {
                let _ = near.set_nodelay(true);
                // Opening can fail while the port's previous user is still closing it.
                let to = leads.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let Ok(far) = to.open().await else { continue };
                let (near, far) = (tokio::io::split(near), tokio::io::split(far));
                let lines = [told.subscribe(), told.subscribe()];
                let random = [fastrand::Rng::with_seed(seed), fastrand::Rng::with_seed(seed + 1)];
                seed += 2;
                let counts = [counts.clone(), counts.clone()];
                tokio::spawn(async move {
                    let ([there, back], [one, other], [up, down]) = (lines, random, counts);
                    // When one direction has ended, the connection is closed in both.
                    tokio::select! {
                        () = carry(near.0, far.1, there, one, up) => {}
                        () = carry(far.0, near.1, back, other, down) => {}
                    }
                });
            }
        });
        Ok(Self {
            place,
            to,
            state,
            carried,
            task,
        })
    }

    /// The address at which it listens.
    pub fn place(&self) -> SocketAddr {
        self.place
    }

    /// Forwards later connections to this address.
    pub fn leads_to(&self, to: Address) {
        *self.to.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }

    /// How many packets have been forwarded, and how many bytes were in them, over both directions.
    pub fn carried(&self) -> [u64; 2] {
        let [packets, bytes] = &*self.carried.0;
        [packets, bytes].map(|count| count.load(Ordering::Relaxed))
    }

    /// From now on every packet takes `delay` in either direction, and `loss` of a hundred packets are lost.
    pub fn is_bad(&self, delay: Duration, loss: u8) {
        self.state
            .send_modify(|state| (state.delay, state.loss) = (delay, loss));
    }

    /// Cuts the line, or heals it; what was held back meanwhile then comes through.
    pub fn is_cut(&self, cut: bool) {
        self.state.send_modify(|state| state.cut = cut);
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<State>,
    mut random: fastrand::Rng,
    carried: Carried,
) {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Vec<u8>)>(64);
    let mut told = state.clone();
    let late = async move {
        while let Some((at, bytes)) = receiver.recv().await {
            sleep_until(at).await;
            let healed = told.wait_for(|state| !state.cut).await.is_ok();
            if !healed || to.write_all(&bytes).await.is_err() || to.flush().await.is_err() {
                return;
            }
        }
    };
    let reads = async move {
        // About as much as a packet contains.
        let mut buffer = vec![0; 1400];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            carried.0[0].fetch_add(1, Ordering::Relaxed);
            carried.0[1].fetch_add(count as u64, Ordering::Relaxed);
            let State { delay, loss, .. } = *state.borrow_and_update();
            let lost = random.u8(..100) < loss;
            let at = Instant::now() + delay + if lost { AGAIN } else { Duration::ZERO };
            if sender.send((at, buffer[..count].to_vec())).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(late, reads);
}
