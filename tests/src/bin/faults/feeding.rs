//! One run in which bodies read streams that the host sends. Each item arrives once and in order, or the call ends in
//! an error that says that its outcome is unknown; no stream is left behind, and nothing goes on for ever.

use std::sync::Arc;
use std::time::Duration;

use belay::DeviceBuilder;
use belay::prelude::*;
use belay::python::Bytes;
use belay_sim::Board;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::run::{self, DEADLINE, HUNG, HangsUp, Outcome, amid_faults, may_come_of_the_line, options};

/// How many calls are made at the same time.
const CALLS: usize = 3;
/// The modulus of the hash over the items.
const MODULUS: u64 = 1_000_003;

#[belay::device]
trait Reader {
    /// ```python
    /// found = 1
    /// for item in items:
    ///     found = (found * 31 + item) % 1000003
    /// return found
    /// ```
    #[task]
    async fn hash(&self, items: impl Stream<Item = u64>) -> Result<u64>;

    /// ```python
    /// found = 1
    /// for chunk in chunks:
    ///     found = (found * 31 + len(chunk) * 256 + chunk[0]) % 1000003
    /// return found
    /// ```
    #[task]
    async fn hash_chunks(&self, chunks: impl IntoIterator<Item = Bytes>) -> Result<u64>;

    /// ```python
    /// found = 1
    /// try:
    ///     for item in items:
    ///         found = (found * 31 + item) % 1000003
    /// except HostError as error:
    ///     return found, str(error)
    /// ```
    #[task]
    async fn caught(&self, items: impl Stream<Item = Result<u64, String>>) -> Result<Option<(u64, String)>>;

    /// ```python
    /// found = []
    /// for item in items:
    ///     found.append(item)
    ///     if len(found) == many:
    ///         return found
    /// ```
    #[task]
    async fn first(&self, many: usize, items: impl Stream<Item = u64>) -> Result<Vec<u64>>;

    /// ```python
    /// found = 1
    /// for item in items:
    ///     found = (found * 31 + item) % 1000003
    ///     yield found
    /// ```
    #[task]
    fn hashes(&self, items: impl Stream<Item = u64>) -> impl Stream<Item = Result<u64>>;

    /// ```python
    /// return a + b
    /// ```
    #[task]
    async fn add(&self, a: u64, b: u64) -> Result<u64>;
}

/// A board and a device, which are kept from run to run for as long as they work.
pub(crate) struct Runner {
    board: Board,
    reader: Option<ReaderDevice>,
}

impl Runner {
    pub(crate) async fn new() -> Self {
        let board = Board::unix().start().await;
        Self {
            board: board.unwrap_or_else(|error| panic!("{error}")),
            reader: None,
        }
    }

    async fn connect(&mut self) -> Result<ReaderDevice> {
        if let Some(reader) = &self.reader {
            return Ok(reader.clone());
        }
        let settings: DeviceBuilder<ReaderDevice> = ReaderDevice::builder(self.board.port());
        let settings = settings.deadlines(options().deadlines).timeout(DEADLINE);
        let reader = settings.connect().await?;
        self.reader = Some(reader.clone());
        Ok(reader)
    }

    pub(crate) async fn run(&mut self, seed: u64) -> Outcome {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut outcome = Outcome::default();
        let reader = match self.connect().await {
            Ok(reader) => reader,
            Err(error) => {
                outcome.lost(format!("cannot connect: {error}"));
                return outcome;
            }
        };
        let calls: Vec<_> = (0..random.usize(1..=CALLS))
            .map(|_| Call::random(&mut random))
            .collect();
        outcome.scenario = format!("{calls:?}; ");
        let alive = Arc::new(());
        let making = calls.iter().map(|call| call.make(&reader, &alive));
        let making = futures_util::future::join_all(making);
        let made = amid_faults(&mut self.board, seed, &mut random, &mut outcome, making).await;
        match made {
            Some(made) => made.into_iter().for_each(|made| judge(made, &mut outcome)),
            None => outcome.hung("the calls did not end".into()),
        }
        let dropped = async {
            while Arc::strong_count(&alive) > 1 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(HUNG, dropped).await.is_err() {
            outcome.hung("a stream was not dropped".into());
        }
        self.afterwards(&mut outcome).await;
        outcome.recovered = !outcome.lost && !outcome.hung;
        outcome
    }

    /// The next stream has to be read, if need be over a new connection.
    async fn afterwards(&mut self, outcome: &mut Outcome) {
        let using = async |runner: &mut Self| runner.connect().await?.hash(stream::iter(0..100)).await;
        if let Some(found) = run::again(self, "the next call", using, outcome).await
            && found != hash(0..100)
        {
            outcome.wrong(format!("the next call gave {found}"));
        }
    }
}

impl HangsUp for Runner {
    async fn hang_up(&mut self) {
        if let Some(reader) = self.reader.take() {
            // Closing may fail here; all that matters is that the port is free again.
            let _ = reader.close().await;
        }
    }
}

/// A call, and its items: how many, and the first of them.
#[derive(Debug, Clone, Copy)]
struct Call {
    kind: Kind,
    first: u64,
    many: u64,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Hash,
    /// The items come one by one.
    Slow,
    Chunks,
    /// The stream ends in an error after its items.
    Caught,
    /// The stream has no end.
    First,
    /// Each item is sent after the body has yielded its value for the one before.
    Conversation,
    /// A conversation that is dropped in the middle.
    Dropped,
    Add,
}

impl Call {
    fn random(random: &mut fastrand::Rng) -> Self {
        let kinds = [
            (Kind::Hash, 300),
            (Kind::Slow, 20),
            (Kind::Chunks, 12),
            (Kind::Caught, 100),
            (Kind::First, 100),
            (Kind::Conversation, 20),
            (Kind::Conversation, 20),
            (Kind::Dropped, 10),
            (Kind::Add, 10),
        ];
        let (kind, most) = kinds[random.usize(0..kinds.len())];
        Self {
            kind,
            first: random.u64(0..1000),
            many: random.u64(1..=most),
        }
    }

    /// Makes the call, and says what is wrong with its result.
    async fn make(self, reader: &ReaderDevice, alive: &Arc<()>) -> Result<Result<(), String>> {
        let Self { kind, first, many } = self;
        let mark = Arc::clone(alive);
        // The items own the mark, so that a stream that is left behind can be noticed.
        let items = (first..first + many).inspect(move |_| {
            let _ = &mark;
        });
        let expected = hash(first..first + many);
        let is = |found: u64| right(&found, &expected);
        Ok(match kind {
            Kind::Hash => is(reader.hash(stream::iter(items)).await?),
            Kind::Slow => {
                let slowly = stream::iter(items).then(|item| async move {
                    sleep(Duration::from_millis(item % 7 * 5)).await;
                    item
                });
                is(reader.hash(slowly).await?)
            }
            Kind::Chunks => {
                let chunk = |item: u64| Bytes(vec![item.to_le_bytes()[0]; 700]);
                let expected = hash((first..first + many).map(|item| 700 * 256 + item % 256));
                right(&reader.hash_chunks(items.map(chunk)).await?, &expected)
            }
            Kind::Caught => {
                let failing = items.map(Ok).chain([Err("the end".to_owned()), Ok(1)]);
                let caught = reader.caught(stream::iter(failing)).await?;
                right(&caught, &Some((expected, "the end".to_owned())))
            }
            Kind::First => {
                let endless = stream::iter(items).chain(stream::pending());
                let wanted = usize::try_from(many).unwrap_or(usize::MAX);
                let found = reader.first(wanted, endless).await?;
                right(&found, &(first..first + many).collect())
            }
            Kind::Conversation => converse(reader, items, many).await?,
            Kind::Dropped => converse(reader, items.chain(0..), many).await?,
            Kind::Add => right(&reader.add(first, many).await?, &(first + many)),
        })
    }
}

/// Sends each item after the answer to the one before has come, until there are so many answers.
async fn converse(
    reader: &ReaderDevice,
    mut items: impl Iterator<Item = u64> + Send + 'static,
    many: u64,
) -> Result<Result<(), String>> {
    let (say, mut said) = mpsc::unbounded_channel();
    let mut hashes = Box::pin(reader.hashes(stream::poll_fn(move |cx| said.poll_recv(cx))));
    let mut found = 1;
    for _ in 0..many {
        let Some(item) = items.next() else { break };
        found = (found * 31 + item) % MODULUS;
        // Sending fails only when the body has ended.
        let _ = say.send(item);
        match hashes.try_next().await? {
            Some(given) if given == found => {}
            given => return Ok(Err(format!("{given:?} instead of {found}"))),
        }
    }
    if items.next().is_some() {
        return Ok(Ok(()));
    }
    drop(say);
    let rest: Vec<u64> = hashes.try_collect().await?;
    Ok(right(&rest, &Vec::new()))
}

fn right<T: PartialEq + std::fmt::Debug>(given: &T, expected: &T) -> Result<(), String> {
    if given == expected {
        Ok(())
    } else {
        Err(format!("{given:?} instead of {expected:?}"))
    }
}

fn hash(items: impl Iterator<Item = u64>) -> u64 {
    items.fold(1, |hash, item| (hash * 31 + item) % MODULUS)
}

fn judge(made: Result<Result<(), String>>, outcome: &mut Outcome) {
    match made {
        Ok(Ok(())) => {}
        Ok(Err(complaint)) => outcome.wrong(complaint),
        Err(error) if may_come_of_the_line(&error) => {}
        Err(error) => outcome.wrong(format!("an error that says something else: {error:?}")),
    }
}
