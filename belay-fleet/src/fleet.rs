//! The boards of all machines.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_core::Stream;
use zenoh::sample::SampleKind;
use zenoh::{Config, Session};

use crate::FleetError;
use crate::lease::{Lease, asked};
use crate::wire::{self, Answer, Question};

/// Every board that is announced.
const ALL: &str = "belay/*/*";
/// How often it is looked whether a board is free now.
const AGAIN: Duration = Duration::from_millis(250);

/// The boards of all machines of the network.
#[derive(Debug, Clone)]
pub struct Fleet {
    session: Session,
}

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
}

/// Which boards are meant: all that have these tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    board: Option<String>,
    tags: BTreeMap<String, String>,
}

/// A board that has come or gone, as `belay/<host>/<board>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoardEvent {
    /// It is announced now, or was already.
    Arrived(String),
    /// It is unplugged, or its server is gone.
    Departed(String),
}

impl Query {
    /// Any board.
    pub fn new() -> Self {
        Self::default()
    }

    /// The one with this tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(tag.into(), value.into());
        self
    }

    /// The board with this name, `belay/<host>/<board>`, also after `zenoh:`.
    #[must_use]
    pub fn board(mut self, board: &str) -> Self {
        self.board = Some(board.strip_prefix("zenoh:").unwrap_or(board).to_owned());
        self
    }

    /// Whether a board is meant.
    pub fn matches(&self, board: &BoardInfo) -> bool {
        self.board.as_ref().is_none_or(|wanted| *wanted == board.board)
            && self
                .tags
                .iter()
                .all(|(tag, value)| board.tags.get(tag) == Some(value))
    }
}

impl Fleet {
    /// Joins the network.
    ///
    /// # Errors
    ///
    /// When Zenoh cannot be configured so.
    pub async fn open(config: Config) -> Result<Self, FleetError> {
        let session = zenoh::open(config).await.map_err(FleetError::network)?;
        Ok(Self { session })
    }

    /// Boards as they come and go, beginning with those that are there.
    ///
    /// # Errors
    ///
    /// When the network fails.
    pub async fn boards(&self) -> Result<impl Stream<Item = BoardEvent> + Send + Unpin + use<>, FleetError> {
        let tokens = self
            .session
            .liveliness()
            .declare_subscriber(ALL)
            .history(true)
            .await;
        let tokens = tokens.map_err(FleetError::network)?;
        Ok(Box::pin(futures_util::stream::unfold(
            tokens,
            |tokens| async move {
                let sample = tokens.recv_async().await.ok()?;
                let board = sample.key_expr().as_str().to_owned();
                let event = match sample.kind() {
                    SampleKind::Put => BoardEvent::Arrived(board),
                    SampleKind::Delete => BoardEvent::Departed(board),
                };
                Some((event, tokens))
            },
        )))
    }

    /// The boards that are meant, in the order of their names.
    ///
    /// # Errors
    ///
    /// When the network fails. A server that does not answer in time has no boards.
    pub async fn list(&self, query: &Query) -> Result<Vec<BoardInfo>, FleetError> {
        let tokens = self
            .session
            .liveliness()
            .get(ALL)
            .await
            .map_err(FleetError::network)?;
        let mut boards = Vec::new();
        while let Ok(reply) = tokens.recv_async().await {
            if let Ok(token) = reply.result() {
                boards.push(token.key_expr().as_str().to_owned());
            }
        }
        boards.sort();
        boards.dedup();
        let infos = boards.into_iter().map(|board| async move {
            match asked(&self.session, &board, &Question::Info).await {
                Ok(Answer::Info { tags, held_by }) => Some(BoardInfo { board, tags, held_by }),
                _ => None,
            }
        });
        let infos = futures_util::future::join_all(infos).await;
        Ok(infos
            .into_iter()
            .flatten()
            .filter(|info| query.matches(info))
            .collect())
    }

    /// Takes a board that is meant as soon as one is free; `name` is what others see who has it.
    ///
    /// # Errors
    ///
    /// When the network fails. A board that is not there, or that others have, is waited for.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes none; a lease that was just being given is free again after its deadline.
    pub async fn acquire(&self, query: &Query, name: &str) -> Result<Lease, FleetError> {
        loop {
            for board in self.list(query).await? {
                if board.held_by.is_none()
                    && let Ok(lease) = self.try_acquire(&board.board, name).await
                {
                    return Ok(lease);
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Takes this board, `belay/<host>/<board>`, if nobody has it; `name` is what others see who has it.
    ///
    /// # Errors
    ///
    /// [`FleetError::Held`] when somebody has it, and others when its server does not answer.
    pub async fn try_acquire(&self, board: &str, name: &str) -> Result<Lease, FleetError> {
        let board = board.strip_prefix("zenoh:").unwrap_or(board);
        let key = match board.split('/').collect::<Vec<_>>()[..] {
            ["belay", host, board] => wire::key(host, board)?,
            _ => return Err(FleetError::Name(board.chars().take(64).collect())),
        };
        Lease::take(&self.session, &key, name).await
    }
}
