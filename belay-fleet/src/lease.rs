//! A board elsewhere that is this program's for a while.

use std::sync::Arc;
use std::time::Duration;

use belay::DeviceBuilder;
use belay::transport::{Connector, StreamTransport};
use tokio::task::JoinHandle;
use zenoh::Session;

use crate::FleetError;
use crate::pump::{Pump, WINDOW};
use crate::wire::{self, Answer, Question};

/// How long a server may take to answer: it may be opening a port.
const ANSWERS_WITHIN: Duration = Duration::from_secs(15);
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
    beats: JoinHandle<()>,
}

impl Lease {
    /// Asks for a board, by its key.
    pub(crate) async fn take(session: &Session, board: &str, name: &str) -> Result<Self, FleetError> {
        let token = wire::secret()?;
        lease(session, board, name, token).await?;
        let beats = tokio::spawn(beats(session.clone(), wire::beat(board), token));
        Ok(Self {
            inner: Arc::new(Inner {
                session: session.clone(),
                board: board.to_owned(),
                name: name.to_owned(),
                token,
                beats,
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

    /// The way to the board, by which it can be opened again and again.
    pub fn connector(&self) -> Connector {
        let inner = Arc::clone(&self.inner);
        Connector::new(format!("zenoh:{}", inner.board), move || {
            let inner = Arc::clone(&inner);
            async move { inner.open().await }
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
            let why = pump.run(far).await.1;
            tracing::debug!(board = lease.board, why, "a stream has ended");
        });
        Ok(StreamTransport::new(near, name).with_flow_control(flow_control))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.beats.abort();
        let (session, board, token) = (self.session.clone(), self.board.clone(), self.token);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Who does not come to that is not heard of any more, which frees the board as well.
            runtime.spawn(async move { asked(&session, &board, &Question::Release { token }).await });
        }
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
        name: name.chars().take(64).collect(),
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

/// Asks the server of a board.
pub(crate) async fn asked(session: &Session, board: &str, question: &Question) -> Result<Answer, FleetError> {
    let replies = session
        .get(wire::ask(board))
        .payload(wire::write(question))
        .timeout(ANSWERS_WITHIN)
        .await
        .map_err(FleetError::network)?;
    let Ok(reply) = replies.recv_async().await else {
        return Err(FleetError::NoAnswer(board.to_owned()));
    };
    let sample = reply
        .result()
        .map_err(|_| FleetError::NoAnswer(board.to_owned()))?;
    let answer = sample.payload().to_bytes();
    wire::read(&answer).ok_or_else(|| FleetError::Malformed(board.to_owned()))
}
