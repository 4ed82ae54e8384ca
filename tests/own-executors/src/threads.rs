//! Threads: with a library of this crate's own on the board, which is asked until a thread has ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use belay::python::Arguments;
use belay::spec::MethodSpec;
use belay::{
    BoxFuture, Connection, DeviceException, Error, ErrorKind, Executor, Follower, Result, Session,
    ThreadError, ThreadExecutor, ThreadHandle, ThreadInfo, ThreadReport, ThreadState,
};

use crate::Log;

/// The namespace of the library on the board.
const SPACE: &str = "own_threads";
/// The library. A task's function is called with its stop point first.
const LIBRARY: &str = "\
import _thread
threads = {}
def start(ident, function, *arguments):
    record = [False, None, False]
    def stop(cleaning=False):
        if record[0] and not cleaning:
            raise SystemExit
    def body():
        try:
            function(stop, *arguments)
        except SystemExit:
            pass
        except Exception as error:
            record[1] = (type(error).__name__, str(error))
        record[2] = True
    threads[ident] = record
    _thread.start_new_thread(body, ())
def stop(ident):
    threads[ident][0] = True
def look(ident):
    return threads[ident]
";
/// How often a thread is looked at.
const PAUSE: Duration = Duration::from_millis(2);

/// Runs threads.
#[derive(Debug, Clone)]
pub struct OwnThreads {
    session: Session,
    log: Log,
    table: Arc<Table>,
}

#[derive(Debug, Default)]
struct Table {
    threads: Mutex<BTreeMap<u32, ThreadReport>>,
    /// The epoch in which the library was put on the board.
    library: Mutex<Option<u64>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OwnThreads {
    /// An executor that works on this session.
    pub fn new(session: &Session, log: &Log) -> Self {
        let table: Arc<Table> = Arc::default();
        let follower: Weak<dyn Follower> = Arc::downgrade(&(Arc::clone(&table) as Arc<dyn Follower>));
        session.follow(follower);
        Self {
            session: session.clone(),
            log: log.clone(),
            table,
        }
    }

    async fn start_in_turn(&self, method: &'static MethodSpec, arguments: Arguments) -> Result<ThreadHandle> {
        let deadline = self.session.deadline(method);
        let _turn = self.session.shared(deadline).await?;
        let connection = self.session.connection(deadline).await?;
        if !connection.capabilities().threads {
            return Err(ErrorKind::Unsupported {
                feature: "running a method in a thread".into(),
                firmware: connection.capabilities().firmware().into(),
            }
            .into());
        }
        let epoch = Some(connection.epoch());
        if *lock(&self.table.library) != epoch {
            connection.execute(SPACE, LIBRARY).await?;
            *lock(&self.table.library) = epoch;
        }
        let function = connection.deployed(method).await?;
        let id = lock(&self.table.threads).keys().last().map_or(1, |last| last + 1);
        let told = function.among(Arguments::new().with("ident", &id));
        connection
            .call_in(SPACE, "start", &told.with_all(&arguments))
            .await?;
        let report = ThreadReport::new(ThreadInfo::new(id, method.path));
        lock(&self.table.threads).insert(id, report.clone());
        self.session.spawn(self.clone().follow(id, report.clone()));
        Ok(report.handle(Arc::new(self.clone())))
    }

    /// Looks at a thread until it has ended.
    async fn follow(self, id: u32, report: ThreadReport) {
        while report.info().state.is_running() {
            // What goes wrong is over some time: in the end the follower is told that the board is out of reach.
            let ended = self.look(id).await.unwrap_or(None);
            match ended {
                Some(Some((class, message))) => report.failed(DeviceException::new(class, message)),
                Some(None) if report.info().state == ThreadState::Stopping => report.stopped(),
                Some(None) => report.finished(),
                None => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// What a thread raised, once it has ended.
    async fn look(&self, id: u32) -> Result<Option<Option<(String, String)>>> {
        type Record = (bool, Option<(String, String)>, bool);
        let _turn = self.session.shared(PAUSE).await;
        let connection = self.session.connected()?;
        let told = Arguments::new().with("ident", &id);
        let (_, raised, ended): Record = connection.call_in(SPACE, "look", &told).await?.to()?;
        Ok(ended.then_some(raised))
    }

    async fn stop_in_time(&self, id: u32, deadline: Duration) -> Result<()> {
        let report = lock(&self.table.threads).get(&id).cloned();
        let report = report.ok_or(ThreadError::NotKnown { id })?;
        if !report.info().state.is_running() {
            return Ok(());
        }
        report.stopping();
        self.log.add(format!("stopped {}", report.info().name));
        let connection = self.session.connection(deadline).await?;
        let told = Arguments::new().with("ident", &id);
        connection.call_in(SPACE, "stop", &told).await?;
        let handle = report.handle(Arc::new(self.clone()));
        let ended = tokio::time::timeout(deadline, handle.join()).await;
        ended.unwrap_or_else(|_| {
            Err(ThreadError::StillRunning {
                names: vec![report.info().name],
                within: deadline,
            }
            .into())
        })
    }

    fn running(&self) -> Vec<ThreadInfo> {
        let threads = lock(&self.table.threads);
        let infos = threads.values().map(ThreadReport::info);
        infos.filter(|info| info.state.is_running()).collect()
    }
}

impl Executor for OwnThreads {
    fn session(&self) -> &Session {
        &self.session
    }
}

impl ThreadExecutor for OwnThreads {
    fn start(
        &self,
        method: &'static MethodSpec,
        arguments: Arguments,
    ) -> BoxFuture<'_, Result<ThreadHandle>> {
        self.log.add(format!("started {}", method.path));
        Box::pin(async move {
            let starting = self.start_in_turn(method, arguments);
            let started = self.session.unless_closing(starting).await;
            started.map_err(|error| self.session.in_method(error, method))
        })
    }

    fn active(&self) -> BoxFuture<'_, Result<Vec<ThreadInfo>>> {
        Box::pin(std::future::ready(Ok(self.running())))
    }

    fn stop(&self, id: u32, deadline: Duration) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.session.in_runtime(self.stop_in_time(id, deadline)))
    }

    fn stop_all(&self, deadline: Duration) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            for info in self.running() {
                self.stop(info.id, deadline).await?;
            }
            Ok(())
        })
    }

    fn join(&self, id: u32) -> BoxFuture<'_, Result<()>> {
        let report = lock(&self.table.threads).get(&id).cloned();
        Box::pin(async move {
            let report = report.ok_or(ThreadError::NotKnown { id })?;
            report.handle(Arc::new(self.clone())).join().await
        })
    }
}

impl Follower for Table {
    fn reconnected<'a>(
        self: Arc<Self>,
        _: &'a Arc<Connection>,
        reset: bool,
        _: &'a belay::ReconnectPolicy,
    ) -> BoxFuture<'a, Result<()>> {
        if reset {
            self.out_of_reach(&Arc::new(ErrorKind::Reset.into()));
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn out_of_reach(&self, cause: &Arc<Error>) {
        for report in lock(&self.threads).values() {
            report.lost(Arc::clone(cause));
        }
    }
}
