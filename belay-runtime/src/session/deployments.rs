//! The methods that are deployed on the board in one epoch of the session.
//!
//! The table on the board is authoritative. The host mirrors it, so that a call need not ask the board: it starts with
//! what the board reported when the session began, and adds and removes what it deploys and evicts. When the epoch
//! ends, all of this is invalid.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Statistics of the deployment cache since the device was connected.
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

/// The statistics as atomic counters: counting a cache hit costs one addition.
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

/// The key of a deployment: a hash of everything that decides what is deployed. Epoch and capabilities are not part of
/// it, because each [`Deployments`] is for one epoch of one board.
pub(super) type Key = u64;

/// The name of a deployment in the board's table: eleven characters for any key.
pub(super) fn id_of(key: Key) -> Arc<str> {
    const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
    let digit = |at: u32| char::from(DIGITS[usize::try_from(key >> (6 * at) & 63).unwrap_or(0)]);
    (0..11).map(digit).collect::<String>().into()
}

#[derive(Debug)]
struct Entry {
    /// The name by which the function is called on the board.
    function: Arc<str>,
    /// The methods that its body uses. It does not work without them.
    uses: Vec<Key>,
    /// When it was last used, as a count of uses.
    used: u64,
}

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<Key, Entry>,
    /// Functions on the board that this program has not asked for yet: their names in the table, and the names by which
    /// they are called.
    unclaimed: HashMap<Arc<str>, Arc<str>>,
    clock: u64,
}

/// What is deployed on one board in one epoch.
#[derive(Debug, Default)]
pub(super) struct Deployments {
    table: Mutex<Table>,
    /// Locked while something is deployed, so that a method that many callers need at once is sent only once.
    pub(super) deploying: tokio::sync::Mutex<()>,
}

impl Deployments {
    /// Starts with the table that the board has reported: names, and the names by which the functions are called.
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

    /// The name by which a method is called on the board, if it is deployed. This counts as a use.
    pub(super) fn get(&self, key: Key) -> Option<Arc<str>> {
        let mut table = self.table();
        table.clock += 1;
        let clock = table.clock;
        let entry = table.entries.get_mut(&key)?;
        entry.used = clock;
        Some(Arc::clone(&entry.function))
    }

    /// Adopts a method that is on the board though this program has not sent it, and returns the name by which it is
    /// called. Returns nothing if it is not there.
    pub(super) fn adopt(&self, key: Key, uses: &[Key]) -> Option<Arc<str>> {
        let function = self.table().unclaimed.remove(&id_of(key))?;
        self.insert(key, uses, Arc::clone(&function));
        Some(function)
    }

    /// Adds a method that was sent.
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

    /// Forgets a method that the board turned out not to have, together with those that use it.
    pub(super) fn forget(&self, key: Key) {
        let mut table = self.table();
        for key in table.with_users(key) {
            table.entries.remove(&key);
        }
    }

    /// Removes the least recently used method and those that use it from the table, and returns their names. Nothing in
    /// `keep` is removed. What this program has not asked for goes first. Empty when there is nothing left to remove.
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
        // If two were used by the same call, choose the one with fewer methods that have to go with it.
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
