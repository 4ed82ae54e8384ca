//! One run with objects that stay on the board: each handle refers to the object that it came with, each call of an
//! object's method runs once, and objects without a handle are released.

use std::fmt::Write as _;
use std::time::Duration;

use belay::prelude::*;
use belay::{DeviceBuilder, ErrorKind};
use belay_sim::Board;
use futures_util::TryStreamExt as _;
use tokio::time::{sleep, timeout};

use super::run::{self, DEADLINE, HUNG, HangsUp, Outcome, amid_faults, may_come_of_the_line, options};

/// How many calls are made at the same time.
const CALLS: usize = 4;

#[belay::device]
trait Keeping {
    /// ```python
    /// class Thing:
    ///     def __init__(self, name):
    ///         self.name = name
    ///         self.asked = []
    ///
    ///     def ask(self, id):
    ///         self.asked.append(id)
    ///         return self.name
    /// ```
    #[setup]
    async fn classes(&self) -> Result<()>;

    /// ```python
    /// return [Thing(name) for name in range(first, first + many)]
    /// ```
    #[task]
    async fn things(&self, first: u32, many: u32) -> Result<Vec<Remote>>;

    /// ```python
    /// for name in range(first, first + many):
    ///     yield Thing(name)
    /// ```
    #[task]
    fn each(&self, first: u32, many: u32) -> impl Stream<Item = Result<Remote>>;

    /// ```python
    /// return thing.ask(id)
    /// ```
    #[task]
    async fn ask(&self, thing: &Remote, id: u32) -> Result<u32>;
}

/// A board, and for as long as they work a device and one object on it that all calls use.
pub(crate) struct Runner {
    board: Board,
    kept: Option<(KeepingDevice, Remote)>,
    /// How often a device was connected.
    connected: u32,
    next: u32,
}

/// The result of a call: some objects and the name of the first, or the name that an object has answered.
enum Given {
    Things(u32, Vec<Remote>),
    Name(u32),
}

impl Runner {
    pub(crate) async fn new() -> Self {
        let board = Board::unix().start().await;
        Self {
            board: board.unwrap_or_else(|error| panic!("{error}")),
            kept: None,
            connected: 0,
            next: 1,
        }
    }

    async fn connect(&mut self) -> Result<(KeepingDevice, Remote)> {
        if let Some(kept) = &self.kept {
            return Ok(kept.clone());
        }
        let settings: DeviceBuilder<KeepingDevice> = KeepingDevice::builder(self.board.port());
        let settings = settings.deadlines(options().deadlines).timeout(DEADLINE);
        let device = settings.connect().await?;
        let mut things = device.things(0, 1).await?;
        let kept = (device, things.remove(0));
        self.connected += 1;
        self.kept = Some(kept.clone());
        Ok(kept)
    }

    pub(crate) async fn run(&mut self, seed: u64) -> Outcome {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut outcome = Outcome::default();
        let Some((device, asked)) = run::again(self, "a device", Self::connect, &mut outcome).await else {
            return outcome;
        };
        let before = (self.connected, device.device().session().epoch());
        let calls: Vec<_> = (0..random.usize(1..=CALLS))
            .map(|_| Call::random(&mut self.next, &mut random))
            .collect();
        let _ = write!(outcome.scenario, "{calls:?}; ");
        let making = calls.iter().map(|call| call.make(&device, &asked));
        let making = futures_util::future::join_all(making);
        let made = amid_faults(&mut self.board, seed, &mut random, &mut outcome, making).await;
        let made = made.unwrap_or_else(|| {
            outcome.hung("the calls did not end".into());
            Vec::new()
        });
        let found = run::again(self, "the next call", Self::look, &mut outcome).await;
        let same = before == (self.connected, device.device().session().epoch());
        let mut ran = Vec::new();
        for (call, given) in calls.iter().zip(made) {
            if let Some(id) = judge(call, given, same, &mut outcome).await {
                ran.push(id);
            }
        }
        if let Some(mut found) = found
            && same
        {
            found.sort_unstable();
            if ran.iter().any(|id| !found.contains(id)) || found.windows(2).any(|two| two[0] == two[1]) {
                outcome.wrong(format!("{ran:?} were asked for, and {found:?} ran"));
            }
        }
        self.lets_go(&mut outcome).await;
        outcome.recovered = !outcome.lost && !outcome.hung;
        outcome
    }

    /// The calls that the shared object has noted since the last look, if need be over a new connection.
    async fn look(&mut self) -> Result<Vec<u32>> {
        let (_, asked) = self.connect().await?;
        asked.get("asked").await
    }

    /// All objects but the shared one have to be released.
    async fn lets_go(&mut self, outcome: &mut Outcome) {
        let Some((device, asked)) = &self.kept else { return };
        let session = device.device().session();
        let letting_go = async {
            asked.set("asked", &Vec::<u32>::new()).await?;
            while session.evaluate("_objects", "len(table)").await?.to::<usize>()? != 1 {
                sleep(Duration::from_millis(5)).await;
            }
            Ok::<_, Error>(())
        };
        match timeout(HUNG, letting_go).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => outcome.lost(format!("what stays cannot be read: {error:?}")),
            Err(_) => outcome.lost("objects stay on the board that nobody has".into()),
        }
    }
}

impl HangsUp for Runner {
    async fn hang_up(&mut self) {
        if let Some((device, _)) = self.kept.take() {
            // Closing may fail here; all that matters is that the port is free again.
            let _ = device.close().await;
        }
    }
}

/// A call, and its number, which is also the name of its first object.
#[derive(Debug, Clone, Copy)]
struct Call {
    kind: Kind,
    id: u32,
    many: u32,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Things,
    Each,
    /// A method of the shared object is called.
    Itself,
    /// The shared object is an argument of a task.
    Argument,
}

impl Call {
    fn random(next: &mut u32, random: &mut fastrand::Rng) -> Self {
        let kinds = [Kind::Things, Kind::Each, Kind::Itself, Kind::Argument];
        let call = Self {
            kind: kinds[random.usize(0..kinds.len())],
            id: *next,
            many: random.u32(0..30),
        };
        *next += call.many + 1;
        call
    }

    async fn make(self, device: &KeepingDevice, asked: &Remote) -> Result<Given> {
        let Self { kind, id, many } = self;
        Ok(match kind {
            Kind::Things => Given::Things(id, device.things(id, many).await?),
            Kind::Each => Given::Things(id, device.each(id, many).try_collect().await?),
            Kind::Itself => Given::Name(asked.call("ask", (id,)).await?),
            Kind::Argument => Given::Name(device.ask(asked, id).await?),
        })
    }
}

/// Checks the result of a call. Gives the call's number if the shared object has certainly noted it. Each object has
/// the name that its call gave it, unless the board has forgotten all of them.
async fn judge(call: &Call, given: Result<Given>, same: bool, outcome: &mut Outcome) -> Option<u32> {
    match given {
        Ok(Given::Name(0)) => return Some(call.id),
        Ok(Given::Name(name)) => outcome.wrong(format!("{call:?} gave {name}")),
        Ok(Given::Things(_, things)) if things.len() != call.many as usize => {
            outcome.wrong(format!("{call:?} gave {} objects", things.len()));
        }
        Ok(Given::Things(first, mut things)) => {
            let mut name = first;
            while !things.is_empty() {
                // This releases some objects while others are in use.
                let thing = things.remove(0);
                match thing.get::<u32>("name").await {
                    Ok(found) if found == name => {}
                    Err(error) if !same && (is_gone(&error) || may_come_of_the_line(&error)) => {}
                    other => outcome.wrong(format!("object {name} of {call:?} gave {other:?}")),
                }
                name += 1;
            }
        }
        Err(error) if is_gone(&error) || may_come_of_the_line(&error) => {}
        Err(error) => outcome.wrong(format!(
            "{call:?} gave an error that says something else: {error:?}"
        )),
    }
    None
}

fn is_gone(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ObjectGone | ErrorKind::Closed)
}
