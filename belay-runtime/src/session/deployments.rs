//! What of the program is on the board, in one epoch of the session.
//!
//! The table on the board is the truth. The host keeps what it knows of it, so that a call need not ask: what
//! the board said when the session began, and what was deployed and evicted since. All of it is void with the
//! epoch.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How the deployment cache has done since the device was connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeploymentStats {
    /// Calls whose method was on the board already.
    pub hits: u64,
    /// Calls whose method had to be sent, or was found on the board for the first time.
    pub misses: u64,
    /// Methods that were found on the board, left there by an earlier connection, and not sent.
    pub adopted: u64,
    /// Methods that were removed from the board to make room.
    pub evictions: u64,
    /// Bytes of source sent to the board.
    pub bytes: u64,
    /// Time spent sending them and waiting for the board to compile them.
    pub time: Duration,
}

/// The statistics as they are counted: a hit costs one addition.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) adopted: AtomicU64,
    pub(super) evictions: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) micros: AtomicU64,
}

impl Counters {
    pub(super) fn snapshot(&self) -> DeploymentStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DeploymentStats {
            hits: read(&self.hits),
            misses: read(&self.misses),
            adopted: read(&self.adopted),
            evictions: read(&self.evictions),
            bytes: read(&self.bytes),
            time: Duration::from_micros(read(&self.micros)),
        }
    }
}

pub(super) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

/// The key of a deployment: the hash of everything that decides what is deployed. The epoch and the
/// capabilities are those of the [`Deployments`] that it is looked up in.
pub(super) type Key = u64;

/// The name of a deployment in the board's table: eleven characters for any key.
pub(super) fn id_of(key: Key) -> Arc<str> {
    const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
    let digit = |at: u32| char::from(DIGITS[usize::try_from(key >> (6 * at) & 63).unwrap_or(0)]);
    (0..11).map(digit).collect::<String>().into()
}

#[derive(Debug)]
struct Entry {
    /// What the board calls the function by.
    function: Arc<str>,
    /// What its body calls: it is of no use without them.
    uses: Vec<Key>,
    /// When it was used last, on a clock that counts uses.
    used: u64,
}

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<Key, Entry>,
    /// On the board, but not asked for by this program yet: names and what the board calls them by.
    unclaimed: HashMap<Arc<str>, Arc<str>>,
    clock: u64,
}

/// What is deployed on one board in one epoch.
#[derive(Debug, Default)]
pub(super) struct Deployments {
    table: Mutex<Table>,
    /// Held while something is deployed, so that what many ask for at once is sent once.
    pub(super) deploying: tokio::sync::Mutex<()>,
}

impl Deployments {
    /// The board said that these are in its table: names and what it calls them by.
    pub(super) fn found(functions: impl IntoIterator<Item = (String, String)>) -> Self {
        let deployments = Self::default();
        let functions = functions.into_iter();
        let functions = functions.map(|(id, function)| (id.into(), function.into()));
        deployments.table().unclaimed.extend(functions);
        deployments
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the board calls a method by, if it is deployed; this counts as a use.
    pub(super) fn get(&self, key: Key) -> Option<Arc<str>> {
        let mut table = self.table();
        table.clock += 1;
        let clock = table.clock;
        let entry = table.entries.get_mut(&key)?;
        entry.used = clock;
        Some(Arc::clone(&entry.function))
    }

    /// Takes note of a method that is on the board without having been sent by this program, and gives what the
    /// board calls it by, if there is one.
    pub(super) fn adopt(&self, key: Key, uses: &[Key]) -> Option<Arc<str>> {
        let function = self.table().unclaimed.remove(&id_of(key))?;
        self.insert(key, uses, Arc::clone(&function));
        Some(function)
    }

    /// Takes note of a method that was sent.
    pub(super) fn insert(&self, key: Key, uses: &[Key], function: Arc<str>) {
        let mut table = self.table();
        table.clock += 1;
        let entry = Entry {
            function,
            uses: uses.to_vec(),
            used: table.clock,
        };
        table.entries.insert(key, entry);
    }

    /// The board turned out not to have this method: it and what uses it have to be deployed again.
    pub(super) fn forget(&self, key: Key) {
        let mut table = self.table();
        for key in table.with_users(key) {
            table.entries.remove(&key);
        }
    }

    /// Picks what was not used for the longest time, without what `keep` needs, and takes it out of the
    /// table. What this program has not asked for goes first. Empty when there is nothing left to be removed.
    pub(super) fn evict(&self, keep: &[Key]) -> Vec<Arc<str>> {
        let mut table = self.table();
        if !table.unclaimed.is_empty() {
            return table.unclaimed.drain().map(|(id, _)| id).collect();
        }
        let candidates = table.entries.keys().copied().filter_map(|key| {
            let group = table.with_users(key);
            let kept = group.iter().any(|key| keep.contains(key));
            let used = group
                .iter()
                .filter_map(|key| table.entries.get(key))
                .map(|entry| entry.used)
                .max();
            if kept {
                None
            } else {
                used.map(|used| (used, group))
            }
        });
        // Of two that were used by the same call, the one that needs fewer others to go with it goes first.
        let Some((_, group)) = candidates.min_by_key(|(used, group)| (*used, group.len())) else {
            return Vec::new();
        };
        group
            .into_iter()
            .filter(|key| table.entries.remove(key).is_some())
            .map(id_of)
            .collect()
    }

    /// How many deployments this program knows of.
    pub(super) fn len(&self) -> usize {
        let table = self.table();
        table.entries.len() + table.unclaimed.len()
    }
}

impl Table {
    /// A deployment and everything that uses it, directly or not.
    fn with_users(&self, key: Key) -> Vec<Key> {
        let mut group = vec![key];
        let mut at = 0;
        while let Some(&used) = group.get(at) {
            let users = self
                .entries
                .iter()
                .filter(|(_, entry)| entry.uses.contains(&used));
            let fresh: Vec<_> = users
                .map(|(key, _)| *key)
                .filter(|key| !group.contains(key))
                .collect();
            group.extend(fresh);
            at += 1;
        }
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(keys: &[Key]) -> Vec<Arc<str>> {
        keys.iter().map(|key| id_of(*key)).collect()
    }

    #[test]
    fn ids_are_short_and_differ() {
        assert_eq!(&*id_of(0), "00000000000");
        assert_eq!(&*id_of(u64::MAX), "----------F");
        assert_ne!(id_of(1), id_of(1 << 60));
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let deployments = Deployments::default();
        for key in [1, 2, 3] {
            deployments.insert(key, &[], id_of(key));
        }
        deployments.get(1);
        assert_eq!(deployments.evict(&[]), ids(&[2]));
        assert_eq!(deployments.evict(&[3]), ids(&[1]), "what is kept is not picked");
        assert_eq!(deployments.evict(&[3]), ids(&[]));
        assert!(deployments.get(3).is_some());
    }

    #[test]
    fn what_another_uses_is_as_young_as_its_user_and_goes_with_it() {
        let deployments = Deployments::default();
        deployments.insert(1, &[], id_of(1));
        deployments.insert(2, &[1], id_of(2));
        deployments.insert(3, &[], id_of(3));
        deployments.get(2);
        assert_eq!(
            deployments.evict(&[]),
            ids(&[3]),
            "1 is needed by 2, which was used last"
        );
        assert_eq!(
            deployments.evict(&[]),
            ids(&[2]),
            "the user goes before what it uses"
        );
        deployments.insert(2, &[1], id_of(2));
        deployments.forget(1);
        assert!(deployments.get(2).is_none(), "2 cannot work without 1");
    }

    #[test]
    fn what_an_earlier_program_left_is_adopted_or_goes_first() {
        let deployments = Deployments::found([
            (id_of(7).to_string(), "f0".to_owned()),
            ("stranger".into(), "f1".into()),
        ]);
        assert!(
            deployments.get(7).is_none(),
            "its uses have to be looked at first"
        );
        assert_eq!(deployments.adopt(7, &[]).as_deref(), Some("f0"));
        assert_eq!(deployments.adopt(8, &[]), None);
        assert_eq!(deployments.get(7).as_deref(), Some("f0"));
        assert_eq!(deployments.evict(&[]), [Arc::from("stranger")]);
        assert_eq!(deployments.len(), 1);
    }
}
