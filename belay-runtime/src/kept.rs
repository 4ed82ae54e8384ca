//! Handles of objects that stay on a board: who has which, and which are to be given back.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use crate::random::random;

/// What can be given back at a time. Where more waits, a call that has more objects kept gives some back first.
const BATCH: usize = 64;
/// For how many objects that counts which came with an answer that nobody waited for.
const REST: usize = 16;

/// Whoever has a board keep objects: a session.
pub(crate) struct Keeper {
    /// What the board knows it by.
    id: u64,
    answers: AtomicU64,
    session: OnceLock<Weak<dyn Any + Send + Sync>>,
    /// Told when there is something to give back, where nothing was before. It does not wait.
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
    released: Mutex<Released>,
}

#[derive(Debug, Default)]
struct Released {
    waiting: Vec<Freed>,
    /// Whether somebody has been told, and is not at the end of it.
    told: bool,
}

impl Released {
    /// Some of this epoch. What is of another one is gone by itself.
    fn batch(&mut self, epoch: u64) -> Vec<Freed> {
        self.waiting.retain(|freed| freed.epoch() == epoch);
        let many = self.waiting.len().min(BATCH);
        self.waiting.drain(..many).collect()
    }
}

/// Some of what the board has not got to keep any more. Unless it was given back when this is dropped, it waits again.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    keeper: &'a Keeper,
    freed: Vec<Freed>,
}

impl Batch<'_> {
    /// What is in it.
    pub(crate) fn freed(&self) -> &[Freed] {
        &self.freed
    }

    /// The board has let go of it.
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

/// What the board has not got to keep any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freed {
    /// One object.
    One { epoch: u64, number: u64 },
    /// What came with an answer, from this number on.
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
            // What a board with small ints can hold.
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
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// From now on it keeps for this session, and tells `wake` when there is something to give back.
    pub(crate) fn keep_for(
        &self,
        session: Weak<dyn Any + Send + Sync>,
        wake: impl Fn() + Send + Sync + 'static,
    ) {
        // There is one session for each.
        let _ = self.session.set(session);
        let _ = self.wake.set(Box::new(wake));
    }

    /// The session, for as long as there is one.
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
    pub(crate) fn take(&self, epoch: u64) -> Batch<'_> {
        let mut released = self.released();
        let freed = released.batch(epoch);
        released.told = !freed.is_empty();
        Batch { keeper: self, freed }
    }

    /// The same for a call that is about to have more objects kept, where whoever was told has not kept up.
    pub(crate) fn take_if_behind(&self, epoch: u64) -> Option<Batch<'_>> {
        let mut released = self.released();
        let waiting: usize = released.waiting.iter().map(|freed| freed.objects()).sum();
        (waiting > BATCH).then(|| Batch {
            keeper: self,
            freed: released.batch(epoch),
        })
    }

    /// Whoever was told gives up, and is told anew of what comes next.
    pub(crate) fn give_up(&self) {
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

/// An object on a board. When it is dropped the board need not keep it any more.
#[derive(Debug)]
pub(crate) struct Handle {
    keeper: Arc<Keeper>,
    epoch: u64,
    number: u64,
}

impl Handle {
    pub(crate) fn keeper(&self) -> &Arc<Keeper> {
        &self.keeper
    }

    /// The epoch of the session in which the object is there.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Its number, which no other object has had on the board in this epoch.
    pub(crate) fn number(&self) -> u64 {
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

/// An answer, or a stream of answers, with which objects come. What of them has not come when it is dropped is given back:
/// nobody will ever have heard of it.
#[derive(Debug)]
pub(crate) struct Expected {
    keeper: Arc<Keeper>,
    epoch: u64,
    answer: u64,
    /// The first number that has not come.
    next: u64,
    /// Whether nothing more can come.
    whole: bool,
}

impl Expected {
    pub(crate) fn new(keeper: &Arc<Keeper>, epoch: u64) -> Self {
        Self {
            keeper: Arc::clone(keeper),
            epoch,
            answer: keeper.answers.fetch_add(1, Ordering::Relaxed),
            next: 0,
            whole: false,
        }
    }

    /// The number of the answer.
    pub(crate) fn answer(&self) -> u64 {
        self.answer
    }

    /// So many objects have come.
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

    /// That was all.
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
    /// The handles that came with what is being read.
    static READ: RefCell<Option<Vec<Arc<Handle>>>> = const { RefCell::new(None) };
    /// The handles in what is being written.
    static WRITTEN: RefCell<Option<Vec<Arc<Handle>>>> = const { RefCell::new(None) };
}

type Scope = std::thread::LocalKey<RefCell<Option<Vec<Arc<Handle>>>>>;

/// Does this with these handles at hand, and gives those that are there at its end. It does so even if `act` panics.
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

/// Reads something that came with these handles.
pub(crate) fn reading<T>(handles: &[Arc<Handle>], read: impl FnOnce() -> T) -> T {
    within(&READ, handles.to_vec(), read).0
}

/// The handle of this number, if it came with what is being read.
pub(crate) fn in_what_is_read(number: u64) -> Option<Arc<Handle>> {
    READ.with_borrow(|handles| {
        let handles = handles.as_ref()?;
        handles.iter().find(|handle| handle.number == number).cloned()
    })
}

/// Writes something, and gives the handles that are in it.
pub(crate) fn writing<T>(write: impl FnOnce() -> T) -> (T, Vec<Arc<Handle>>) {
    within(&WRITTEN, Vec::new(), write)
}

/// This handle is in what is being written. Says whether anything is that can have handles in it.
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

    /// A keeper, and how often it has told somebody.
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
        // It waits again where it could not be.
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
        // Meanwhile who was told finds nothing.
        assert!(keeper.take(0).freed().is_empty());
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
        drop(batch);
        assert_eq!(wakes.load(Ordering::Relaxed), 2, "it waits, and somebody is told");
        given_back(keeper.take_if_behind(0).unwrap());
        assert!(keeper.take_if_behind(0).is_none());
    }
}
