//! Tasks: called once, whatever happens.

use std::pin::Pin;
use std::task::{Context, Poll};

use belay::python::Arguments;
use belay::spec::MethodSpec;
use belay::{BoxFuture, BoxStream, Executor, Items, Result, Returned, Session, Stream, TaskExecutor};

use crate::Log;

/// Calls tasks.
#[derive(Debug, Clone)]
pub struct OwnTasks {
    session: Session,
    log: Log,
}

impl OwnTasks {
    /// An executor that works on this session.
    pub fn new(session: &Session, log: &Log) -> Self {
        let (session, log) = (session.clone(), log.clone());
        Self { session, log }
    }

    async fn call_in_turn(&self, method: &'static MethodSpec, arguments: Arguments) -> Result<Returned> {
        let deadline = self.session.deadline(method);
        let _turn = self.session.shared(deadline).await?;
        let connection = self.session.connection(deadline).await?;
        let answer = connection.call(method, &arguments, deadline).await;
        answer.inspect_err(|error| self.session.report(&connection, error))
    }

    async fn open(self, method: &'static MethodSpec, arguments: Arguments) -> Result<Items> {
        let deadline = self.session.deadline(method);
        let opening = async {
            let _turn = self.session.shared(deadline).await?;
            let connection = self.session.connection(deadline).await?;
            connection.items(method, arguments, deadline).await
        };
        self.session.unless_closing(opening).await
    }
}

impl Executor for OwnTasks {
    fn session(&self) -> &Session {
        &self.session
    }
}

impl TaskExecutor for OwnTasks {
    fn call(&self, method: &'static MethodSpec, arguments: Arguments) -> BoxFuture<'_, Result<Returned>> {
        self.log.add(format!("called {}", method.path));
        Box::pin(async move {
            let calling = self.call_in_turn(method, arguments);
            let answer = self.session.unless_closing(calling).await;
            answer.map_err(|error| self.session.in_method(error, method))
        })
    }

    fn call_stream(&self, method: &'static MethodSpec, arguments: Arguments) -> BoxStream<Result<Returned>> {
        self.log.add(format!("opened {}", method.path));
        Box::pin(OwnItems::Opening(Box::pin(self.clone().open(method, arguments))))
    }
}

/// The items of a generator that may have to be opened first.
enum OwnItems {
    Opening(BoxFuture<'static, Result<Items>>),
    Open(Box<Items>),
    Ended,
}

impl Stream for OwnItems {
    type Item = Result<Returned>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match &mut *self {
                Self::Opening(opening) => match opening.as_mut().poll(cx) {
                    Poll::Ready(Ok(items)) => *self = Self::Open(Box::new(items)),
                    Poll::Ready(Err(error)) => {
                        *self = Self::Ended;
                        return Poll::Ready(Some(Err(error)));
                    }
                    Poll::Pending => return Poll::Pending,
                },
                Self::Open(items) => return Pin::new(&mut **items).poll_next(cx),
                Self::Ended => return Poll::Ready(None),
            }
        }
    }
}
