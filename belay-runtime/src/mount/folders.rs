//! The folders that are mounted on a board, and the files that the board has open in them. Nothing outside of a folder
//! can be reached: `cap-std` resolves each path component by component, starting at the folder's handle.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cap_std::fs::{Dir, Metadata};

use super::asked::Asked;
use super::errno::Errno;
use super::opened::{Mode, Opened};
use crate::boxed::BoxFuture;
use crate::exception::HostFailure;
use crate::host::{HostFunctions, Words};
use crate::python::{Arguments, Bytes, Value};

/// How many entries of a folder are sent at once.
const ENTRIES: usize = 32;
/// How many files may be open at the same time.
const OPEN: usize = 64;
/// How many bytes are read at once, at most.
const PIECE: u64 = 64 << 10;
/// How long an operation of the host's own file system may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The file type bits that boards use for a folder and a file.
const FOLDER: i64 = 0x4000;
const FILE: i64 = 0x8000;

#[derive(Debug, Default)]
pub(super) struct Folders {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    roots: HashMap<u32, Root>,
    opened: HashMap<u32, Arc<Mutex<Opened>>>,
    last: u32,
}

#[derive(Debug, Clone)]
struct Root {
    dir: Arc<Dir>,
    read_only: bool,
}

impl State {
    /// An unused number. 0 is never used, because it stands for a file that is not open any more.
    fn number(&mut self) -> u32 {
        loop {
            self.last = self.last.wrapping_add(1);
            let taken = self.roots.contains_key(&self.last) || self.opened.contains_key(&self.last);
            if self.last > 0 && !taken {
                return self.last;
            }
        }
    }
}

impl Folders {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a folder, and returns the number by which the board refers to it.
    pub(super) fn add(&self, dir: Dir, read_only: bool) -> u32 {
        let mut state = self.state();
        let number = state.number();
        let dir = Arc::new(dir);
        state.roots.insert(number, Root { dir, read_only });
        number
    }

    /// Closes all files of a folder that the board had open.
    pub(super) fn close_all(&self, root: u32) {
        let of_it = |opened: &Arc<Mutex<Opened>>| lock(opened).root == root;
        self.state().opened.retain(|_, opened| !of_it(opened));
    }

    /// Removes a folder, so that the board cannot reach it any more.
    pub(super) fn remove(&self, root: u32) {
        self.state().roots.remove(&root);
        self.close_all(root);
    }

    fn root(&self, number: u32) -> Result<Root, Errno> {
        self.state().roots.get(&number).cloned().ok_or(Errno::NO_DEVICE)
    }

    /// A folder, if the board may write to it.
    fn writable(&self, number: u32) -> Result<Arc<Dir>, Errno> {
        let root = self.root(number)?;
        if root.read_only {
            return Err(Errno::READ_ONLY);
        }
        Ok(root.dir)
    }

    fn opened(&self, handle: u32) -> Result<Arc<Mutex<Opened>>, Errno> {
        self.state().opened.get(&handle).cloned().ok_or(Errno::BAD_FILE)
    }

    fn act(&self, asked: Asked) -> Result<Arguments, Errno> {
        match asked {
            Asked::Stat { root, path } => {
                let there = self.root(root)?.dir.metadata(named(&path))?;
                Ok(answer(&told(&there)))
            }
            Asked::List { root, path, after } => self.list(root, &path, &after),
            Asked::Open {
                root,
                path,
                mode,
                piece,
            } => self.open(root, &path, &mode, piece.min(PIECE)),
            Asked::Read { handle, at, size } => {
                let opened = self.opened(handle)?;
                let data = lock(&opened).read(at, size.min(PIECE))?;
                Ok(answer(&Bytes(data)))
            }
            Asked::Write { handle, at, data } => {
                let data = BASE64_STANDARD.decode(data.trim_end());
                let data = data.map_err(|_| Errno::INVALID)?;
                let opened = self.opened(handle)?;
                let behind = lock(&opened).write(at, &data)?;
                Ok(answer(&behind))
            }
            Asked::Size { handle } => {
                let opened = self.opened(handle)?;
                let size = lock(&opened).size()?;
                Ok(answer(&size))
            }
            Asked::Close { handle } => {
                self.state().opened.remove(&handle);
                Ok(answer(&()))
            }
            Asked::MakeFolder { root, path } => done(self.writable(root)?.create_dir(named(&path))),
            Asked::RemoveFolder { root, path } => done(self.writable(root)?.remove_dir(named(&path))),
            Asked::Remove { root, path } => done(self.writable(root)?.remove_file(named(&path))),
            Asked::Rename { root, old, new } => {
                let dir = self.writable(root)?;
                done(dir.rename(named(&old), &dir, named(&new)))
            }
        }
    }

    /// The next entries in the order of their names. Entries that the board could not open are left out.
    fn list(&self, root: u32, path: &str, after: &str) -> Result<Arguments, Errno> {
        let dir = self.root(root)?.dir.open_dir(named(path))?;
        let mut names = BTreeSet::new();
        for entry in dir.entries()? {
            let name = entry?.file_name().into_string();
            names.extend(name.ok().filter(|name| name.as_str() > after));
        }
        let reached = names.into_iter().filter_map(|name| {
            let there = dir.metadata(&name).ok()?;
            let mut entry = vec![Value::Str(name)];
            entry.extend(told(&there).into_iter().take(2).map(|of| Value::Int(of.into())));
            Some(Value::List(entry))
        });
        Ok(answer(&Value::List(reached.take(ENTRIES).collect())))
    }

    /// Opens a file and returns its handle together with its first piece. A file that is complete with this piece is
    /// not kept open.
    fn open(&self, root: u32, path: &str, mode: &str, piece: u64) -> Result<Arguments, Errno> {
        let mode = Mode::read(mode).ok_or(Errno::INVALID)?;
        let dir = if mode.writes() {
            self.writable(root)?
        } else {
            self.root(root)?.dir
        };
        if self.state().opened.len() >= OPEN {
            return Err(Errno::TOO_MANY_FILES);
        }
        let mut opened = Opened::open(root, &dir, named(path), mode)?;
        let mut first = Vec::new();
        let mut handle = 0;
        if !mode.writes() {
            first = opened.read(0, piece)?;
        }
        if mode.writes() || first.len() as u64 == piece {
            let mut state = self.state();
            handle = state.number();
            state.opened.insert(handle, Arc::new(Mutex::new(opened)));
        }
        let answered = [&handle.to_le_bytes()[..], &first].concat();
        Ok(answer(&Bytes(answered)))
    }
}

impl HostFunctions for Folders {
    fn answer(
        self: Arc<Self>,
        function: &str,
        words: Words,
    ) -> BoxFuture<'static, Result<Arguments, HostFailure>> {
        let asked = Asked::read(function, &words);
        Box::pin(async move {
            let asked = asked?;
            tracing::debug!(?asked, "the board asks for a file");
            let acting = tokio::task::spawn_blocking(move || self.act(asked));
            let said = match tokio::time::timeout(PATIENCE, acting).await {
                Ok(Ok(said)) => said,
                Ok(Err(_)) => Err(Errno::IO),
                Err(_) => Err(Errno::TIMED_OUT),
            };
            Ok(said.unwrap_or_else(|Errno(errno)| answer(&-errno)))
        })
    }
}

fn lock(opened: &Mutex<Opened>) -> MutexGuard<'_, Opened> {
    opened.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The path in the form that the host's file system expects.
fn named(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

fn answer<T: serde::Serialize + ?Sized>(value: &T) -> Arguments {
    Arguments::new().with("the answer", value)
}

fn done(done: std::io::Result<()>) -> Result<Arguments, Errno> {
    Ok(answer(&done?))
}

/// What the board is sent about a file or a folder: its type, its size in bytes, and its modification time in seconds
/// since 1970.
fn told(there: &Metadata) -> Vec<i64> {
    let changed = there.modified().ok().map(cap_std::time::SystemTime::into_std);
    let changed = changed.and_then(|changed| changed.duration_since(UNIX_EPOCH).ok());
    let seconds = changed.map_or(0, |since| since.as_secs());
    let (kind, size) = if there.is_dir() {
        (FOLDER, 0)
    } else {
        (FILE, there.len())
    };
    [kind, whole(size), whole(seconds)].into()
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
