//! The board's files.

mod library;
mod listing;
mod packing;
pub(crate) mod path;
mod reading;
#[cfg(feature = "sync")]
mod sync;
mod transfer;
mod writing;

use std::collections::BTreeSet;

use futures_util::StreamExt as _;

pub use listing::{Entry, EntryKind, FileHash, Space};
#[cfg(feature = "sync")]
pub use sync::{SyncOptions, SyncReport};
pub use transfer::{Progress, Step, Transfer, TransferEvent, TransferEvents};

use crate::error::Result;
use crate::python::Arguments;
use crate::session::Session;
use library::Library;
use path::BoardPath;
use transfer::Meter;
use writing::{Unfinished, Writing};

/// The files of a device's board.
///
/// Paths begin with `/` and mean the same whatever the board's current folder is. One with a part `..`, with a NUL or
/// with a name of more than 255 bytes is refused with [`FileError::Name`](crate::FileError::Name) before anything is
/// sent, as boards do not agree on what it means.
///
/// Writing is all or nothing: what is at a path is what was there before or the whole of the new file, whatever goes
/// wrong. Until it is whole, and the board has read back what was sent, it has the name `belay~.new` in the root or in
/// the folder of the first level that it is for. What is left of that when the power or the line was cut is removed when
/// the next program first uses the board's files. On FAT, which cannot exchange files in one step, and where
/// folders have to be made, a file `belay~.to` says for that moment what is being done, and it is done to its end then.
///
/// The board reads or writes one file at a time: who comes second waits. Tasks that are not exclusive run in between.
///
/// # Errors
///
/// Beside what each method says, all have these:
/// [`Unsupported`](crate::ErrorKind::Unsupported) where the board has no file system, or one that it may not write to;
/// [`File`](crate::ErrorKind::File) for what is wrong with a file; and whatever can become of any call.
///
/// ```no_run
/// # async fn example(device: belay_runtime::Device) -> belay_runtime::Result<()> {
/// let files = device.files();
/// files.write("/lib/greeting.py", "def greet(): print('hello')").await?;
/// for entry in files.list("/lib").await? {
///     println!("{} has {} bytes", entry.path, entry.size);
/// }
/// let source = files.read("/lib/greeting.py").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Files {
    session: Session,
}

impl Files {
    /// The files of a session's board.
    pub fn new(session: &Session) -> Self {
        Self {
            session: session.clone(),
        }
    }

    /// Writes a file, with the folders that it is in where they are missing. What was at the path is replaced.
    ///
    /// It is sent in pieces that fit the board's free memory, as many ahead as the line allows, and packed where
    /// the board can unpack (`deflate`) and where that pays.
    ///
    /// # Errors
    ///
    /// [`FileError::NoSpace`](crate::FileError::NoSpace) says how many bytes are missing, and
    /// [`NotWritten`](crate::ErrorKind::NotWritten) what is at the path when something has gone wrong on
    /// the way.
    pub fn write(&self, path: &str, contents: impl Into<Vec<u8>>) -> Transfer<()> {
        let (session, path, contents) = (self.session.clone(), BoardPath::below_root(path), contents.into());
        Transfer::new(move |reporter| async move {
            let path = path.map_err(|error| error.on_device(session.device()))?;
            let writing = async {
                let (library, _turn) = Library::open(&session).await?;
                let unfinished = Unfinished::begin(&library).await;
                let mut meter = Meter::new(reporter, contents.len() as u64);
                let writing = Writing {
                    library: &library,
                    path: &path,
                    contents: &contents,
                };
                let outcome = writing.run(&mut meter).await;
                unfinished.finish();
                outcome
            };
            session.unless_closing(writing).await
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`FileError::Changed`](crate::FileError::Changed) when something on the board made it shorter meanwhile.
    pub fn read(&self, path: &str) -> Transfer<Vec<u8>> {
        let (session, path) = (self.session.clone(), BoardPath::new(path));
        Transfer::new(move |reporter| async move {
            let path = path.map_err(|error| error.on_device(session.device()))?;
            let reading = async {
                let (library, _turn) = Library::open(&session).await?;
                reading::read(&library, &path, &reporter).await
            };
            session.unless_closing(reading).await
        })
    }

    /// What is in a folder, by name.
    ///
    /// # Errors
    ///
    /// As [said above](Files#errors).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn list(&self, path: &str) -> Result<Vec<Entry>> {
        self.survey(path, false).await
    }

    /// What is in a folder and in all folders below it, by path.
    ///
    /// # Errors
    ///
    /// As [said above](Files#errors).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn walk(&self, path: &str) -> Result<Vec<Entry>> {
        self.survey(path, true).await
    }

    async fn survey(&self, path: &str, deep: bool) -> Result<Vec<Entry>> {
        let path = self.path(path)?;
        let listing = async {
            let (library, _turn) = Library::open(&self.session).await?;
            listing::survey(&library, &path, deep, &BTreeSet::new()).await
        };
        self.session.unless_closing(listing).await
    }

    /// What is at a path.
    ///
    /// # Errors
    ///
    /// [`FileError::NotFound`](crate::FileError::NotFound) when nothing is.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn metadata(&self, path: &str) -> Result<Entry> {
        let path = self.path(path)?;
        let size = self.call(&path, "metadata", &one(&path)).await?;
        Ok(Entry::new(path.shown().to_owned(), size, None))
    }

    /// Whether something is at a path.
    ///
    /// # Errors
    ///
    /// As [said above](Files#errors).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn exists(&self, path: &str) -> Result<bool> {
        let path = self.path(path)?;
        let kind: u8 = self.call(&path, "kind", &one(&path)).await?;
        Ok(kind > 0)
    }

    /// Makes a folder, and those that it is in, where they are missing.
    ///
    /// # Errors
    ///
    /// As [said above](Files#errors).
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped some of them may have been made.
    pub async fn create_dir_all(&self, path: &str) -> Result<()> {
        let path = self.path(path)?;
        self.change(&path, "make", &one(&path)).await
    }

    /// Removes a file or an empty folder.
    ///
    /// # Errors
    ///
    /// [`FileError::NotEmpty`](crate::FileError::NotEmpty) for a folder that is not, where the board says so.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped it may have been removed.
    pub async fn remove(&self, path: &str) -> Result<()> {
        let path = self.path_below_root(path)?;
        self.change(&path, "remove", &one(&path)).await
    }

    /// Removes a file, or a folder with all that is in it.
    ///
    /// # Errors
    ///
    /// As [said above](Files#errors); what was removed before is gone.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped some of it may have been removed.
    pub async fn remove_all(&self, path: &str) -> Result<()> {
        let path = self.path_below_root(path)?;
        let removing = async {
            let (library, _turn) = Library::open(&self.session).await?;
            let _alone = library.alone().await;
            let mut removed = library.all(&path, "clear", &one(&path))?;
            while let Some(one) = removed.next().await {
                one?;
            }
            Ok(())
        };
        self.session.unless_closing(removing).await
    }

    /// Gives a file or a folder another path. A file that has it is replaced.
    ///
    /// # Errors
    ///
    /// As [said above](Files#errors). Between two file systems nothing can be renamed.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped it may have the one path or the other.
    pub async fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (self.path_below_root(from)?, self.path_below_root(to)?);
        let arguments = one(&from).with_all(&one(&to));
        self.change(&from, "rename", &arguments).await
    }

    /// The digest of a file, worked out on the board.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::ErrorKind::Unsupported) on a board that has neither `hashlib.sha256` nor
    /// `binascii.crc32`, too.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn hash(&self, path: &str) -> Result<FileHash> {
        let path = self.path(path)?;
        let hashing = async {
            let (library, _turn) = Library::open(&self.session).await?;
            let mut steps = library.all(&path, "digest", &one(&path))?;
            let mut digest = None;
            while let Some(step) = steps.next().await {
                digest = step?.to::<Option<String>>()?;
            }
            let digest = digest.as_deref().and_then(FileHash::parse);
            digest.ok_or_else(|| library.unsupported("working out the digest of a file"))
        };
        self.session.unless_closing(hashing).await
    }

    /// How large the file system is that a path is in, where the board says.
    ///
    /// # Errors
    ///
    /// As [said above](Files#errors).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn space(&self, path: &str) -> Result<Option<Space>> {
        let path = self.path(path)?;
        let space: Option<(u64, u64)> = self.call(&path, "space", &one(&path)).await?;
        Ok(space.map(|(free, total)| Space { free, total }))
    }

    fn path(&self, path: &str) -> Result<BoardPath> {
        BoardPath::new(path).map_err(|error| error.on_device(self.session.device()))
    }

    fn path_below_root(&self, path: &str) -> Result<BoardPath> {
        BoardPath::below_root(path).map_err(|error| error.on_device(self.session.device()))
    }

    /// Calls one function of the board's, beside whatever it does with files.
    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        path: &BoardPath,
        function: &str,
        arguments: &Arguments,
    ) -> Result<T> {
        let calling = async {
            let (library, _turn) = Library::open(&self.session).await?;
            library.call(path, function, arguments).await
        };
        self.session.unless_closing(calling).await
    }

    /// Calls one that changes something, when nothing else is done with files.
    async fn change(&self, path: &BoardPath, function: &str, arguments: &Arguments) -> Result<()> {
        let calling = async {
            let (library, _turn) = Library::open(&self.session).await?;
            let _alone = library.alone().await;
            library.call(path, function, arguments).await
        };
        self.session.unless_closing(calling).await
    }
}

/// A path as the only argument.
fn one(path: &BoardPath) -> Arguments {
    Arguments::new().with("path", path.told())
}
