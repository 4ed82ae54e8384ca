//! Mounting folders of this machine on the device's board.

use std::path::Path;

use super::Device;
use crate::error::Result;
use crate::mount::{self, Mount, MountOptions};

/// Marks in the session's context that the teardown which unmounts all folders is registered.
#[derive(Debug)]
struct Minded;

// As the module is: pages of other crates tell it only so.
#[cfg(feature = "mount")]
impl Device {
    /// Mounts a folder of this machine: for as long as the returned [`Mount`] lives, the folder is a file system of the
    /// board at this path, such as `/remote`, from which bodies read, write and import. Modules in it take precedence
    /// over modules of the same name elsewhere.
    ///
    /// The board can reach nothing outside of the folder, by whatever path or link. Nothing is written to the board's
    /// own files.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`](crate::ErrorKind::File) when there is no such folder, or something else is mounted at the
    /// path; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where the board cannot call the host, or cannot
    /// mount a file system that is written in Python; and the errors of any call.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the folder is unmounted in the background.
    ///
    /// ```no_run
    /// # async fn example(device: belay_runtime::Device) -> belay_runtime::Result<()> {
    /// # use belay_runtime as belay;
    /// use belay::MountOptions;
    ///
    /// let mount = device.mount("firmware", "/remote", MountOptions::new().read_only(true)).await?;
    /// device.execute("import blink").await?;
    /// mount.unmount().await
    /// # }
    /// ```
    pub async fn mount(&self, local: impl AsRef<Path>, at: &str, options: MountOptions) -> Result<Mount> {
        let session = self.session();
        let mounted = Box::pin(Mount::new(session, local.as_ref(), at, options)).await?;
        if session.context().get::<Minded>().is_none() && session.context().insert(Minded).is_none() {
            let session = session.clone();
            self.teardowns().register(move || mount::end_all(session));
        }
        Ok(mounted)
    }
}
