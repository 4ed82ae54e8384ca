//! Many boards that are called as one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use belay::{Attach, NeedsNoHost, SessionState};
use futures_core::Stream;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::sync::{mpsc, watch};

use crate::boards::{BoardEvent, BoardInfo};
use crate::task::Task;
use crate::wire::MOST_BOARDS;
use crate::{Fleet, FleetError};

/// How long a call may take on a board, and on how many it runs at once, unless it is said.
const WITHIN: Duration = Duration::from_secs(10);
const AT_ONCE: usize = 64;
/// When a board that could not be had is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What a group can be made of: the device of a trait without host functions.
pub trait Attachable: Attach + NeedsNoHost + Clone + Send + Sync + 'static {}

impl<D: Attach + NeedsNoHost + Clone + Send + Sync + 'static> Attachable for D {}

/// All boards that are meant, each with the same trait: one call is made on all of them, and each gives a result of its own.
///
/// A board that comes is taken, connected and set up; one that comes back is that again. Dropping the group closes its
/// devices and gives the boards back.
///
/// ```no_run
/// use std::time::Duration;
///
/// use belay::prelude::*;
/// use belay_fleet::{Fleet, Query};
/// use futures_util::StreamExt as _;
///
/// #[belay::device]
/// pub trait Thermometer {
///     /// ```python
///     /// from machine import ADC
///     /// return ADC(4).read_u16()
///     /// ```
///     #[task]
///     async fn reading(&self) -> Result<u16>;
/// }
///
/// # async fn example(fleet: Fleet) -> std::result::Result<(), Box<dyn std::error::Error>> {
/// let group = fleet.group::<ThermometerDevice>(&Query::new().tag("bench", "3"), "readings").await?;
/// let group = group.within(Duration::from_secs(2));
/// group.ready(16).await;
/// let mut readings = group.call(|board| async move { board.reading().await });
/// while let Some((board, reading)) = readings.next().await {
///     println!("{board}: {reading:?}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Group<D> {
    members: watch::Receiver<Members<D>>,
    within: Duration,
    at_once: usize,
    _follows: Task,
}

type Members<D> = BTreeMap<String, Member<D>>;

/// A board of a group.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Member<D> {
    /// The board, and what its server said of it when it came.
    pub info: BoardInfo,
    /// The device, or why there is none at the moment.
    pub device: Result<D, String>,
}

impl<D: Attachable> Group<D> {
    pub(crate) fn new(
        fleet: Fleet,
        boards: impl Stream<Item = BoardEvent> + Send + Unpin + 'static,
        name: &str,
    ) -> Self {
        let (sender, members) = watch::channel(Members::new());
        let follows = Task::spawn(follow(fleet, boards, sender, name.to_owned()));
        Self {
            members,
            within: WITHIN,
            at_once: AT_ONCE,
            _follows: follows,
        }
    }

    /// Says how long a call may take on each board; ten seconds, unless this says otherwise. The time begins when the call
    /// does.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// Says on how many boards a call runs at once; 64, unless this says otherwise, and one at least.
    #[must_use]
    pub fn at_once(mut self, boards: usize) -> Self {
        self.at_once = boards.max(1);
        self
    }

    /// The boards, in the order of their names. One that was there and is gone stays, without a device.
    pub fn members(&self) -> Vec<Member<D>> {
        self.members.borrow().values().cloned().collect()
    }

    /// Waits until so many boards have a device.
    ///
    /// # Cancel safety
    ///
    /// It can be dropped and called again.
    pub async fn ready(&self, boards: usize) {
        let ready = |members: &Members<D>| {
            let devices = members.values().filter(|member| member.device.is_ok());
            devices.count() >= boards
        };
        // What follows the boards lives as long as the group.
        let _ = self.members.clone().wait_for(ready).await;
    }

    /// Makes a call on every board, and gives what became of it on each, in the order in which they are done.
    ///
    /// What fails on one board ends nothing on the others. A board without a device is told as [`FleetError::Away`], one that
    /// takes too long as [`FleetError::Late`]: the call is interrupted there. Dropping the stream interrupts all that run.
    pub fn call<R, F, Fut>(
        &self,
        call: F,
    ) -> impl Stream<Item = (String, Result<R, FleetError>)> + use<D, R, F, Fut>
    where
        F: Fn(D) -> Fut,
        Fut: Future<Output = belay::Result<R>>,
    {
        let within = self.within;
        let calls = self.members().into_iter().map(move |member| {
            let board = member.info.board;
            let call = member.device.map(&call);
            async move {
                let result = match call {
                    Ok(call) => done(&board, within, call).await,
                    Err(why) => Err(FleetError::Away {
                        board: board.clone(),
                        why,
                    }),
                };
                (board, result)
            }
        });
        futures_util::stream::iter(calls.collect::<Vec<_>>()).buffer_unordered(self.at_once)
    }

    /// The streams of all boards that have a device, as one: each item comes with its board. One that fails or ends does not
    /// end the others; dropping what this gives ends them all.
    ///
    /// `group.merged(|board| Box::pin(board.readings()))` is how it is called.
    pub fn merged<T, F>(&self, open: F) -> impl Stream<Item = (String, T)> + Send + Unpin + use<D, T, F>
    where
        T: Send + 'static,
        F: for<'a> Fn(&'a D) -> BoxStream<'a, T> + Send + Sync + 'static,
    {
        let (open, (sender, receiver)) = (Arc::new(open), mpsc::channel(1));
        let mut tasks = Vec::new();
        for member in self.members() {
            let (board, open, sender) = (member.info.board, Arc::clone(&open), sender.clone());
            let Ok(device) = member.device else { continue };
            // What a stream borrows it from has to stay with it.
            tasks.push(Task::spawn(async move {
                let mut stream = open(&device);
                while let Some(item) = stream.next().await {
                    if sender.send((board.clone(), item)).await.is_err() {
                        return;
                    }
                }
            }));
        }
        let merged = (receiver, tasks);
        Box::pin(futures_util::stream::unfold(
            merged,
            |(mut receiver, tasks)| async move { Some((receiver.recv().await?, (receiver, tasks))) },
        ))
    }

    /// Closes all devices and gives the boards back: what failed, by board.
    pub async fn close(self) -> Vec<(String, belay::Error)> {
        let members = self.members();
        drop(self);
        let closing = members.into_iter().filter_map(|member| {
            let device = member.device.ok()?;
            Some(async move {
                let closed = device.attached().device().close().await;
                closed.err().map(|error| (member.info.board, error))
            })
        });
        let closed = futures_util::stream::iter(closing.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
        closed.filter_map(std::future::ready).collect().await
    }
}

async fn done<R>(
    board: &str,
    within: Duration,
    call: impl Future<Output = belay::Result<R>>,
) -> Result<R, FleetError> {
    match tokio::time::timeout(within, call).await {
        Ok(result) => result.map_err(|error| FleetError::Device(Box::new(error))),
        Err(_) => Err(FleetError::Late {
            board: board.to_owned(),
            within,
        }),
    }
}

/// Takes boards as they come, and lets them go when they are gone.
async fn follow<D: Attachable>(
    fleet: Fleet,
    mut boards: impl Stream<Item = BoardEvent> + Unpin,
    members: watch::Sender<Members<D>>,
    name: String,
) {
    let mut keeping = HashMap::new();
    while let Some(event) = boards.next().await {
        match event {
            BoardEvent::Arrived(info) => {
                let board = info.board.clone();
                let new = !members.borrow().contains_key(&board);
                if new && members.borrow().len() >= MOST_BOARDS {
                    tracing::warn!(board, "the group has too many boards for this one");
                    continue;
                }
                let device = Err("it is being connected".to_owned());
                members.send_modify(|members| {
                    members.insert(board.clone(), Member { info, device });
                });
                let task = keep(fleet.clone(), board.clone(), name.clone(), members.clone());
                keeping.insert(board, Task::spawn(task));
            }
            BoardEvent::Departed(board) => {
                keeping.remove(&board);
                set(&members, &board, Err("it is not announced any more".to_owned()));
            }
        }
    }
}

/// Takes a board and connects it, again and again.
async fn keep<D: Attachable>(fleet: Fleet, board: String, name: String, members: watch::Sender<Members<D>>) {
    // It stays the group's between one connection and the next.
    let connector = fleet.connector(&board, &name);
    loop {
        let builder = belay::DeviceBuilder::over(connector.clone());
        match Box::pin(builder.attach::<D>()).await {
            Ok(device) => {
                let mut states = device.attached().device().session().states();
                set(&members, &board, Ok(device));
                let lost = |state| matches!(state, SessionState::Faulted | SessionState::Closed);
                while let Some(state) = states.next().await {
                    if lost(state) {
                        break;
                    }
                }
                set(&members, &board, Err("its connection was lost".to_owned()));
            }
            Err(error) => set(&members, &board, Err(error.to_string())),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn set<D>(members: &watch::Sender<Members<D>>, board: &str, device: Result<D, String>) {
    members.send_modify(|members| {
        if let Some(member) = members.get_mut(board) {
            member.device = device;
        }
    });
}
