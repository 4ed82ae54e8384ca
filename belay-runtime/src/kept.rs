//! Handles of objects that stay on a board, and which objects the board can release.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use crate::random::random;

/// How long what is given back waits for more of it.
pub const LULL: Duration = Duration::from_millis(20);
/// How often that is tried again before it waits for what is given back next.
const ATTEMPTS: u32 = 8;
/// What can be given back at a time. Where more waits, a call that has more objects kept gives some back first.
const BATCH: usize = 64;
/// How many objects a [`Freed::Rest`] counts for, as their real number is not known.
const REST: usize = 16;

/// Whoever has a board keep objects: a session.
pub struct Keeper {
    /// What the board knows it by.
    id: u64,
    answers: AtomicU64,
    session: OnceLock<Weak<dyn Any + Send + Sync>>,
    /// Called when the first object is waiting to be released. It must not block.
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
    released: Mutex<Released>,
}

#[derive(Debug, Default)]
struct Released {
    waiting: Vec<Freed>,
    /// Whether `wake` was called and the task that it starts is not done yet.
    told: bool,
}

impl Released {
    /// Takes a batch of objects of this epoch. Those of other epochs are gone already, and are dropped from the list.
    fn batch(&mut self, epoch: u64) -> Vec<Freed> {
        self.waiting.retain(|freed| freed.epoch() == epoch);
        let many = self.waiting.len().min(BATCH);
        self.waiting.drain(..many).collect()
    }
}

/// A batch of objects for the board to release. If it is dropped before they were released, they wait again.
#[derive(Debug)]
pub struct Batch<'a> {
    keeper: &'a Keeper,
    freed: Vec<Freed>,
}

impl Batch<'_> {
    /// The objects.
    pub(crate) fn freed(&self) -> &[Freed] {
        &self.freed
    }

    /// The board has released them.
    pub(crate) fn given_back(mut self) {
        self.freed.clear();
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if !self.freed.is_empty() {
            self.keeper.free(self.freed.drain(..));
        }
    }
}

/// What the board can release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freed {
    /// One object.
    One { epoch: u64, number: u64 },
    /// The objects of an answer, from this number on: they never reached the host.
    Rest { epoch: u64, answer: u64, first: u64 },
}

impl Freed {
    fn epoch(self) -> u64 {
        match self {
            Self::One { epoch, .. } | Self::Rest { epoch, .. } => epoch,
        }
    }

    fn objects(self) -> usize {
        match self {
            Self::One { .. } => 1,
            Self::Rest { .. } => REST,
        }
    }
}

impl Default for Keeper {
    fn default() -> Self {
        Self {
            // Small enough for the small integers of every board.
            id: random() >> 36 | 1,
            answers: AtomicU64::new(1),
            session: OnceLock::new(),
            wake: OnceLock::new(),
            released: Mutex::default(),
        }
    }
}

impl Keeper {
    /// What the board knows it by.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// From now on it keeps for this session, and tells `wake` when there is something to give back.
    pub fn keep_for(&self, session: Weak<dyn Any + Send + Sync>, wake: impl Fn() + Send + Sync + 'static) {
        // There is one session for each.
        let _ = self.session.set(session);
        let _ = self.wake.set(Box::new(wake));
    }

    /// The session, if it still exists.
    pub(crate) fn session<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.session.get()?.upgrade()?.downcast().ok()
    }

    fn released(&self) -> MutexGuard<'_, Released> {
        self.released.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn free(&self, freed: impl IntoIterator<Item = Freed>) {
        let mut released = self.released();
        released.waiting.extend(freed);
        let tell = !std::mem::replace(&mut released.told, true);
        drop(released);
        if tell && let Some(wake) = self.wake.get() {
            wake();
        }
    }

    /// Some of what is to be given back in this epoch, for who was told. Where there is nothing, somebody is told anew of
    /// what comes.
    pub fn take(&self, epoch: u64) -> Batch<'_> {
        let mut released = self.released();
        let freed = released.batch(epoch);
        released.told = !freed.is_empty();
        Batch { keeper: self, freed }
    }

    /// The same for a call that will keep more objects, if the task that releases them has fallen behind.
    pub(crate) fn take_if_behind(&self, epoch: u64) -> Option<Batch<'_>> {
        let mut released = self.released();
        let waiting: usize = released.waiting.iter().map(|freed| freed.objects()).sum();
        (waiting > BATCH).then(|| Batch {
            keeper: self,
            freed: released.batch(epoch),
        })
    }

    /// Gives back all that waits: `release` does that with some of it, and says whether there was any. Where it fails it is
    /// tried again, as long as that makes sense.
    pub async fn give_back<F, E>(&self, mut release: impl FnMut() -> F, goes_on: impl Fn(&E) -> bool)
    where
        F: Future<Output = Result<bool, E>>,
    {
        let mut failures = 0;
        loop {
            match release().await {
                Ok(true) => failures = 0,
                Ok(false) => return,
                Err(error) => {
                    failures += 1;
                    // A Ctrl-C that was meant for a call, or made by the line, has hit it.
                    if failures > ATTEMPTS || !goes_on(&error) {
                        return self.give_up();
                    }
                    tokio::time::sleep(LULL * failures).await;
                }
            }
        }
    }

    /// Whoever was told gives up, and is told anew of what comes next.
    fn give_up(&self) {
        self.released().told = false;
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// An object on a board. When the handle is dropped, the board can release the object.
#[derive(Debug)]
pub struct Handle {
    keeper: Arc<Keeper>,
    epoch: u64,
    number: u64,
}

impl Handle {
    pub(crate) fn keeper(&self) -> &Arc<Keeper> {
        &self.keeper
    }

    /// The epoch of the session in which the object is there.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Its number, which no other object has had on the board in this epoch.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.keeper.free([Freed::One {
            epoch: self.epoch,
            number: self.number,
        }]);
    }
}

/// An answer, or a stream of answers, that brings objects. When this is dropped before the answer was complete, the
/// objects that have not arrived are released, since the host will never get a handle of them.
#[derive(Debug)]
pub struct Expected {
    keeper: Arc<Keeper>,
    epoch: u64,
    answer: u64,
    /// The number of the first object that has not arrived.
    next: u64,
    /// Whether no more objects can arrive.
    whole: bool,
}

impl Expected {
    pub fn new(keeper: &Arc<Keeper>, epoch: u64) -> Self {
        Self {
            keeper: Arc::clone(keeper),
            epoch,
            answer: keeper.answers.fetch_add(1, Ordering::Relaxed),
            next: 0,
            whole: false,
        }
    }

    /// The number of the answer.
    pub fn answer(&self) -> u64 {
        self.answer
    }

    /// Records that this many objects have arrived, and returns handles of them.
    pub(crate) fn came(&mut self, first: u64, count: usize) -> Vec<Arc<Handle>> {
        let numbers = (first..).take(count);
        self.next = first.saturating_add(count as u64).max(self.next);
        numbers
            .map(|number| {
                Arc::new(Handle {
                    keeper: Arc::clone(&self.keeper),
                    epoch: self.epoch,
                    number,
                })
            })
            .collect()
    }

    /// The answer is complete.
    pub(crate) fn end(&mut self) {
        self.whole = true;
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        if !self.whole {
            self.keeper.free([Freed::Rest {
                epoch: self.epoch,
                answer: self.answer,
                first: self.next,
            }]);
        }
    }
}

thread_local! {
    /// The handles that came with the value that is being deserialised.
    static READ: RefCell<Option<Vec<Arc<Handle>>>> = const { RefCell::new(None) };
    /// The handles in the value that is being serialised.
    static WRITTEN: RefCell<Option<Vec<Arc<Handle>>>> = const { RefCell::new(None) };
}

type Scope = std::thread::LocalKey<RefCell<Option<Vec<Arc<Handle>>>>>;

/// Runs `act` with these handles in the scope, and returns those that are in it afterwards. The previous handles are
/// restored even if `act` panics.
fn within<T>(
    scope: &'static Scope,
    handles: Vec<Arc<Handle>>,
    act: impl FnOnce() -> T,
) -> (T, Vec<Arc<Handle>>) {
    struct Restore(&'static Scope, Option<Vec<Arc<Handle>>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            self.0.replace(self.1.take());
        }
    }
    let restore = Restore(scope, scope.replace(Some(handles)));
    let done = act();
    let handles = scope.take().unwrap_or_default();
    drop(restore);
    (done, handles)
}

/// Deserialises something that came with these handles.
pub(crate) fn reading<T>(handles: &[Arc<Handle>], read: impl FnOnce() -> T) -> T {
    within(&READ, handles.to_vec(), read).0
}

/// The handle of this number, if it came with the value that is being deserialised.
pub(crate) fn in_what_is_read(number: u64) -> Option<Arc<Handle>> {
    READ.with_borrow(|handles| {
        let handles = handles.as_ref()?;
        handles.iter().find(|handle| handle.number == number).cloned()
    })
}

/// Serialises something, and returns the handles that are in it.
pub(crate) fn writing<T>(write: impl FnOnce() -> T) -> (T, Vec<Arc<Handle>>) {
    within(&WRITTEN, Vec::new(), write)
}

/// Adds a handle to the value that is being serialised. Returns false where no value is being serialised that can have
/// handles.
pub(crate) fn is_written(handle: &Arc<Handle>) -> bool {
    WRITTEN.with_borrow_mut(|handles| match handles {
        Some(handles) => {
            handles.push(Arc::clone(handle));
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(epoch: u64, number: u64) -> Freed {
        Freed::One { epoch, number }
    }

    /// A keeper, and how often it has called `wake`.
    fn counting() -> (Arc<Keeper>, Arc<AtomicU64>) {
        let keeper = Arc::new(Keeper::default());
        let wakes = Arc::new(AtomicU64::new(0));
        let nobody: Weak<u8> = Weak::new();
        let counted = Arc::clone(&wakes);
        keeper.keep_for(nobody, move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        (keeper, wakes)
    }

    fn given_back(batch: Batch<'_>) -> Vec<Freed> {
        let freed = batch.freed().to_vec();
        batch.given_back();
        freed
    }

    #[test]
    fn what_is_dropped_is_given_back_once_and_in_batches() {
        let (keeper, wakes) = counting();
        let mut expected = Expected::new(&keeper, 3);
        let handles = expected.came(10, 70);
        expected.end();
        drop(expected);
        let kept = Arc::clone(&handles[5]);
        drop(handles);
        assert_eq!(wakes.load(Ordering::Relaxed), 1, "one waking for all of them");
        let mut all = given_back(keeper.take(3));
        assert_eq!(all.len(), BATCH);
        all.extend(given_back(keeper.take(3)));
        assert_eq!(all.len(), 69);
        assert!(!all.contains(&one(3, 15)), "somebody has that one");
        assert!(keeper.take(3).freed().is_empty());
        drop(kept);
        assert_eq!(wakes.load(Ordering::Relaxed), 2);
        assert_eq!(keeper.take(3).freed(), [one(3, 15)]);
    }

    #[test]
    fn what_never_came_is_given_back_from_there_on() {
        let keeper = Arc::new(Keeper::default());
        let mut expected = Expected::new(&keeper, 0);
        let (epoch, answer) = (0, expected.answer());
        let handles = expected.came(4, 2);
        drop(expected);
        let rest = Freed::Rest {
            epoch,
            answer,
            first: 6,
        };
        // It waits again, because the batch was dropped without being released.
        assert_eq!(keeper.take(0).freed(), [rest]);
        keeper.give_up();
        drop(handles);
        assert_eq!(keeper.take(0).freed(), [rest, one(0, 4), one(0, 5)]);
    }

    #[test]
    fn what_is_of_another_epoch_is_not_given_back() {
        let keeper = Arc::new(Keeper::default());
        let mut expected = Expected::new(&keeper, 0);
        drop(expected.came(0, 1));
        drop(expected);
        assert!(keeper.take(1).freed().is_empty());
        assert!(keeper.take(0).freed().is_empty());
    }

    #[test]
    fn a_call_gives_back_what_waits_for_too_long_and_a_given_up_one_leaves_it_to_who_is_told() {
        let (keeper, wakes) = counting();
        drop(Expected::new(&keeper, 0).came(0, BATCH - REST));
        assert!(
            keeper.take_if_behind(0).is_none(),
            "no more than is given back at a time"
        );
        drop(Expected::new(&keeper, 0));
        let batch = keeper.take_if_behind(0).unwrap();
        assert_eq!(batch.freed().len(), BATCH - REST + 2);
        // Meanwhile the task that `wake` started finds nothing.
        assert!(keeper.take(0).freed().is_empty());
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
        drop(batch);
        assert_eq!(wakes.load(Ordering::Relaxed), 2, "it waits, and somebody is told");
        given_back(keeper.take_if_behind(0).unwrap());
        assert!(keeper.take_if_behind(0).is_none());
    }
}
