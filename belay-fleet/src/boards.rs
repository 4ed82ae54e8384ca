//! Boards as they are announced, and which of them are meant.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use futures_core::Stream;
use tokio::sync::watch;
use zenoh::Session;
use zenoh::pubsub::Subscriber;
use zenoh::sample::SampleKind;

use crate::FleetError;
use crate::asking::{asked, asked_all};
use crate::wire::{self, Answer, MOST_BOARDS, Question};

/// How many boards that are new are asked one by one; for more, all that there are are asked at once.
const FEW: usize = 4;
/// When a server that has not answered is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// A board, as its server tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BoardInfo {
    /// `belay/<host>/<board>`.
    pub board: String,
    /// What its server says of it.
    pub tags: BTreeMap<String, String>,
    /// The name that its holder gave, if somebody has it.
    pub held_by: Option<String>,
    /// For how long somebody has had it.
    pub held_for: Option<Duration>,
}

impl BoardInfo {
    /// What a server has answered to the question what a board is, if it has.
    pub(crate) fn read(board: String, answer: Answer) -> Option<Self> {
        let Answer::Info { tags, held } = answer else {
            return None;
        };
        let (held_by, held_for) = held
            .map(|(by, for_ms)| (by, Duration::from_millis(for_ms)))
            .unzip();
        Some(Self {
            board,
            tags,
            held_by,
            held_for,
        })
    }
}

/// Which boards are meant: all that have these tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    board: Option<String>,
    tags: BTreeMap<String, String>,
}

impl Query {
    /// Any board.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those with this tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(tag.into(), value.into());
        self
    }

    /// Only the board with this name, `belay/<host>/<board>`, also after `zenoh:`.
    #[must_use]
    pub fn board(mut self, board: &str) -> Self {
        self.board = Some(board.strip_prefix("zenoh:").unwrap_or(board).to_owned());
        self
    }

    /// Whether a board is meant.
    pub fn matches(&self, board: &BoardInfo) -> bool {
        let has = |(tag, value)| board.tags.get(tag) == Some(value);
        self.board.as_ref().is_none_or(|wanted| *wanted == board.board) && self.tags.iter().all(has)
    }
}

/// A board that has come or gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoardEvent {
    /// It is announced now, or was already.
    Arrived(BoardInfo),
    /// It is unplugged, or its server is gone: `belay/<host>/<board>`.
    Departed(String),
}

/// The boards that are announced, each with a number that is another one when it has come back.
type Present = HashMap<String, u64>;

/// Follows which boards are announced. What is kept is no more than that, however fast they come and go.
pub(crate) async fn follow(
    session: &Session,
) -> Result<(Subscriber<()>, watch::Receiver<Present>), FleetError> {
    let (sender, receiver) = watch::channel(Present::new());
    let mut count = 0;
    let tokens = session.liveliness().declare_subscriber(wire::ALL).history(true);
    let tokens = tokens.callback_mut(move |sample| {
        let Some(board) = wire::board(sample.key_expr().as_str()) else {
            return;
        };
        count += 1;
        sender.send_modify(|present| match sample.kind() {
            SampleKind::Put if present.len() < MOST_BOARDS => {
                present.insert(board.to_owned(), count);
            }
            SampleKind::Put => tracing::warn!(board, "there are too many boards to follow this one"),
            SampleKind::Delete => {
                present.remove(board);
            }
        });
    });
    Ok((tokens.await.map_err(FleetError::network)?, receiver))
}

/// Boards that are meant, as they come and go, beginning with those that are there.
pub(crate) async fn events(
    session: &Session,
    query: Query,
) -> Result<impl Stream<Item = BoardEvent> + Send + Unpin + use<>, FleetError> {
    let (tokens, present) = follow(session).await?;
    let arrivals = Arrivals {
        session: session.clone(),
        query,
        present,
        known: HashMap::new(),
        events: VecDeque::new(),
        _tokens: tokens,
    };
    Ok(Box::pin(futures_util::stream::unfold(
        arrivals,
        |mut arrivals| async move { Some((arrivals.next().await?, arrivals)) },
    )))
}

/// What is there, held against what was told.
struct Arrivals {
    session: Session,
    query: Query,
    present: watch::Receiver<Present>,
    /// The boards that were asked what they are, and whether they are meant.
    known: HashMap<String, (u64, bool)>,
    events: VecDeque<BoardEvent>,
    _tokens: Subscriber<()>,
}

impl Arrivals {
    async fn next(&mut self) -> Option<BoardEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let unknown = self.compare();
            if !self.events.is_empty() {
                continue;
            }
            if unknown.is_empty() {
                self.present.changed().await.ok()?;
                continue;
            }
            let silent = unknown.len();
            let told = self.ask(unknown).await;
            if self.events.is_empty() && told < silent {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// Tells of those that are gone, and gives those that are new.
    fn compare(&mut self) -> HashMap<String, u64> {
        let present = self.present.borrow_and_update();
        let is_gone = |board: &String, number: u64| present.get(board) != Some(&number);
        let events = &mut self.events;
        self.known.retain(|board, (number, meant)| {
            let gone = is_gone(board, *number);
            if gone && *meant {
                events.push_back(BoardEvent::Departed(board.clone()));
            }
            !gone
        });
        let known = &self.known;
        let new = present.iter().filter(|(board, _)| !known.contains_key(*board));
        new.map(|(board, number)| (board.clone(), *number)).collect()
    }

    /// Asks what these are, tells of those that are meant, and says how many have answered.
    async fn ask(&mut self, unknown: HashMap<String, u64>) -> usize {
        let mut infos = if unknown.len() > FEW {
            let all = asked_all(&self.session, &Question::Info)
                .await
                .unwrap_or_default();
            all.into_iter()
                .filter_map(|(board, answer)| BoardInfo::read(board, answer))
                .collect()
        } else {
            let asking = unknown.keys().map(|board| info(&self.session, board));
            futures_util::future::join_all(asking)
                .await
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
        };
        infos.sort_by(|one, other| one.board.cmp(&other.board));
        let mut told = HashSet::new();
        for info in infos {
            let Some(number) = unknown.get(&info.board) else {
                continue;
            };
            let meant = self.query.matches(&info);
            self.known.insert(info.board.clone(), (*number, meant));
            if told.insert(info.board.clone()) && meant {
                self.events.push_back(BoardEvent::Arrived(info));
            }
        }
        told.len()
    }
}

/// What a board is, if its server says so.
async fn info(session: &Session, board: &str) -> Option<BoardInfo> {
    let answer = asked(session, board, &Question::Info).await.ok()?;
    BoardInfo::read(board.to_owned(), answer)
}
