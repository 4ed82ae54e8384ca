//! One run in which bodies ask the host, over a line that loses, damages, repeats and delays questions and answers. The
//! host function has to run once for each question, and never a second time, whatever becomes of the call.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use belay::prelude::*;
use belay_sim::{Board, Direction, Fault, Rates};
use futures_util::TryStreamExt as _;
use tokio::time::{sleep, timeout};

use super::run::{self, HUNG, HangsUp, Outcome, may_come_of_the_line};

/// How long a body may take.
const EXECUTE: Duration = Duration::from_secs(4);
/// How many calls are made at the same time.
const CALLS: u32 = 4;

#[belay::device]
trait Asking {
    /// Counts how often it is called with these arguments.
    #[host]
    async fn twice(&self, id: u32, nth: u32) -> Result<u32, String>;

    /// Gives a text back, twice.
    #[host]
    async fn echo(&self, id: u32, text: String) -> Result<String, String>;

    /// Fails.
    #[host]
    async fn fails(&self, id: u32) -> Result<(), String>;

    /// ```python
    /// total = 0
    /// for nth in range(many):
    ///     total += twice(id, nth)
    /// return total
    /// ```
    #[task]
    async fn sum(&self, id: u32, many: u32) -> Result<u32>;

    /// ```python
    /// for nth in range(many):
    ///     yield twice(id, nth)
    /// ```
    #[task]
    fn items(&self, id: u32, many: u32) -> impl Stream<Item = Result<u32>>;

    /// ```python
    /// return len(echo(id, "x" * many))
    /// ```
    #[task]
    async fn length(&self, id: u32, many: u32) -> Result<u32>;

    /// ```python
    /// try:
    ///     fails(id)
    /// except HostError as error:
    ///     return int(str(error))
    /// ```
    #[task]
    async fn caught(&self, id: u32) -> Result<u32>;

    /// ```python
    /// for nth in range(many):
    ///     twice(id, nth)
    /// ```
    #[thread(multiple)]
    async fn background(&self, id: u32, many: u32) -> Result<ThreadHandle>;

    /// ```python
    /// return a + b
    /// ```
    #[task]
    async fn add(&self, a: u32, b: u32) -> Result<u32>;
}

/// How often the host function has run for each question.
#[derive(Default)]
struct Counts(Mutex<HashMap<(u32, u32), u32>>);

impl Counts {
    fn count(&self, id: u32, nth: u32) {
        let mut counts = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *counts.entry((id, nth)).or_default() += 1;
    }

    /// For how many questions of a call the host function has run, and whether it has run twice for any.
    fn of(&self, id: u32) -> (u32, bool) {
        let counts = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let of = counts.iter().filter(|((other, _), _)| *other == id);
        of.fold((0, false), |(many, twice), (_, count)| {
            (many + 1, twice || *count > 1)
        })
    }
}

impl AskingHost for Counts {
    async fn twice(&self, id: u32, nth: u32) -> Result<u32, String> {
        self.count(id, nth);
        // Some answers take longer than the silence after which the host pings the board.
        if nth % 5 == 3 {
            sleep(Duration::from_millis(u64::from(nth) * 20)).await;
        }
        Ok(2 * nth)
    }

    async fn echo(&self, id: u32, text: String) -> Result<String, String> {
        self.count(id, 0);
        Ok([text.as_str(), text.as_str()].concat())
    }

    async fn fails(&self, id: u32) -> Result<(), String> {
        self.count(id, 0);
        Err(id.to_string())
    }
}

/// A board and the device on it, which are kept from run to run for as long as they work.
pub(crate) struct Runner {
    board: Board,
    device: Option<AskingDevice>,
    counts: Arc<Counts>,
    next_id: u32,
}

impl Runner {
    pub(crate) async fn new() -> Self {
        let board = Board::unix().start().await;
        Self {
            board: board.unwrap_or_else(|error| panic!("{error}")),
            device: None,
            counts: Arc::default(),
            next_id: 0,
        }
    }

    async fn connect(&mut self) -> Result<AskingDevice> {
        if let Some(device) = &self.device {
            return Ok(device.clone());
        }
        let mut deadlines = run::options().deadlines;
        deadlines.execute = EXECUTE;
        let device = AskingDevice::builder(self.board.port())
            .deadlines(deadlines)
            .host(Arc::clone(&self.counts))
            .connect()
            .await?;
        self.device = Some(device.clone());
        Ok(device)
    }

    pub(crate) async fn run(&mut self, seed: u64) -> Outcome {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut outcome = Outcome::default();
        let device = match self.connect().await {
            Ok(device) => device,
            Err(error) => {
                outcome.lost(format!("cannot connect: {error}"));
                return outcome;
            }
        };
        let cut = self.trouble(&mut random, &mut outcome);
        let calls: Vec<_> = (0..random.u32(1..=CALLS))
            .map(|_| {
                self.next_id += 1;
                Call::random(self.next_id, &mut random)
            })
            .collect();
        let _ = write!(outcome.scenario, "{calls:?}");
        let making = calls.iter().map(|call| call.make(&device));
        let making = futures_util::future::join_all(making);
        tokio::pin!(making);
        let given = tokio::select! {
            given = &mut making => Some(given),
            () = sleep(cut) => {
                // A cut must not last for ever.
                let _ = self.board.cable().heal();
                timeout(HUNG, making).await.ok()
            }
        };
        if let Err(error) = self.board.cable().heal() {
            outcome.lost(error.to_string());
        }
        let Some(given) = given else {
            outcome.hung("the calls did not end".into());
            self.hang_up().await;
            return outcome;
        };
        self.afterwards(&mut outcome).await;
        for (call, given) in calls.iter().zip(given) {
            self.judge(call, given, &mut outcome);
        }
        outcome.recovered = !outcome.lost && !outcome.hung;
        outcome
    }

    /// Draws a fault and injects it. Gives for how long it may last.
    fn trouble(&self, random: &mut fastrand::Rng, outcome: &mut Outcome) -> Duration {
        let cable = self.board.cable();
        let mut planned = Ok(());
        let mut lasts = HUNG;
        match random.u8(0..4) {
            0 => {
                let direction = Direction::BOTH[random.usize(0..2)];
                let fault = [Fault::Drop, Fault::Repeat, Fault::Flip(0), Fault::Cut][random.usize(0..4)];
                let at = random.u64(0..600);
                let _ = write!(outcome.scenario, "{fault:?} of byte {at} {direction:?}; ");
                if fault == Fault::Cut {
                    lasts = Duration::from_millis(random.u64(50..3_000));
                }
                planned = cable.once(direction, at, fault);
            }
            kind => {
                let most = [0.0005, 0.002, 0.005][usize::from(kind - 1)];
                let rate = |random: &mut fastrand::Rng| if random.bool() { random.f64() * most } else { 0.0 };
                for direction in Direction::BOTH {
                    let rates = Rates {
                        drop: rate(random),
                        repeat: rate(random),
                        flip: rate(random),
                        noise: 0.0,
                        delay: rate(random),
                        delay_by: Duration::from_millis(random.u64(1..250)),
                    };
                    let _ = write!(outcome.scenario, "{direction:?} {rates:?}; ");
                    planned = planned.and(cable.set_rates(direction, rates, random.u64(..)));
                }
            }
        }
        if let Err(error) = planned {
            outcome.lost(error.to_string());
        }
        lasts
    }

    fn judge(&self, call: &Call, given: Result<u32>, outcome: &mut Outcome) {
        let (ran, twice) = self.counts.of(call.id);
        if twice {
            outcome.wrong(format!("a question of {call:?} has run twice"));
        }
        match given {
            Ok(value) if value == call.expected() && ran == call.questions() => {}
            Ok(value) => outcome.wrong(format!("{call:?} gave {value} after {ran} questions")),
            Err(error) if may_come_of_the_line(&error) => {}
            Err(error) => outcome.wrong(format!("{call:?}: an error that says something else: {error:?}")),
        }
    }

    /// The next call has to work, if need be over a new connection.
    async fn afterwards(&mut self, outcome: &mut Outcome) {
        let using = async |runner: &mut Self| {
            runner.next_id += 1;
            let id = runner.next_id;
            runner.connect().await?.sum(id, 3).await
        };
        if let Some(sum) = run::again(self, "the next call", using, outcome).await
            && sum != 6
        {
            outcome.wrong(format!("the next call gave {sum}"));
        }
    }
}

impl HangsUp for Runner {
    async fn hang_up(&mut self) {
        if let Some(device) = self.device.take() {
            // Closing may fail here; all that matters is that the port is free again.
            let _ = device.close().await;
        }
    }
}

#[derive(Debug)]
struct Call {
    id: u32,
    kind: Kind,
    many: u32,
}

#[derive(Debug)]
enum Kind {
    Sum,
    Items,
    Length,
    Caught,
    Thread,
    Add,
}

impl Call {
    fn random(id: u32, random: &mut fastrand::Rng) -> Self {
        let (kind, many) = match random.u8(0..9) {
            0..3 => (Kind::Sum, random.u32(0..10)),
            3 => (Kind::Items, random.u32(0..10)),
            4 => (Kind::Length, [3, 100, 900][random.usize(0..3)]),
            5 => (Kind::Caught, 1),
            6 => (Kind::Thread, random.u32(0..5)),
            _ => (Kind::Add, random.u32(0..1000)),
        };
        Self { id, kind, many }
    }

    fn questions(&self) -> u32 {
        match self.kind {
            Kind::Sum | Kind::Items | Kind::Thread => self.many,
            Kind::Length | Kind::Caught => 1,
            Kind::Add => 0,
        }
    }

    fn expected(&self) -> u32 {
        match self.kind {
            Kind::Sum | Kind::Items => self.many * self.many.saturating_sub(1),
            Kind::Length => 2 * self.many,
            Kind::Caught => self.id,
            Kind::Thread => 0,
            Kind::Add => self.many + 1,
        }
    }

    async fn make(&self, device: &AskingDevice) -> Result<u32> {
        match self.kind {
            Kind::Sum => device.sum(self.id, self.many).await,
            Kind::Items => {
                let items: Vec<u32> = device.items(self.id, self.many).try_collect().await?;
                Ok(items.into_iter().sum())
            }
            Kind::Length => device.length(self.id, self.many).await,
            Kind::Caught => device.caught(self.id).await,
            Kind::Thread => {
                device.background(self.id, self.many).await?.join().await?;
                Ok(0)
            }
            Kind::Add => device.add(self.many, 1).await,
        }
    }
}
