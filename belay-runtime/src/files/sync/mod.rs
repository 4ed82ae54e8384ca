//! Synchronising a folder of the board with one of this machine.

mod local;
mod options;
mod plan;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;

pub use options::SyncOptions;

use super::library::Library;
use super::listing::{self, Entry};
use super::path::BoardPath;
use super::transfer::{Meter, Reporter, Step, Transfer};
use super::writing::{AHEAD, Unfinished, Writing};
use super::{Files, one};
use crate::boxed::BoxFuture;
use crate::error::{Error, ErrorKind, FileError, Result};
use crate::session::Session;
use local::Item;
use plan::Plan;

/// What [`Files::sync`] did or, with [`SyncOptions::dry_run`], would have done. All paths are paths on the board.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncReport {
    /// The files that were new or different, and were written.
    pub written: Vec<String>,
    /// How many bytes these files have.
    pub bytes: u64,
    /// The files that were the same already.
    pub unchanged: Vec<String>,
    /// The files that were removed, and the folders that were removed with everything in them.
    pub removed: Vec<String>,
    /// What would have been removed if no pattern protected it.
    pub kept: Vec<String>,
}

/// The files that the board should have.
enum What {
    Folder(PathBuf),
    Contents(Vec<(String, Vec<u8>)>),
}

// As the module is: pages of other crates tell it only so.
#[cfg(feature = "sync")]
impl Files {
    /// Copies the files of a folder of this machine to a folder of the board.
    ///
    /// The board computes the digests of its files in one go; a file with the same size and digest is not sent. Each
    /// file is written all or nothing. Files are removed only after all have been written, except where a folder is in
    /// the place of a new file. Folders without files are not made.
    ///
    /// # Errors
    ///
    /// The [common ones](Files#errors). After an error, the files that were written before it are on the board, and the
    /// others are unchanged.
    ///
    /// ```no_run
    /// # async fn example(device: belay_runtime::Device) -> belay_runtime::Result<()> {
    /// # use belay_runtime as belay;
    /// use belay::SyncOptions;
    ///
    /// let options = SyncOptions::new().delete(true).keep("*.log");
    /// let report = device.files().sync("board", "/", options).await?;
    /// println!("{} files written, {} removed", report.written.len(), report.removed.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn sync(&self, folder: impl AsRef<Path>, to: &str, options: SyncOptions) -> Transfer<SyncReport> {
        self.bring(What::Folder(folder.as_ref().to_owned()), to, options)
    }

    /// As [`sync`](Self::sync), with the paths of the files below the folder and their contents given by the program.
    ///
    /// # Errors
    ///
    /// As [`sync`](Self::sync).
    pub fn sync_contents(
        &self,
        contents: impl IntoIterator<Item = (String, Vec<u8>)>,
        to: &str,
        options: SyncOptions,
    ) -> Transfer<SyncReport> {
        self.bring(What::Contents(contents.into_iter().collect()), to, options)
    }

    fn bring(&self, what: What, to: &str, options: SyncOptions) -> Transfer<SyncReport> {
        let (session, to) = (self.session.clone(), BoardPath::new(to));
        Transfer::new(move |reporter| async move {
            let syncing = async {
                let sync = Sync {
                    session: &session,
                    to: to?,
                    options,
                };
                sync.run(what, reporter).await
            };
            let outcome = session.unless_closing(syncing).await;
            outcome.map_err(|error| error.on_device(session.device()))
        })
    }
}

/// A small file that was sent, its contents, and the result.
type Stored<'a> = (&'a Item, Vec<u8>, Result<()>);

struct Sync<'a> {
    session: &'a Session,
    to: BoardPath,
    options: SyncOptions,
}

impl Sync<'_> {
    async fn run(&self, what: What, reporter: Reporter) -> Result<SyncReport> {
        let (to, ignored) = (self.to.told().to_owned(), self.options.ignored()?);
        let kept = self.options.kept()?;
        let items = self.beside(move || match what {
            What::Folder(folder) => local::items(&folder, &to, &ignored),
            What::Contents(contents) => { contents.into_iter() }
                .map(|(path, contents)| {
                    let path = BoardPath::below_root(&format!("{to}/{path}"))?;
                    Ok(Item::of_contents(path, contents))
                })
                .collect(),
        });
        let items = items.await?;
        let (library, _turn) = Library::open(self.session).await?;
        let unfinished = Unfinished::begin(&library).await;
        let there = self.there(&library, &items).await?;
        let (root, delete) = (self.to.told().to_owned(), self.options.delete);
        let plan = self.beside(move || plan::plan(items, &there, &root, delete.then_some(&kept)));
        let plan = plan.await?;
        let report = SyncReport {
            written: plan
                .write
                .iter()
                .map(|item| item.path.told().to_owned())
                .collect(),
            bytes: plan.write.iter().map(|item| item.size).sum(),
            unchanged: plan.unchanged.clone(),
            removed: plan.remove.iter().map(|entry| entry.path.clone()).collect(),
            kept: plan.kept.clone(),
        };
        let mut meter = Meter::new(reporter, report.bytes);
        let outcome = if self.options.dry_run {
            Ok(())
        } else {
            self.carry_out(&library, plan, &mut meter).await
        };
        unfinished.finish();
        outcome.map(|()| report)
    }

    /// Runs work that waits for this machine's disk on a thread where it blocks no one.
    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let done = self.session.runtime().spawn_blocking(work).await;
        done.unwrap_or_else(|_| Err(self.session.error(ErrorKind::RuntimeGone)))
    }

    /// What is in the folder on the board, with digests of the files that may be the same as one of the items.
    async fn there(&self, library: &Library, items: &[Item]) -> Result<Vec<Entry>> {
        let sizes: BTreeSet<u64> = items.iter().map(|item| item.size).collect();
        match listing::survey(library, &self.to, true, &sizes).await {
            Err(error) if matches!(error.kind(), ErrorKind::File(FileError::NotFound { .. })) => {
                Ok(Vec::new())
            }
            there => there,
        }
    }

    async fn carry_out(&self, library: &Library, plan: Plan, meter: &mut Meter) -> Result<()> {
        let Plan { write, remove, .. } = plan;
        // A folder in the place of a new file has to be removed first.
        let in_the_way = |entry: &&Entry| write.iter().any(|item| item.path.told() == entry.path);
        for entry in remove.iter().filter(in_the_way) {
            clear(library, entry, meter).await?;
        }
        self.write(library, &write, meter).await?;
        for entry in remove.iter().filter(|entry| !in_the_way(entry)) {
            clear(library, entry, meter).await?;
        }
        Ok(())
    }

    /// Writes small files with many in flight, as far as flow control allows, and large ones one after the other.
    async fn write(&self, library: &Library, items: &[Item], meter: &mut Meter) -> Result<()> {
        let mut items = items.iter();
        let mut ahead: FuturesOrdered<BoxFuture<'_, Stored<'_>>> = FuturesOrdered::new();
        let mut large = None;
        let mut failure: Option<Error> = None;
        loop {
            while ahead.len() < AHEAD && failure.is_none() && large.is_none() {
                let Some(item) = items.next() else { break };
                let reading = item.clone();
                let contents = self.beside(move || reading.contents()).await?;
                if contents.len() > library.piece() {
                    large = Some((item, contents));
                    break;
                }
                ahead.push_back(Box::pin(async move {
                    let stored = Writing {
                        library,
                        path: &item.path,
                        contents: &contents,
                    }
                    .at_once()
                    .await;
                    (item, contents, stored)
                }));
            }
            let (item, contents) = match ahead.next().await {
                Some((item, contents, Ok(()))) => {
                    let path: Arc<str> = item.path.shown().into();
                    meter.add(&path, Step::Written, contents.len());
                    continue;
                }
                // The board may have enough memory for it in shorter pieces.
                Some((item, contents, Err(error))) if error.is_memory_error() => (item, contents),
                Some((_, _, Err(error))) => {
                    failure.get_or_insert(error);
                    continue;
                }
                None => match (failure.take(), large.take()) {
                    (Some(error), _) => return Err(error),
                    (None, Some(large)) => large,
                    (None, None) => return Ok(()),
                },
            };
            let writing = Writing {
                library,
                path: &item.path,
                contents: &contents,
            };
            if let Err(error) = writing.run(meter).await {
                failure.get_or_insert(error);
            }
        }
    }
}

/// Removes a file, or a folder with all that is in it.
async fn clear(library: &Library, entry: &Entry, meter: &Meter) -> Result<()> {
    let path = BoardPath::below_root(&entry.path)?;
    let mut removed = library.all(&path, "clear", &one(&path))?;
    while let Some(removed) = removed.next().await {
        removed?;
    }
    meter.tell(&path.shown().into(), Step::Removed);
    Ok(())
}
