//! The boards of this machine, for others.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use belay::transport::Connector;
use zenoh::{Config, Session};

use crate::FleetError;
use crate::served::Served;
use crate::task::Task;
use crate::wire;

/// Announces boards of this machine, and carries the bytes of their ports.
///
/// Dropping it withdraws them all: whoever uses one is told that the connection is gone.
#[derive(Debug)]
pub struct Server {
    session: Session,
    host: String,
    boards: Mutex<HashMap<String, Task>>,
}

impl Server {
    /// Joins the network as the machine of this name.
    ///
    /// # Errors
    ///
    /// When the name is none, or Zenoh cannot be configured so.
    pub async fn open(config: Config, host: &str) -> Result<Self, FleetError> {
        wire::key(host, "board")?;
        let session = zenoh::open(config).await.map_err(FleetError::network)?;
        Ok(Self {
            session,
            host: host.to_owned(),
            boards: Mutex::default(),
        })
    }

    /// Announces the board at this address, or behind this connector, by a name and with tags.
    ///
    /// # Errors
    ///
    /// When the name is none or taken, the tags are more than two kilobytes, or the network fails.
    pub async fn announce<K: Into<String>, V: Into<String>>(
        &self,
        board: &str,
        to: impl Into<Connector>,
        tags: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), FleetError> {
        let key = wire::key(&self.host, board)?;
        if self.boards().contains_key(board) {
            return Err(FleetError::Twice(board.to_owned()));
        }
        let tags = tags.into_iter().map(|(tag, value)| (tag.into(), value.into()));
        let tags: BTreeMap<String, String> = tags.collect();
        if wire::write(&tags).len() > wire::MOST_TAGS {
            return Err(FleetError::Tags(board.to_owned()));
        }
        let session = &self.session;
        let asked = session
            .declare_queryable(wire::ask(&key))
            .await
            .map_err(FleetError::network)?;
        let beats = session
            .declare_subscriber(wire::beat(&key))
            .await
            .map_err(FleetError::network)?;
        let token = session
            .liveliness()
            .declare_token(key.clone())
            .await
            .map_err(FleetError::network)?;
        let served = Served {
            session: session.clone(),
            key,
            to: to.into(),
            tags,
            lease: None,
        };
        let task = Task::spawn(async move {
            // The announcement is withdrawn with what it announces.
            let _announced = token;
            served.run(asked, beats).await;
        });
        self.boards().insert(board.to_owned(), task);
        Ok(())
    }

    /// Withdraws a board, as when it is unplugged. Says whether there was one.
    pub fn withdraw(&self, board: &str) -> bool {
        self.boards().remove(board).is_some()
    }

    /// Withdraws all boards, and leaves the network: who uses one is told at once.
    ///
    /// # Errors
    ///
    /// When the network fails.
    pub async fn close(self) -> Result<(), FleetError> {
        self.boards().clear();
        self.session.close().await.map_err(FleetError::network)
    }

    fn boards(&self) -> std::sync::MutexGuard<'_, HashMap<String, Task>> {
        self.boards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
