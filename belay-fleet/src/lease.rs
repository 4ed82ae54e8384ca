//! A board elsewhere that is this program's for a while.

use std::sync::Arc;
use std::time::Duration;

use belay::DeviceBuilder;
use belay::transport::{Connector, StreamTransport};
use zenoh::Session;

use crate::FleetError;
use crate::asking::asked;
use crate::fleet::Leases;
use crate::pump::{Pump, WINDOW};
use crate::task::Task;
use crate::wire::{self, Answer, Question};

/// How long the holder of a board may be silent before it is free.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);

/// A board that nobody else can have, until this and every device on it are dropped.
///
/// When the program is killed, the board is free after five seconds.
#[derive(Debug, Clone)]
pub struct Lease {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    session: Session,
    board: String,
    name: String,
    token: u64,
    leases: Leases,
    _beats: Task,
}

impl Lease {
    /// Asks for a board, by its key.
    pub(crate) async fn take(
        session: &Session,
        leases: &Leases,
        board: &str,
        name: &str,
    ) -> Result<Self, FleetError> {
        let token = wire::secret()?;
        let asking = Asking {
            session,
            board,
            token,
            done: false,
        };
        asking.ask(name).await?;
        leases.get().insert(token, board.to_owned());
        Ok(Self {
            inner: Arc::new(Inner {
                session: session.clone(),
                board: board.to_owned(),
                name: name.to_owned(),
                token,
                leases: leases.clone(),
                _beats: Task::spawn(beats(session.clone(), wire::beat(board), token)),
            }),
        })
    }

    /// The board, as `belay/<host>/<board>`.
    pub fn board(&self) -> &str {
        &self.inner.board
    }

    /// What builds a device on the board; the lease lasts at least as long as that.
    pub fn builder(&self) -> DeviceBuilder {
        DeviceBuilder::over(self.connector())
    }

    /// Opens the board's port, after what was opened before has ended.
    pub(crate) async fn open(&self) -> Result<StreamTransport<tokio::io::DuplexStream>, FleetError> {
        Arc::clone(&self.inner).open().await
    }

    /// The way to the board, by which it can be opened again and again.
    pub fn connector(&self) -> Connector {
        let lease = self.clone();
        Connector::new(format!("zenoh:{}", self.inner.board), move || {
            let lease = lease.clone();
            async move { lease.open().await }
        })
    }
}

impl Inner {
    async fn open(self: Arc<Self>) -> Result<StreamTransport<tokio::io::DuplexStream>, FleetError> {
        let (session, board, token) = (&self.session, &self.board, self.token);
        let stream = wire::secret()?;
        let pump = Pump::new(
            session,
            wire::from_board(board, stream),
            wire::to_board(board, stream),
        )
        .await?;
        let open = Question::Open { token, stream };
        let mut answer = asked(session, board, &open).await?;
        if matches!(answer, Answer::NotYours) {
            // The server has begun anew, or has not heard of us for too long; perhaps nobody else has come.
            lease(session, board, &self.name, token).await?;
            answer = asked(session, board, &open).await?;
        }
        let flow_control = match answer {
            Answer::Yes { flow_control } => flow_control,
            other => return Err(refused(board, other)),
        };
        let (near, far) = tokio::io::duplex(usize::try_from(WINDOW).unwrap_or(usize::MAX));
        let name = format!("zenoh:{board}");
        tokio::spawn(async move {
            // The lease lasts as long as what is carried.
            let lease = self;
            let why = pump.run(far, std::future::pending::<()>()).await.1;
            tracing::debug!(board = lease.board, why, "a stream has ended");
        });
        Ok(StreamTransport::new(near, name).with_flow_control(flow_control))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.leases.get().remove(&self.token).is_none() {
            // It was given back with all others.
            return;
        }
        give_back(&self.session, &self.board, self.token);
    }
}

/// A lease that is asked for: who does not wait for the answer does not want it any more.
struct Asking<'a> {
    session: &'a Session,
    board: &'a str,
    token: u64,
    done: bool,
}

impl Asking<'_> {
    async fn ask(mut self, name: &str) -> Result<(), FleetError> {
        let asked = lease(self.session, self.board, name, self.token).await;
        self.done = true;
        asked
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if !self.done {
            give_back(self.session, self.board, self.token);
        }
    }
}

/// Tells a server that its board is free, as far as there is still a runtime. Who is not told that does not hear of its
/// holder any more, which frees the board as well.
fn give_back(session: &Session, board: &str, token: u64) {
    let (session, board) = (session.clone(), board.to_owned());
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move { asked(&session, &board, &Question::Release { token }).await });
    }
}

async fn beats(session: Session, key: String, token: u64) {
    loop {
        tokio::time::sleep(DEADLINE / 5).await;
        if session
            .put(&key, token.to_be_bytes().to_vec())
            .express(true)
            .await
            .is_err()
        {
            return;
        }
    }
}

async fn lease(session: &Session, board: &str, name: &str, token: u64) -> Result<(), FleetError> {
    let question = Question::Lease {
        token,
        name: name.chars().take(wire::MOST_NAME).collect(),
        deadline: u64::try_from(DEADLINE.as_millis()).unwrap_or(u64::MAX),
    };
    match asked(session, board, &question).await? {
        Answer::Yes { .. } => Ok(()),
        other => Err(refused(board, other)),
    }
}

fn refused(board: &str, answer: Answer) -> FleetError {
    let board = board.to_owned();
    match answer {
        Answer::Held { by } => FleetError::Held { board, by },
        Answer::NotYours => FleetError::Held {
            board,
            by: "somebody else".to_owned(),
        },
        Answer::Failed { why } => FleetError::Port { board, why },
        Answer::Yes { .. } | Answer::Info { .. } => FleetError::Malformed(board),
    }
}
