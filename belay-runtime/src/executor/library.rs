//! The thread library on the board, as the host calls it.

use std::time::Duration;

use serde::Deserialize;

use crate::agent::{self, threads};
use crate::clock::bounded;
use crate::error::{Result, ThreadError};
use crate::exception::DeviceException;
use crate::python::Arguments;
use crate::session::{Connection, ThreadState};

/// The board's report of one of its threads.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) id: u32,
    pub(super) name: String,
    pub(super) state: ThreadState,
    pub(super) restarts: u32,
    pub(super) run_time: Duration,
    pub(super) exception: Option<DeviceException>,
}

/// A record as the board sends it: id, name, state, stop request, restarts, milliseconds, exception.
#[derive(Deserialize)]
struct RawRecord(u32, String, u8, bool, u32, u64, Option<RawException>);

/// An exception as the board sends it: class, message, arguments, `errno`, traceback.
#[derive(Deserialize)]
struct RawException(String, String, Option<String>, Option<i32>, String);

impl From<RawRecord> for Record {
    fn from(RawRecord(id, name, state, stopping, restarts, millis, exception): RawRecord) -> Self {
        Self {
            id,
            name,
            state: match (state, stopping) {
                (0 | 1, true) => ThreadState::Stopping,
                (0, _) => ThreadState::Running,
                (1, _) => ThreadState::Paused,
                (2, _) => ThreadState::Stopped,
                (3, _) => ThreadState::Finished,
                _ => ThreadState::Failed,
            },
            restarts,
            run_time: Duration::from_millis(millis),
            exception: exception.map(DeviceException::from),
        }
    }
}

impl From<RawException> for DeviceException {
    fn from(RawException(type_name, message, args, errno, traceback): RawException) -> Self {
        let mut exception = Self::new(type_name, message);
        exception.args = args;
        exception.errno = errno;
        exception.traceback = agent::frames(&traceback);
        exception
    }
}

/// Whether the library is on the board, perhaps because an earlier program installed it.
pub(super) async fn is_there(connection: &Connection) -> Result<bool> {
    if !connection.capabilities().threads {
        return Ok(false);
    }
    let mut known = connection.thread_library.lock().await;
    if let Some(there) = *known {
        return Ok(there);
    }
    let there = evaluate(connection, threads::adopt()).await?.to()?;
    *known = Some(there);
    Ok(there)
}

/// Installs the library on the board unless it is there already.
///
/// # Errors
///
/// Also when the board has no threads.
pub(super) async fn provide(connection: &Connection) -> Result<()> {
    if !connection.capabilities().threads {
        return Err(connection.unsupported("running a method in a thread"));
    }
    if is_there(connection).await? {
        return Ok(());
    }
    let mut known = connection.thread_library.lock().await;
    if *known != Some(true) {
        connection
            .run(threads::NAMESPACE, threads::LIBRARY, Some(threads::FILE))
            .await?;
        *known = Some(true);
    }
    Ok(())
}

/// The parameters with which a thread is started.
pub(super) struct Start<'a> {
    pub(super) id: u32,
    pub(super) name: &'a str,
    /// Whether to refuse the start if a thread of this name is running.
    pub(super) single: bool,
    /// The board's name of the function.
    pub(super) function: &'a str,
    pub(super) arguments: &'a Arguments,
    pub(super) restarts: u32,
    pub(super) longest: Option<Duration>,
    /// How long the thread may take to stop once `longest` is over.
    pub(super) stop: Duration,
}

/// Starts a thread.
///
/// # Errors
///
/// Also when the board has no slot left, or when a thread of this name is running already.
pub(super) async fn start(connection: &Connection, start: Start<'_>) -> Result<()> {
    connection.check_handles(start.arguments)?;
    let expression = threads::start(&threads::Start {
        id: start.id,
        name: start.name,
        single: start.single,
        function: start.function,
        arguments: start.arguments,
        restarts: start.restarts,
        longest: millis(start.longest.unwrap_or_default()),
        patience: patience(start.stop),
    })?;
    let started: (bool, Option<RawException>) = evaluate(connection, expression).await?.to()?;
    let name = start.name.to_owned();
    Err(match started {
        (true, _) => return Ok(()),
        (false, None) => ThreadError::AlreadyRunning { name },
        (false, Some(exception)) => ThreadError::NoSlot {
            name,
            exception: Box::new(exception.into()),
        },
    }
    .into())
}

/// The board's report of its threads. The board forgets those in `seen` first, whose end the host knows already.
pub(super) async fn report(connection: &Connection, seen: &[u32]) -> Result<Vec<Record>> {
    let answer = evaluate(connection, threads::report(seen)).await?;
    let records: Vec<RawRecord> = answer.to()?;
    Ok(records.into_iter().map(Record::from).collect())
}

/// Asks threads to stop at their next stop point. They should have stopped when the deadline is over.
pub(super) async fn stop(connection: &Connection, ids: &[u32], deadline: Duration) -> Result<()> {
    evaluate(connection, threads::stop(ids, patience(deadline)))
        .await
        .map(drop)
}

/// Holds all threads at their stop points until [`resume`] ends the pause of this name, and returns the names of those
/// that did not get there in time.
pub(super) async fn pause(connection: &Connection, name: u32, within: Duration) -> Result<Vec<String>> {
    let expression = threads::pause(name, millis(within).min(LONGEST));
    let deadline = within.saturating_add(connection.execute_deadline());
    connection.ask(expression, deadline).await?.to()
}

/// Ends a pause, even one that has not begun.
pub(super) async fn resume(connection: &Connection, name: u32) -> Result<()> {
    evaluate(connection, threads::resume(name)).await.map(drop)
}

/// For how many milliseconds the clean-up of a thread is not disturbed, if the thread has this long to stop. The rest
/// of the time is for a thread that has swallowed the stop and has to be stopped again.
fn patience(deadline: Duration) -> u64 {
    (millis(deadline) / 4).saturating_mul(3).min(LONGEST)
}

/// The longest time in milliseconds that the clock of every board can count.
const LONGEST: u64 = 1 << 28;

fn millis(duration: Duration) -> u64 {
    u64::try_from(bounded(duration).as_millis()).unwrap_or(u64::MAX)
}

async fn evaluate(connection: &Connection, expression: String) -> Result<crate::session::Returned> {
    connection.ask(expression, connection.execute_deadline()).await
}
