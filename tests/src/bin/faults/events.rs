//! Events over a faulty line: each event that is received is right and comes once and in order, and lost ones are
//! counted.

use std::pin::{Pin, pin};
use std::time::Duration;

use belay::prelude::*;
use belay::{DeviceBuilder, ErrorKind};
use belay_sim::Board;
use belay_tests::tool::tells_of_the_line;
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::run::{DEADLINE, HUNG, Outcome, amid_faults, options};

#[belay::device]
trait Teller {
    /// ```python
    /// for n in range(first, first + count):
    ///     told(n)
    /// ```
    #[task]
    async fn tell(&self, first: u32, count: u32) -> Result<()>;

    /// ```python
    /// for n in range(first, first + count):
    ///     told(n)
    /// ```
    #[thread(multiple)]
    async fn tell_beside(&self, first: u32, count: u32) -> Result<ThreadHandle>;

    #[event]
    fn told(&self) -> impl Stream<Item = Result<u32>>;
}

/// A board and a device, which are kept from run to run for as long as they work.
pub(crate) struct Runner {
    board: Board,
    teller: Option<TellerDevice>,
    next: u32,
}

/// What a subscription has received.
#[derive(Debug, Default)]
struct Heard {
    last: Option<u32>,
    count: u64,
    lost: u64,
    /// Whether some losses are not counted.
    gap: bool,
}

impl Runner {
    pub(crate) async fn new() -> Self {
        let board = Board::unix()
            .start()
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        Self {
            board,
            teller: None,
            next: 0,
        }
    }

    async fn connect(&mut self) -> Result<TellerDevice> {
        if let Some(teller) = &self.teller {
            return Ok(teller.clone());
        }
        let settings: DeviceBuilder<TellerDevice> = TellerDevice::builder(self.board.port());
        let teller = settings
            .deadlines(options().deadlines)
            .timeout(DEADLINE)
            .connect()
            .await?;
        self.teller = Some(teller.clone());
        Ok(teller)
    }

    pub(crate) async fn run(&mut self, seed: u64) -> Outcome {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut outcome = Outcome::default();
        let teller = match self.connect().await {
            Ok(teller) => teller,
            Err(error) => {
                outcome.lost(format!("cannot connect: {error}"));
                return outcome;
            }
        };
        let (first, count) = (self.next, random.u32(1..80));
        // Further numbers, for the calls after the fault.
        self.next += count + 1_000;
        let mut told = pin!(teller.told());
        let beside = random.bool();
        let telling = async {
            if beside {
                teller.tell_beside(first, count).await?.join().await
            } else {
                teller.tell(first, count).await
            }
        };
        match amid_faults(&mut self.board, seed, &mut random, &mut outcome, telling).await {
            None => outcome.hung("the telling did not end".into()),
            Some(Err(error))
                if !tells_of_the_line(&error)
                    && !matches!(error.kind(), ErrorKind::ThreadLost(_) | ErrorKind::LineRead) =>
            {
                outcome.wrong(format!("the telling gave {error}"));
            }
            Some(_) => {}
        }
        let until = afterwards(&teller, first + count, &mut outcome).await;
        match until {
            None => self.hang_up().await,
            Some(until) => {
                let heard = hear(&teller, &mut told, until, &mut outcome).await;
                self.judge(&teller, &heard, &mut outcome).await;
            }
        }
        outcome.recovered = !outcome.lost && !outcome.hung;
        outcome
    }

    async fn hang_up(&mut self) {
        if let Some(teller) = self.teller.take() {
            // Closing may fail here; all that matters is that the port is free again.
            let _ = teller.close().await;
        }
    }

    /// The events that were received and those that were reported lost have to add up to all that were told.
    async fn judge(&self, teller: &TellerDevice, heard: &Heard, outcome: &mut Outcome) {
        if heard.gap || outcome.hung {
            return;
        }
        let counts = teller.device().tasks().evaluate_in("_events", "counts()").await;
        match counts.and_then(|counts| counts.to::<Vec<(u32, u64)>>()) {
            Ok(counts) if counts.iter().map(|(_, told)| told).sum::<u64>() == heard.count + heard.lost => {}
            Ok(counts) => outcome.wrong(format!("{counts:?} told, {heard:?}")),
            Err(error) => outcome.lost(format!("what was told cannot be read: {error}")),
        }
    }
}

/// Tells further events until a call works, and gives the last number; `None` if the device does not connect again.
async fn afterwards(teller: &TellerDevice, first: u32, outcome: &mut Outcome) -> Option<u32> {
    let telling = async {
        for n in first.. {
            match teller.tell(n, 1).await {
                Ok(()) => return Some(n),
                Err(error) if teller.device().session().can_execute() && tells_of_the_line(&error) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) if tells_of_the_line(&error) => return None,
                Err(error) => {
                    outcome.lost(format!("the call after it gave {error}"));
                    return None;
                }
            }
        }
        None
    };
    let told = timeout(HUNG, telling).await;
    told.unwrap_or_else(|_| {
        outcome.hung("the call after it did not end".into());
        None
    })
}

/// Receives events up to `until`, or up to a later one where that one may have been lost.
async fn hear(
    teller: &TellerDevice,
    told: &mut Pin<&mut impl Stream<Item = Result<u32>>>,
    mut until: u32,
    outcome: &mut Outcome,
) -> Heard {
    let mut heard = Heard::default();
    loop {
        match timeout(HUNG, told.next()).await {
            Err(_) => {
                outcome.hung(format!("{until} was told and not heard: {heard:?}"));
                return heard;
            }
            Ok(Some(Ok(n))) => {
                if heard.last.is_some_and(|last| last >= n) || n > until {
                    outcome.wrong(format!("{n} after {heard:?}"));
                }
                heard.last = Some(n);
                heard.count += 1;
                if n >= until {
                    return heard;
                }
            }
            Ok(Some(Err(error))) => match error.kind() {
                ErrorKind::EventsLost { lost: Some(lost), .. } => heard.lost += lost,
                ErrorKind::EventsLost { lost: None, .. } => {
                    heard.gap = true;
                    let Some(later) = afterwards(teller, until + 1, outcome).await else {
                        return heard;
                    };
                    until = later;
                }
                // The line was so bad that the board did not receive the subscription.
                ErrorKind::NotHeard(cause) if tells_of_the_line(cause) => {
                    heard.gap = true;
                    return heard;
                }
                _ => {
                    outcome.wrong(format!("the events gave {error:?}"));
                    return heard;
                }
            },
            Ok(None) => {
                outcome.wrong("the events are at their end".into());
                return heard;
            }
        }
    }
}
