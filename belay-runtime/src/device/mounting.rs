//! Folders of this machine on the board of a device.

use std::path::Path;

use super::Device;
use crate::error::Result;
use crate::mount::{self, Mount, MountOptions};

/// Whether what is mounted on a device is unmounted when it is closed.
#[derive(Debug)]
struct Minded;

impl Device {
    /// Mounts a folder of this machine: for as long as what is given lives, it is a file system of the board at this path,
    /// such as `/remote`, from which bodies read, write and import. What is imported from there goes before what is
    /// elsewhere.
    ///
    /// Nothing outside of the folder can be reached from the board, by whatever path or link. Nothing is written to the
    /// board's own files.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::File`](crate::ErrorKind::File) when there is no such folder, or something else is mounted at the path;
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where the board cannot ask the host, or mounts nothing that
    /// is made of Python; and whatever can become of any call.
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
