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
/// Paths begin with `/` and mean the same whatever the board's current folder is. A path that has a part `..`, a NUL or
/// a name of more than 255 bytes is refused with [`FileError::Name`](crate::FileError::Name) before anything is sent,
/// because boards do not agree on what it means.
///
/// Writing is all or nothing: whatever goes wrong, a path has either its previous contents or the whole new file. Until
/// the new file is complete, and the board has read it back and compared it, it has the name `belay~.new`, in the root
/// or in the first-level folder of its path. If the power or the line fails meanwhile, this file is left behind; it is
/// removed when a program next uses the board's files. Where exchanging the files takes more than one step, on FAT and
/// where folders have to be made, a file `belay~.to` records for that moment what is being done, and the next program
/// that uses the board's files completes it.
///
/// The board reads or writes one file at a time; other transfers wait. Tasks that are not exclusive run in between.
///
/// # Errors
///
/// All methods have these errors, besides those that each of them lists: [`Unsupported`](crate::ErrorKind::Unsupported)
/// where the board has no file system, or may not write to it; [`File`](crate::ErrorKind::File) for a problem with a
/// file; and the errors of any call.
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

    /// Writes a file, and makes the folders that it is in where they are missing. A previous file at the path is
    /// replaced.
    ///
    /// The contents are sent in pieces that fit the board's free memory, with as many in flight as flow control allows,
    /// and compressed where the board can decompress them (`deflate`) and it saves enough.
    ///
    /// # Errors
    ///
    /// [`FileError::NoSpace`](crate::FileError::NoSpace) says how many bytes are missing, and
    /// [`NotWritten`](crate::ErrorKind::NotWritten) what is at the path after the writing was cut short.
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
    /// [`FileError::Changed`](crate::FileError::Changed) when something on the board made the file shorter meanwhile.
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

    /// Lists a folder, by name.
    ///
    /// # Errors
    ///
    /// The [common ones](Files#errors).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn list(&self, path: &str) -> Result<Vec<Entry>> {
        self.survey(path, false).await
    }

    /// Lists a folder and all folders below it, by path.
    ///
    /// # Errors
    ///
    /// The [common ones](Files#errors).
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

    /// The kind and size of what is at a path.
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

    /// Whether there is a file or a folder at a path.
    ///
    /// # Errors
    ///
    /// The [common ones](Files#errors).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn exists(&self, path: &str) -> Result<bool> {
        let path = self.path(path)?;
        let kind: u8 = self.call(&path, "kind", &one(&path)).await?;
        Ok(kind > 0)
    }

    /// Makes a folder, and the folders that it is in where they are missing.
    ///
    /// # Errors
    ///
    /// The [common ones](Files#errors).
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
    /// [`FileError::NotEmpty`](crate::FileError::NotEmpty) for a folder that is not empty, on boards that report this.
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
    /// The [common ones](Files#errors); what was removed before the error is gone.
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

    /// Renames or moves a file or a folder. A file at the new path is replaced.
    ///
    /// # Errors
    ///
    /// The [common ones](Files#errors). A file cannot be moved to another file system.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, it may have either path.
    pub async fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (self.path_below_root(from)?, self.path_below_root(to)?);
        let arguments = one(&from).with_all(&one(&to));
        self.change(&from, "rename", &arguments).await
    }

    /// The digest of a file, computed on the board.
    ///
    /// # Errors
    ///
    /// Also [`Unsupported`](crate::ErrorKind::Unsupported) on a board that has neither `hashlib.sha256` nor
    /// `binascii.crc32`.
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

    /// The size of the file system that a path is in, if the board reports it.
    ///
    /// # Errors
    ///
    /// The [common ones](Files#errors).
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

    /// Calls a function of the library, also while a file is being transferred.
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

    /// Calls a function that changes something, while no file is being transferred.
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
