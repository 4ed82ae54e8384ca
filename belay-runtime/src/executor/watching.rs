//! The host's table of the board's threads, and how it is kept up to date: the board sends an event when a thread ends,
//! and since events can get lost, the host also polls the board, less and less often while nothing changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::library::{self, Record};
use super::report::Status;
use crate::boxed::BoxFuture;
use crate::error::{Error, ErrorKind, Result, ThreadError};
use crate::printable::Printable;
use crate::python::Arguments;
use crate::session::{Connection, Follower, ReconnectPolicy, Session, SessionEvent, ThreadInfo, ThreadState};
use crate::spec::{MethodKind, MethodSpec, ThreadOptions};

/// The pauses between two polls of the board: they double from the first to the last while nothing changes.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// The same while a caller waits for a thread to end.
const FIRST_WAIT: Duration = Duration::from_millis(2);
const LAST_WAIT: Duration = Duration::from_millis(100);

/// How many ended threads are remembered, besides those that have a handle.
const REMEMBERED: usize = 64;

/// What this program knows of a thread that it started itself.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) method: &'static MethodSpec,
    pub(super) arguments: Arguments,
}

fn options(method: &MethodSpec) -> ThreadOptions {
    match method.kind {
        MethodKind::Thread(options) => options,
        _ => ThreadOptions::new(),
    }
}

#[derive(Debug)]
struct Entry {
    /// Nothing if an earlier program started the thread.
    known: Option<Known>,
    /// Whether the board has reported that the thread runs.
    started: bool,
    status: watch::Sender<Status>,
}

#[derive(Debug, Default)]
struct Entries {
    threads: BTreeMap<u32, Entry>,
    /// Threads that have ended, which the board may forget.
    seen: Vec<u32>,
    /// The generation of the connection over which the board was last polled.
    asked_in: Option<u64>,
    next_id: u32,
    /// Whether a task polls the board.
    followed: bool,
}

/// The threads of a session.
#[derive(Debug)]
pub(super) struct Table {
    session: Session,
    entries: Mutex<Entries>,
    /// Counts the events that the board has sent.
    told: watch::Sender<u64>,
    /// Held while the board is polled.
    asking: tokio::sync::Mutex<()>,
}

impl Table {
    pub(super) fn new(session: &Session) -> Arc<Self> {
        let table = Arc::new(Self {
            session: session.clone(),
            entries: Mutex::default(),
            told: watch::Sender::new(0),
            asking: tokio::sync::Mutex::default(),
        });
        let follower: Weak<dyn Follower> = Arc::downgrade(&(Arc::clone(&table) as Arc<dyn Follower>));
        session.follow(follower);
        table
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a thread that is about to be started, under a number that no other thread has.
    pub(super) async fn add(
        &self,
        connection: &Connection,
        known: Known,
    ) -> Result<(u32, watch::Receiver<Status>)> {
        let asked = self.entries().asked_in == Some(connection.generation());
        if !asked {
            // An earlier program may have left threads, whose numbers are taken.
            self.refresh(connection).await?;
        }
        let mut entries = self.entries();
        entries.forget_old();
        entries.next_id += 1;
        let id = entries.next_id;
        let info = ThreadInfo {
            id,
            name: options(known.method).name.unwrap_or(known.method.path).to_owned(),
            state: ThreadState::Running,
            run_time: Duration::ZERO,
            restarts: 0,
        };
        let entry = Entry::new(info, Some(known));
        let status = entry.status.subscribe();
        entries.threads.insert(id, entry);
        Ok((id, status))
    }

    pub(super) fn remove(&self, id: u32) {
        self.entries().threads.remove(&id);
    }

    /// Starts a thread of the table on the board.
    pub(super) async fn start(self: &Arc<Self>, connection: &Connection, id: u32) -> Result<()> {
        let (known, name) = {
            let entries = self.entries();
            let entry = entries.threads.get(&id);
            let known =
                entry.and_then(|entry| Some((entry.known.clone()?, entry.status.borrow().info.name.clone())));
            known.ok_or(ThreadError::NotKnown { id })?
        };
        let options = options(known.method);
        let function = connection.deployed(known.method).await?;
        let start = library::Start {
            id,
            name: &name,
            single: !options.multiple,
            function: function.name(),
            arguments: &known.arguments,
            restarts: options.auto_restart.unwrap_or(0),
            longest: options.max_runtime,
            stop: self.session.settings().thread_stop,
        };
        library::start(connection, start).await?;
        let mut entries = self.entries();
        if let Some(entry) = entries.threads.get_mut(&id) {
            entry.started = true;
        }
        if !entries.followed {
            entries.followed = true;
            let table = Arc::downgrade(self);
            self.session.runtime().spawn(follow(table, self.told.subscribe()));
        }
        Ok(())
    }

    /// Asks the board for its threads, and updates the table.
    pub(super) async fn refresh(&self, connection: &Connection) -> Result<Vec<ThreadInfo>> {
        // One poll at a time: an answer that is applied after a later one would bring threads back that have ended
        // since.
        let _in_turn = self.asking.lock().await;
        let (seen, started) = self.entries().before_asking();
        let records = library::report(connection, &seen).await?;
        let mut changes = Vec::new();
        let mut entries = self.entries();
        entries.asked_in = Some(connection.generation());
        entries.seen.retain(|id| !seen.contains(id));
        let reported: Vec<u32> = records.iter().map(|record| record.id).collect();
        let infos = records
            .into_iter()
            .map(|record| entries.update(record, connection, &mut changes))
            .collect();
        for (&id, entry) in &entries.threads {
            if started.contains(&id) && entry.is_running() && !reported.contains(&id) {
                changes.extend(entry.lose(&Arc::new(ThreadError::NotKnown { id }.into())));
            }
        }
        drop(entries);
        self.tell(changes);
        Ok(infos)
    }

    /// Waits until these threads have ended.
    pub(super) async fn until_ended(&self, connection: &Connection, ids: &[u32]) -> Result<()> {
        let mut told = self.told.subscribe();
        let mut pause = FIRST_WAIT;
        loop {
            let infos = self.refresh(connection).await?;
            let running = |info: &ThreadInfo| info.state.is_running() && ids.contains(&info.id);
            if !infos.iter().any(running) {
                return Ok(());
            }
            if let Ok(Ok(())) = tokio::time::timeout(pause, told.changed()).await {
                pause = FIRST_WAIT;
            }
            pause = (pause * 2).min(LAST_WAIT);
        }
    }

    /// The names of those of these threads that are running.
    pub(super) fn names(&self, ids: &[u32]) -> Vec<String> {
        let entries = self.entries();
        let running = entries
            .threads
            .iter()
            .filter(|(id, entry)| ids.contains(id) && entry.is_running());
        running
            .map(|(_, entry)| entry.status.borrow().info.name.clone())
            .collect()
    }

    pub(super) fn status(&self, id: u32) -> Option<watch::Receiver<Status>> {
        Some(self.entries().threads.get(&id)?.status.subscribe())
    }

    fn tell(&self, changes: Vec<Status>) {
        for change in changes {
            let Status { info, exception, .. } = change;
            tracing::debug!(device = self.session.name(), thread = %Printable(&info.name), state = ?info.state, "a thread changed");
            self.session.send_event(SessionEvent::Thread {
                thread: info,
                exception,
            });
        }
    }

    /// After a reset of the board: starts a thread again that was running, if it is to be restarted; otherwise it is
    /// lost.
    async fn restart(self: &Arc<Self>, connection: &Connection, id: u32, allowed: bool) -> Result<()> {
        let restarts = allowed
            && self.entries().threads.get(&id).is_some_and(|entry| {
                entry
                    .known
                    .as_ref()
                    .is_some_and(|known| options(known.method).auto_restart.is_some())
            });
        let lost = if restarts {
            library::provide(connection).await?;
            match self.start(connection, id).await {
                Err(error) if error.exception().is_some() => error,
                started => return started,
            }
        } else {
            ErrorKind::Reset.into()
        };
        let lost = Arc::new(lost);
        let change = self
            .entries()
            .threads
            .get(&id)
            .and_then(|entry| entry.lose(&lost));
        self.tell(change.into_iter().collect());
        Ok(())
    }

    fn running(&self) -> Vec<u32> {
        let entries = self.entries();
        let running = entries.threads.iter().filter(|(_, entry)| entry.is_running());
        running.map(|(id, _)| *id).collect()
    }
}

impl Entries {
    /// The threads that the board may forget, and those that its answer has to contain: a thread that is started while
    /// the board is being polled need not be in the answer.
    fn before_asking(&self) -> (Vec<u32>, Vec<u32>) {
        let started = self.threads.iter().filter(|(_, entry)| entry.started);
        (self.seen.clone(), started.map(|(id, _)| *id).collect())
    }

    /// Forgets threads that have ended and that nobody can ask for any more, except for the most recent ones.
    fn forget_old(&mut self) {
        let forgotten = |(id, entry): (&u32, &Entry)| {
            let free = !entry.is_running() && entry.status.receiver_count() == 0 && !self.seen.contains(id);
            free.then_some(*id)
        };
        let ended: Vec<u32> = self.threads.iter().filter_map(forgotten).collect();
        for id in ended.iter().rev().skip(REMEMBERED) {
            self.threads.remove(id);
        }
    }

    /// Applies a record of the board to the table, and adds to `changes` what subscribers are to be told.
    fn update(&mut self, record: Record, connection: &Connection, changes: &mut Vec<Status>) -> ThreadInfo {
        let Record {
            id,
            name,
            state,
            restarts,
            run_time,
            exception,
        } = record;
        let info = ThreadInfo {
            id,
            name,
            state,
            run_time,
            restarts,
        };
        self.next_id = self.next_id.max(id);
        if !state.is_running() && !self.seen.contains(&id) {
            self.seen.push(id);
        }
        let entry = self
            .threads
            .entry(id)
            .or_insert_with(|| Entry::new(info.clone(), None));
        entry.started = true;
        let exception = exception.map(|mut exception| {
            connection.map_traceback(&mut exception, entry.known.as_ref().map(|known| known.method));
            Arc::new(exception)
        });
        let before = entry.status.borrow().info.clone();
        if before.state.is_running() {
            let status = Status {
                info: info.clone(),
                exception,
                lost: None,
            };
            if before.state.is_running() != state.is_running() || before.restarts != restarts {
                changes.push(status.clone());
            }
            entry.status.send_replace(status);
            if !state.is_running() {
                // The thread is not started again, so its method and arguments are not needed any more.
                entry.known = None;
            }
        }
        info
    }
}

impl Entry {
    fn new(info: ThreadInfo, known: Option<Known>) -> Self {
        let status = Status {
            info,
            exception: None,
            lost: None,
        };
        Self {
            known,
            started: false,
            status: watch::Sender::new(status),
        }
    }

    fn is_running(&self) -> bool {
        self.status.borrow().info.state.is_running()
    }

    /// Marks a running thread as lost. Returns its new status, or nothing if it had ended before.
    fn lose(&self, cause: &Arc<Error>) -> Option<Status> {
        let lost = self.status.send_if_modified(|status| {
            let running = status.info.state.is_running();
            if running {
                status.info.state = ThreadState::Lost;
                status.lost = Some(Arc::clone(cause));
            }
            running
        });
        lost.then(|| self.status.borrow().clone())
    }
}

/// Polls the board for its threads for as long as one is running.
async fn follow(table: Weak<Table>, mut told: watch::Receiver<u64>) {
    let mut pause = FIRST_PAUSE;
    loop {
        match tokio::time::timeout(pause, told.changed()).await {
            Ok(Ok(())) => pause = FIRST_PAUSE,
            Ok(Err(_)) => return,
            Err(_) => pause = (pause * 2).min(LAST_PAUSE),
        }
        let Some(table) = table.upgrade() else { return };
        {
            let mut entries = table.entries();
            if !entries.threads.values().any(Entry::is_running) {
                entries.followed = false;
                return;
            }
        }
        if !table.session.state().is_connected() {
            continue;
        }
        let Ok(_beside_others) = table.session.shared(pause).await else {
            continue;
        };
        let asked = table.refresh(&table.session.live_now()).await;
        if let Err(error) = asked {
            tracing::debug!(device = table.session.name(), %error, "the board could not be asked for its threads");
        }
    }
}

impl Follower for Table {
    fn reconnected<'a>(
        self: Arc<Self>,
        connection: &'a Arc<Connection>,
        reset: bool,
        policy: &'a ReconnectPolicy,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if !reset {
                return Ok(());
            }
            {
                let mut entries = self.entries();
                entries.seen.clear();
                entries.asked_in = Some(connection.generation());
            }
            for id in self.running() {
                self.restart(connection, id, policy.restarts_threads()).await?;
            }
            Ok(())
        })
    }

    fn board_event(&self, _repr: &[u8]) {
        self.told.send_modify(|told| *told += 1);
    }

    fn out_of_reach(&self, cause: &Arc<Error>) {
        let changes = self
            .entries()
            .threads
            .values()
            .filter_map(|entry| entry.lose(cause))
            .collect();
        self.tell(changes);
    }
}
