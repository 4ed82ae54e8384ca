//! Files of this machine that are waited for to change.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often they are looked at. It is the same everywhere, on network drives too, and sees what an editor does by
/// renaming.
const LOOK: Duration = Duration::from_millis(150);
/// Folders within folders, at most.
const DEEPEST: usize = 32;

type Seen = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// A file or a folder, and how it was when it was last looked at.
#[derive(Debug)]
pub(crate) struct Watch {
    path: PathBuf,
    seen: Seen,
}

impl Watch {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            seen: look(path),
            path: path.to_owned(),
        }
    }

    /// Waits until something is another than before, and stays so for a moment: it is not half written then.
    ///
    /// # Cancel safety
    ///
    /// No change is missed.
    pub(crate) async fn changed(&mut self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let now = look(&self.path);
            if now == self.seen {
                continue;
            }
            tokio::time::sleep(LOOK).await;
            let later = look(&self.path);
            if later == now && !later.is_empty() {
                self.seen = later;
                return;
            }
        }
    }
}

fn look(path: &Path) -> Seen {
    let mut seen = Seen::new();
    collect(path, 0, &mut seen);
    seen
}

fn collect(path: &Path, depth: usize, seen: &mut Seen) {
    let Ok(metadata) = fs::metadata(path) else { return };
    if !metadata.is_dir() {
        seen.insert(path.to_owned(), (metadata.modified().ok(), metadata.len()));
        return;
    }
    let hidden = path.file_name().is_some_and(|name| name == ".git");
    if depth > DEEPEST || hidden {
        return;
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        collect(&entry.path(), depth + 1, seen);
    }
}
