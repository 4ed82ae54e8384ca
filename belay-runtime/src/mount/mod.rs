//! Folders of this machine as file systems of the board.

mod asked;
mod errno;
mod folders;
mod opened;
mod options;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

pub use options::MountOptions;

use crate::agent::mount::{self, SPEC};
use crate::boxed::BoxFuture;
use crate::error::{Error, FileError, Phase, Result};
use crate::files::path::BoardPath;
use crate::host::{Host, HostFunctions};
use crate::session::{Connection, Follower, ReconnectPolicy, Session};
use folders::Folders;

/// A folder of this machine that is mounted on a board, until this value is dropped or the device is closed.
///
/// After a reset of the board, and after a reconnection, the folder is mounted again before any setup runs. A reset
/// closes the files that the board had open in it.
///
/// Each time a thread or a body on the board uses a file of the folder, the board sends a request to this program, as
/// it does for a host function.
#[derive(Debug)]
#[must_use = "the folder is not mounted any more when this is dropped"]
pub struct Mount {
    mounted: Arc<Mounted>,
}

impl Mount {
    /// Mounts a folder.
    pub(crate) async fn new(
        session: &Session,
        local: &Path,
        at: &str,
        options: MountOptions,
    ) -> Result<Self> {
        let at = BoardPath::below_root(at)?.told().to_owned();
        let dir = Dir::open_ambient_dir(local, ambient_authority()).map_err(|cause| FileError::Local {
            path: local.display().to_string(),
            cause,
        })?;
        if is_mounted(session, &at) {
            return Err(session.error(FileError::Exists { path: at }));
        }
        let folders = session.context().get_or_insert_with(Folders::default);
        session.attach(&SPEC)?;
        let host = Host(Arc::clone(&folders) as Arc<dyn HostFunctions>);
        Box::pin(session.host(&SPEC, Some(host))).await?;
        let mounted = Arc::new(Mounted {
            session: session.clone(),
            root: folders.add(dir, options.read_only),
            folders,
            at,
            enter: options.enter,
            over: AtomicBool::new(false),
            ended: tokio::sync::Mutex::new(false),
        });
        // From here on, dropping `mount` unmounts the folder in the background, in case the board has mounted it
        // already.
        let mount = Self { mounted };
        if let Err(error) = mount.mounted.begin().await {
            *mount.mounted.ended.lock().await = true;
            mount.mounted.folders.remove(mount.mounted.root);
            return Err(error);
        }
        mount.mounted.keep();
        Ok(mount)
    }

    /// The path on the board.
    pub fn path(&self) -> &str {
        &self.mounted.at
    }

    /// Makes the board forget the modules that it has imported from the folder, so that it reads them again at the next
    /// import.
    ///
    /// # Errors
    ///
    /// When the board cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the board has either forgotten all of these modules or none.
    pub async fn forget_imports(&self) -> Result<()> {
        self.mounted.ask(mount::forget(&self.mounted.at)?).await
    }

    /// Unmounts the folder. If the board's current folder is inside it, the board returns to the previous current
    /// folder.
    ///
    /// # Errors
    ///
    /// When the board cannot be reached, or cannot unmount the folder. In any case the board cannot reach the folder
    /// any more.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the folder is unmounted in the background.
    pub async fn unmount(self) -> Result<()> {
        self.mounted.end().await
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let mounted = Arc::clone(&self.mounted);
        if mounted.ended.try_lock().is_ok_and(|ended| !*ended) {
            let session = mounted.session.clone();
            session.spawn(async move {
                if let Err(error) = mounted.end().await {
                    tracing::warn!(device = mounted.session.name(), %error, "a folder could not be unmounted");
                }
            });
        }
    }
}

#[derive(Debug)]
struct Mounted {
    session: Session,
    folders: Arc<Folders>,
    root: u32,
    at: String,
    enter: bool,
    /// Whether the folder is unmounted or about to be.
    over: AtomicBool,
    /// Locked while the folder is being unmounted; the value is whether that is done.
    ended: tokio::sync::Mutex<bool>,
}

impl Mounted {
    /// Mounts the folder over the session's current connection.
    async fn begin(&self) -> Result<()> {
        let session = &self.session;
        let deadline = session.execute_deadline();
        let begun = session.unless_closing(async {
            let _turn = session.shared(deadline).await?;
            let connection = session.connection(deadline).await?;
            let begun = self.put(&connection).await;
            begun.inspect_err(|error| session.report(&connection, error))
        });
        Box::pin(begun).await
    }

    /// Mounts the folder over this connection.
    async fn put(&self, connection: &Connection) -> Result<()> {
        let deadline = connection.execute_deadline();
        let there: bool = connection.ask(mount::is_there(), deadline).await?.to()?;
        if !there {
            let brought = connection.run(SPEC.namespace, mount::LIBRARY, Some(mount::FILE));
            brought.await.map_err(|error| match error.exception() {
                Some(lacks) if lacks.is("ImportError") => unsupported(connection),
                _ => error.in_phase_after_all(Phase::Deploy),
            })?;
        }
        let asked = mount::mount(self.root, &self.at, self.enter)?;
        let can = connection.ask(asked, deadline).await;
        let can: bool = can.map_err(|error| self.refused(error))?.to()?;
        can.then_some(()).ok_or_else(|| unsupported(connection))
    }

    /// Turns the error of a failed mount into the one for the caller.
    fn refused(&self, error: Error) -> Error {
        let taken = error.exception().is_some_and(|raised| raised.errno == Some(1));
        if !taken {
            return error.in_phase(Phase::Execute);
        }
        let path = self.at.clone();
        self.session.error(FileError::Exists { path })
    }

    async fn ask(&self, expression: String) -> Result<()> {
        let deadline = self.session.execute_deadline();
        let _turn = self.session.shared(deadline).await?;
        let connection = self.session.connection(deadline).await?;
        let asked = connection.ask(expression, deadline).await;
        asked
            .map(drop)
            .inspect_err(|error| self.session.report(&connection, error))
    }

    async fn end(&self) -> Result<()> {
        self.over.store(true, Ordering::Relaxed);
        let mut ended = self.ended.lock().await;
        // Unmount on the board first, which makes it write what it has buffered of open files. Skip that if the board
        // cannot be reached.
        let told = if !*ended && self.session.can_execute() {
            self.ask(mount::unmount(&self.at)?).await
        } else {
            Ok(())
        };
        self.folders.remove(self.root);
        *ended |= told.is_ok();
        told
    }

    /// Has the folder mounted again after each reset and reconnection.
    fn keep(self: &Arc<Self>) {
        let all = self.session.context().get_or_insert_with(All::default);
        let mut all = all.list();
        all.retain(|mounted| mounted.strong_count() > 0);
        all.push(Arc::downgrade(self));
        let follower: Weak<Self> = Arc::downgrade(self);
        self.session.follow_first(follower);
    }
}

impl Follower for Mounted {
    fn reconnected<'a>(
        self: Arc<Self>,
        connection: &'a Arc<Connection>,
        reset: bool,
        _policy: &'a ReconnectPolicy,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if self.over.load(Ordering::Relaxed) {
                return Ok(());
            }
            if reset {
                self.folders.close_all(self.root);
            }
            self.put(connection).await
        })
    }
}

/// The folders that are mounted on a board.
#[derive(Debug, Default)]
struct All(Mutex<Vec<Weak<Mounted>>>);

impl All {
    fn list(&self) -> MutexGuard<'_, Vec<Weak<Mounted>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a folder is mounted at this path already.
fn is_mounted(session: &Session, at: &str) -> bool {
    let all = session.context().get::<All>();
    let there = |mounted: Arc<Mounted>| mounted.at == at && !mounted.over.load(Ordering::Relaxed);
    all.is_some_and(|all| all.list().iter().filter_map(Weak::upgrade).any(there))
}

/// Unmounts all folders of a session that is being closed.
pub(crate) async fn end_all(session: Session) -> Result<()> {
    let Some(all) = session.context().get::<All>() else {
        return Ok(());
    };
    let all = std::mem::take(&mut *all.list());
    let mut outcome = Ok(());
    for mounted in all.iter().filter_map(Weak::upgrade) {
        outcome = outcome.and(mounted.end().await);
    }
    outcome
}

fn unsupported(connection: &Connection) -> Error {
    connection.unsupported("mounting a folder, which takes a file system written in Python,")
}
