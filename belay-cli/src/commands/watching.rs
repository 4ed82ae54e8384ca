//! Watches local files for changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often the files are polled. Polling works everywhere, on network drives too, and notices editors that
/// replace a file by renaming.
const LOOK: Duration = Duration::from_millis(150);
/// The maximum depth of nested folders.
const DEEPEST: usize = 32;

type Seen = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// A file or a folder, with its state when it was last polled.
#[derive(Debug)]
pub(crate) struct Watch {
    path: PathBuf,
    /// Whether only Python modules are watched.
    modules: bool,
    seen: Seen,
}

impl Watch {
    pub(crate) fn new(path: &Path) -> Self {
        Self::of(path, false)
    }

    /// Watches only what can be imported from a folder.
    pub(crate) fn modules(path: &Path) -> Self {
        Self::of(path, true)
    }

    fn of(path: &Path, modules: bool) -> Self {
        Self {
            seen: look(path, modules),
            path: path.to_owned(),
            modules,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until something has changed and then stayed the same for a moment, so that it is not half
    /// written.
    ///
    /// # Cancel safety
    ///
    /// No change is missed.
    pub(crate) async fn changed(&mut self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let now = look(&self.path, self.modules);
            if now == self.seen {
                continue;
            }
            tokio::time::sleep(LOOK).await;
            let later = look(&self.path, self.modules);
            if later == now && !later.is_empty() {
                self.seen = later;
                return;
            }
        }
    }
}

fn look(path: &Path, modules: bool) -> Seen {
    let mut seen = Seen::new();
    collect(path, 0, &mut seen);
    let is_module = |path: &Path| path.extension().is_some_and(|of| of == "py" || of == "mpy");
    seen.retain(|path, _| !modules || is_module(path));
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
