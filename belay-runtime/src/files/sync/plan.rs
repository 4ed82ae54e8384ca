//! What has to be done to make a folder of the board the same as one of this machine.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::local::Item;
use super::options::Patterns;
use crate::error::{FileError, Result};
use crate::files::listing::{Entry, FileHash};

/// How much of a SHA-256 is compared, in characters of its hexadecimal form: 128 bits.
pub(super) const COMPARED: usize = 32;

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) write: Vec<Item>,
    pub(super) unchanged: Vec<String>,
    /// Files, and folders with everything in them.
    pub(super) remove: Vec<Entry>,
    /// What would be removed if no pattern protected it.
    pub(super) kept: Vec<String>,
}

/// Compares the files that the board should have with those that it has. `delete` has the patterns of what is
/// protected, if anything is to be removed at all; `root` is the folder on the board.
pub(super) fn plan(items: Vec<Item>, there: &[Entry], root: &str, delete: Option<&Patterns>) -> Result<Plan> {
    let mut plan = Plan::default();
    if let Some(kept) = delete {
        removals(&items, there, root, kept, &mut plan);
    }
    let there: BTreeMap<&str, &Entry> = there.iter().map(|entry| (entry.path.as_str(), entry)).collect();
    for item in items {
        let path = item.path.told();
        match there.get(path) {
            Some(entry) if entry.is_folder() && !plan.remove.iter().any(|gone| gone.path == path) => {
                let path = path.to_owned();
                return Err(FileError::IsFolder { path }.into());
            }
            Some(entry) if entry.is_file() && is_same(&item, entry)? => {
                plan.unchanged.push(path.to_owned());
            }
            _ => plan.write.push(item),
        }
    }
    Ok(plan)
}

/// Whether a file on the board has the same contents as this one.
fn is_same(item: &Item, entry: &Entry) -> Result<bool> {
    let Some(digest) = entry.digest.as_deref().filter(|_| entry.size == item.size) else {
        return Ok(false);
    };
    let contents = item.contents()?;
    Ok(if digest.len() == 8 {
        format!("{:08x}", crc32fast::hash(&contents)) == digest
    } else {
        let own = FileHash::Sha256(Sha256::digest(&contents).into());
        own.to_string()[..COMPARED] == *digest
    })
}

/// Plans the removal of what is on the board but should not be.
fn removals(items: &[Item], there: &[Entry], root: &str, kept: &Patterns, plan: &mut Plan) {
    // A file system may ignore case: paths that differ only in case may be the same file.
    let wanted: BTreeSet<String> = items
        .iter()
        .flat_map(|item| {
            let path = item.path.told();
            let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
            folders.chain([path]).map(str::to_lowercase).collect::<Vec<_>>()
        })
        .collect();
    let files: BTreeSet<String> = items.iter().map(|item| item.path.told().to_lowercase()).collect();
    let is_kept = |entry: &Entry| kept.match_path(&entry.path[root.len()..], entry.is_folder());
    let stays = |entry: &Entry| {
        let path = entry.path.to_lowercase();
        is_kept(entry) || wanted.contains(&path) && !(entry.is_folder() && files.contains(&path))
    };
    // A folder is removed as a whole if nothing inside it stays.
    let stay: BTreeSet<&str> = there
        .iter()
        .filter(|entry| stays(entry))
        .flat_map(|entry| {
            let folders = entry.path.match_indices('/').map(|(at, _)| &entry.path[..at]);
            folders.chain([entry.path.as_str()])
        })
        .collect();
    for entry in there {
        if !stay.contains(entry.path.as_str()) {
            let inside = |gone: &Entry| entry.path.starts_with(&format!("{}/", gone.path));
            if !plan.remove.iter().any(inside) {
                plan.remove.push(entry.clone());
            }
        } else if is_kept(entry) && !wanted.contains(&entry.path.to_lowercase()) {
            plan.kept.push(entry.path.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::SyncOptions;
    use super::*;
    use crate::files::path::BoardPath;

    fn item(path: &str, contents: &str) -> Item {
        Item::of_contents(BoardPath::new(path).unwrap(), contents.into())
    }

    fn folder(path: &str) -> Entry {
        Entry::new(path.into(), -1, None)
    }

    fn file(path: &str, contents: &str) -> Entry {
        let digest = format!("{:08x}", crc32fast::hash(contents.as_bytes()));
        Entry::new(path.into(), i64::try_from(contents.len()).unwrap(), Some(digest))
    }

    fn paths(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.path.as_str()).collect()
    }

    #[test]
    fn what_is_new_or_different_is_written_and_the_rest_is_not() {
        let items = vec![
            item("/a", "same"),
            item("/b", "new!"),
            item("/c", "longer"),
            item("/d", "x"),
        ];
        let there = [file("/a", "same"), file("/b", "old!"), file("/c", "c")];
        let plan = plan(items, &there, "", None).unwrap();
        let written: Vec<&str> = plan.write.iter().map(|item| item.path.told()).collect();
        assert_eq!(
            (plan.unchanged, written),
            (vec!["/a".to_owned()], vec!["/b", "/c", "/d"])
        );
        assert!(plan.remove.is_empty() && plan.kept.is_empty());
    }

    #[test]
    fn a_sha_256_is_compared_where_there_is_one() {
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for (digest, same) in [(&digest[..COMPARED], true), (&digest[1..=COMPARED], false)] {
            let entry = Entry::new("/a".into(), 3, Some(digest.into()));
            assert_eq!(is_same(&item("/a", "abc"), &entry).unwrap(), same);
        }
    }

    #[test]
    fn what_is_gone_is_removed_as_far_as_nothing_of_it_is_kept() {
        let kept = SyncOptions::new().keep("*.log").kept().unwrap();
        let there = [
            folder("/to/empty"),
            folder("/to/lib"),
            file("/to/lib/A.py", "capital"),
            file("/to/lib/gone.py", ""),
            folder("/to/old"),
            folder("/to/old/deep"),
            file("/to/old/deep/x", ""),
            folder("/to/logs"),
            file("/to/logs/1.log", ""),
            file("/to/logs/note", ""),
            file("/to/boot.py", ""),
        ];
        let plan = plan(vec![item("/to/lib/a.py", "a")], &there, "/to", Some(&kept)).unwrap();
        assert_eq!(
            paths(&plan.remove),
            ["/to/empty", "/to/lib/gone.py", "/to/old", "/to/logs/note"]
        );
        assert_eq!(plan.kept, ["/to/logs/1.log", "/to/boot.py"]);
    }

    #[test]
    fn a_folder_gives_way_to_a_file_only_where_it_may_be_removed() {
        let there = [folder("/x"), file("/x/y", "")];
        assert!(plan(vec![item("/x", "")], &there, "", None).is_err());
        let kept = SyncOptions::new().kept().unwrap();
        let gone = plan(vec![item("/x", "")], &there, "", Some(&kept)).unwrap();
        assert_eq!((paths(&gone.remove), gone.write.len()), (vec!["/x"], 1));
        let kept = SyncOptions::new().keep("y").kept().unwrap();
        assert!(plan(vec![item("/x", "")], &there, "", Some(&kept)).is_err());
    }
}
