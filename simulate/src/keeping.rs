//! Objects on the board that the host has handles of: made, used and dropped beside the calls.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use belay_runtime::agent::objects;
use belay_runtime::kept::{Expected, Handle, Keeper, LULL};
use belay_runtime::link::{Came, Link, Payload, Request, Statements};
use belay_runtime::python::Arguments;
use belay_runtime::{Error, ErrorKind, Remote};
use futures_util::StreamExt as _;
use tokio::runtime;
use tokio::time::{sleep, timeout};

use crate::board::Witness;
use crate::calls::DEPLOYED;
use crate::choices::Choices;
use crate::host::LONG;

/// What is done with objects.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    /// So many are made by one call, for whose answer nobody waits for longer than this.
    Make(u32, Option<Duration>),
    /// So many come one by one, of which this many are taken.
    Each(u32, u32),
    /// One of those that there are is asked for its name.
    Ask(usize),
    /// Some of those that there are are dropped.
    Drop(usize),
}

impl Deed {
    pub(crate) fn drawn(choices: &mut Choices) -> Self {
        let number = |choices: &mut Choices, limit| u32::try_from(choices.below(limit)).unwrap_or(0);
        match choices.below(10) {
            0..3 => {
                let cancel = choices.chance(250);
                let many = number(choices, 40);
                Self::Make(many, cancel.then(|| Duration::from_millis(choices.below(60))))
            }
            3..5 => {
                let many = number(choices, 30);
                Self::Each(many, number(choices, u64::from(many) + 1))
            }
            5..8 => Self::Ask(choices.index(50)),
            _ => Self::Drop(choices.index(20)),
        }
    }
}

/// What became of a deed.
#[derive(Debug)]
pub(crate) enum Done {
    Well,
    /// It gave something else than it has to.
    Wrong(String),
    Failed(Error),
}

/// An object that somebody has.
#[derive(Debug, Clone)]
struct Held {
    handle: Arc<Handle>,
    /// The run of the board's interpreter that it is of.
    boot: u64,
    name: u32,
}

/// What the host has of a board, over as many links as there are one after the other.
#[derive(Debug, Default)]
pub(crate) struct Pocket {
    keeper: Arc<Keeper>,
    witness: Witness,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The link, and in which run of the board's interpreter it is.
    live: Option<(Link, u64)>,
    held: Vec<Held>,
}

impl Pocket {
    /// An empty one. What is dropped from it is given back as a session does that.
    pub(crate) fn new(witness: &Witness) -> Arc<Self> {
        let witness = witness.clone();
        let pocket = Arc::new(Self {
            witness,
            ..Self::default()
        });
        let weak = Arc::downgrade(&pocket);
        let session: Weak<dyn Any + Send + Sync> = weak.clone();
        pocket.keeper.keep_for(session, move || {
            let weak = weak.clone();
            // At the end of a run there is none.
            if let Ok(runtime) = runtime::Handle::try_current() {
                runtime.spawn(async move {
                    sleep(LULL).await;
                    if let Some(pocket) = weak.upgrade() {
                        pocket.release().await;
                    }
                });
            }
        });
        pocket
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the board keep objects over this link. One that `runs` Python needs the library for it.
    pub(crate) async fn begin(&self, link: &Link, epoch: u64, runs: bool) -> Result<(), Error> {
        link.provide_packing(LONG).await?;
        if runs {
            let statements = Statements {
                namespace: objects::NAMESPACE,
                source: objects::LIBRARY,
                file: Some(objects::FILE),
            };
            link.execute(statements, LONG).await?;
        }
        let begin = objects::begin(self.keeper.id());
        link.request(Request::Evaluate(begin), LONG).await?;
        self.state().live = Some((link.clone(), epoch));
        Ok(())
    }

    /// The link is at its end.
    pub(crate) fn leave(&self) {
        self.state().live = None;
    }

    /// Has the board let go of what nobody has.
    pub(crate) async fn release(&self) {
        let release = || async {
            let live = self.state().live.clone();
            let (link, epoch) = live.ok_or(ErrorKind::Closed)?;
            link.release(self.keeper.take(epoch), LONG).await
        };
        let goes_on = |_: &Error| {
            let live = self.state().live.clone();
            live.is_some_and(|(link, _)| link.end().is_none())
        };
        self.keeper.give_back(release, goes_on).await;
    }

    /// The numbers of the objects that somebody has, of those that are on the board.
    pub(crate) fn held(&self) -> BTreeSet<u64> {
        let epoch = self.state().live.as_ref().map(|(_, epoch)| *epoch);
        let here = epoch.map(|epoch| self.of(epoch)).unwrap_or_default();
        here.iter().map(|held| held.handle.number()).collect()
    }

    /// What somebody has of one run of the board's interpreter.
    fn of(&self, epoch: u64) -> Vec<Held> {
        let state = self.state();
        let here = state.held.iter().filter(|held| held.handle.epoch() == epoch);
        here.cloned().collect()
    }

    fn put(&self, link: &Link, handle: Arc<Handle>, name: u32) {
        let boot = link.hello().boot;
        self.witness.facts().held.insert((boot, handle.number()));
        self.state().held.push(Held { handle, boot, name });
    }

    fn drop_some(&self, many: usize) {
        let mut state = self.state();
        let many = many.min(state.held.len());
        let dropped: Vec<Held> = state.held.drain(..many).collect();
        drop(state);
        for Held { handle, boot, .. } in dropped {
            // From here on it may go.
            self.witness.facts().held.remove(&(boot, handle.number()));
        }
    }

    /// Does this in a call of this number.
    pub(crate) async fn perform(&self, id: u32, deed: Deed) -> Done {
        let Some((link, epoch)) = self.state().live.clone() else {
            return Done::Well;
        };
        match deed {
            Deed::Make(many, None) => self.make(&link, epoch, id, many).await,
            Deed::Make(many, Some(cancel)) => {
                let making = self.make(&link, epoch, id, many);
                timeout(cancel, making).await.unwrap_or(Done::Well)
            }
            Deed::Each(many, taken) => self.each(&link, epoch, id, (many, taken)).await,
            Deed::Ask(which) => self.ask(&link, epoch, id, which).await,
            Deed::Drop(many) => {
                self.drop_some(many);
                Done::Well
            }
        }
    }

    async fn make(&self, link: &Link, epoch: u64, id: u32, many: u32) -> Done {
        let expected = Expected::new(&self.keeper, epoch);
        let arguments = Arguments::new().with("id", &id).with("many", &many);
        let arguments = arguments.returning::<Vec<Remote>>();
        let request = request("things", arguments.numbered(expected.answer(), false));
        match link.request_objects(request, expected, LONG).await {
            Ok(Came::Objects { repr, handles, .. }) if is_list(&repr, &handles) => {
                if handles.len() != many as usize {
                    return Done::Wrong(format!("{} objects instead of {many}", handles.len()));
                }
                for (handle, name) in handles.into_iter().zip(id * 1_000..) {
                    self.put(link, handle, name);
                }
                Done::Well
            }
            Ok(other) => Done::Wrong(format!("{other:?}")),
            Err(error) => Done::Failed(error),
        }
    }

    async fn each(&self, link: &Link, epoch: u64, id: u32, (many, taken): (u32, u32)) -> Done {
        let expected = Expected::new(&self.keeper, epoch);
        let arguments = Arguments::new().with("id", &id).with("many", &many);
        let arguments = arguments.returning::<Remote>();
        let request = request("each", arguments.numbered(expected.answer(), false));
        let mut stream = match link.open_objects(request, Some(expected), LONG).await {
            Ok(stream) => stream,
            Err(error) => return Done::Failed(error),
        };
        for name in (id * 1_000..).take(taken as usize) {
            match stream.next().await {
                Some(Ok(Came::Objects { repr, handles, .. })) if is_one(&repr, &handles) => {
                    for handle in handles {
                        self.put(link, handle, name);
                    }
                }
                Some(Ok(other)) => return Done::Wrong(format!("{other:?}")),
                Some(Err(error)) => return Done::Failed(error),
                None => return Done::Wrong(format!("the end before {name}")),
            }
        }
        Done::Well
    }

    async fn ask(&self, link: &Link, epoch: u64, id: u32, which: usize) -> Done {
        let here = self.of(epoch);
        if here.is_empty() {
            return Done::Well;
        }
        let Held { handle, name, .. } = &here[which % here.len()];
        let arguments = Arguments::new().with("act", "c").with("number", &handle.number());
        let request = Request::Call {
            function: objects::ACT.to_owned(),
            arguments: arguments.with("method", "ask").with("id", &id),
        };
        match link.request(request, LONG).await {
            Ok(Payload::Repr(repr)) if repr == name.to_string().as_bytes() => Done::Well,
            Ok(other) => Done::Wrong(format!("object {name} says {other:?}")),
            Err(error) => Done::Failed(error),
        }
    }
}

fn request(function: &str, arguments: Arguments) -> Request {
    let at = DEPLOYED.iter().position(|known| *known == function);
    let function = format!("f{}", at.unwrap_or(0));
    Request::Call { function, arguments }
}

fn is_list(repr: &[u8], handles: &[Arc<Handle>]) -> bool {
    let handles = handles.iter().map(|handle| format!("H({})", handle.number()));
    repr == format!("[{}]", handles.collect::<Vec<_>>().join(", ")).as_bytes()
}

fn is_one(repr: &[u8], handles: &[Arc<Handle>]) -> bool {
    matches!(handles, [handle] if repr == format!("H({})", handle.number()).as_bytes())
}
