//! The boards of all machines.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay::transport::Connector;
use futures_core::Stream;
use zenoh::{Config, Session};

use crate::asking::{asked, asked_all};
use crate::boards::{self, BoardEvent, BoardInfo, Query};
use crate::lease::Lease;
use crate::wire::{self, Question};
use crate::{Attachable, FleetError, Group};

/// When boards are looked at again even though nothing was heard of one that is free.
const AGAIN: Duration = Duration::from_secs(3);

/// The boards of all machines of the network.
#[derive(Debug, Clone)]
pub struct Fleet {
    session: Session,
    leases: Leases,
}

/// The tokens of the leases that there are, and their boards.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leases(Arc<Mutex<HashMap<u64, String>>>);

impl Leases {
    pub(crate) fn get(&self) -> MutexGuard<'_, HashMap<u64, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        Ok(Self {
            session,
            leases: Leases::default(),
        })
    }

    /// Boards that are meant, as they come and go, beginning with those that are there. Each is told of once its server has
    /// said what it is.
    ///
    /// # Errors
    ///
    /// When the network fails.
    pub async fn boards(
        &self,
        query: &Query,
    ) -> Result<impl Stream<Item = BoardEvent> + Send + Unpin + use<>, FleetError> {
        boards::events(&self.session, query.clone()).await
    }

    /// The boards that are meant, in the order of their names.
    ///
    /// # Errors
    ///
    /// When the network fails. A server that does not answer in time has no boards.
    pub async fn list(&self, query: &Query) -> Result<Vec<BoardInfo>, FleetError> {
        let answers = asked_all(&self.session, &Question::Info).await?;
        let infos = answers
            .into_iter()
            .filter_map(|(board, answer)| BoardInfo::read(board, answer));
        let mut boards: Vec<_> = infos.filter(|info| query.matches(info)).collect();
        boards.sort_by(|one, other| one.board.cmp(&other.board));
        boards.dedup_by(|one, other| one.board == other.board);
        Ok(boards)
    }

    /// Takes a board that is meant as soon as one is free; `name` is what others see who has it.
    ///
    /// # Errors
    ///
    /// When the network fails. A board that is not there, or that others have, is waited for.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes none; one that was just being given is given back.
    pub async fn acquire(&self, query: &Query, name: &str) -> Result<Lease, FleetError> {
        let freed = self.session.declare_subscriber(wire::freed(wire::ALL));
        // How often it was said does not matter, and nobody is kept waiting by who does not listen.
        let (said, mut hears) = tokio::sync::watch::channel(());
        let freed = freed.callback(move |_| said.send_modify(|()| ()));
        let _freed = freed.await.map_err(FleetError::network)?;
        let (_tokens, mut present) = boards::follow(&self.session).await?;
        loop {
            present.mark_unchanged();
            hears.mark_unchanged();
            for board in self.list(query).await? {
                if board.held_by.is_none()
                    && let Ok(lease) = self.try_acquire(&board.board, name).await
                {
                    return Ok(lease);
                }
            }
            tokio::select! {
                _ = hears.changed() => {}
                _ = present.changed() => {}
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    /// Takes this board, `belay/<host>/<board>`, if nobody has it; `name` is what others see who has it.
    ///
    /// # Errors
    ///
    /// [`FleetError::Held`] when somebody has it, and others when its server does not answer.
    pub async fn try_acquire(&self, board: &str, name: &str) -> Result<Lease, FleetError> {
        let board = wire::board(board.strip_prefix("zenoh:").unwrap_or(board))
            .ok_or_else(|| FleetError::Name(board.chars().take(64).collect()))?;
        Lease::take(&self.session, &self.leases, board, name).await
    }

    /// The way to this board, `belay/<host>/<board>`, for a [`DeviceBuilder`](belay::DeviceBuilder): the board is taken when
    /// it is first opened, by this name, and kept for as long as there is somebody who can open it again.
    pub fn connector(&self, board: &str, name: &str) -> Connector {
        let board = board.strip_prefix("zenoh:").unwrap_or(board).to_owned();
        let (fleet, name) = (self.clone(), name.to_owned());
        let lease = Arc::new(tokio::sync::Mutex::new(None));
        Connector::new(format!("zenoh:{board}"), move || {
            let (fleet, board, name, lease) =
                (fleet.clone(), board.clone(), name.clone(), Arc::clone(&lease));
            async move {
                let mut lease = lease.lock().await;
                let lease = match &mut *lease {
                    Some(lease) => lease,
                    none => none.insert(fleet.try_acquire(&board, &name).await?),
                };
                lease.open().await
            }
        })
    }

    /// Has addresses that begin with `zenoh:` lead to the boards of this fleet, wherever this program takes an
    /// [`Address`](belay::transport::Address); `name` is what others see who has them.
    pub fn provide(&self, name: &str) {
        let (fleet, name) = (self.clone(), name.to_owned());
        belay::transport::provide_zenoh(move |board| fleet.connector(board, &name));
    }

    /// A group of all boards that are meant, those that come later, too; `name` is what others see who has them.
    ///
    /// # Errors
    ///
    /// When the network fails.
    pub async fn group<D: Attachable>(&self, query: &Query, name: &str) -> Result<Group<D>, FleetError> {
        let boards = self.boards(query).await?;
        Ok(Group::new(self.clone(), boards, name))
    }

    /// Gives back all boards that this and its clones have taken, and leaves the network.
    ///
    /// Who only drops it leaves them to their deadline, should the program end before the servers were told.
    ///
    /// # Errors
    ///
    /// When the network fails.
    pub async fn close(self) -> Result<(), FleetError> {
        let held: Vec<_> = self.leases.get().drain().collect();
        let released = held.into_iter().map(|(token, board)| {
            let session = &self.session;
            async move { asked(session, &board, &Question::Release { token }).await }
        });
        futures_util::future::join_all(released).await;
        self.session.close().await.map_err(FleetError::network)
    }
}
