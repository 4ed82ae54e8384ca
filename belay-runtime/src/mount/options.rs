//! How a folder is mounted.

/// How [`Device::mount`](crate::Device::mount) mounts a folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use]
pub struct MountOptions {
    pub(super) read_only: bool,
    pub(super) enter: bool,
}

impl MountOptions {
    /// The defaults: the board may write to the folder, and its current folder does not change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether the board may only read: whatever would change something raises `OSError` with `EROFS`.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Sets whether the folder becomes the board's current folder for as long as it is mounted, so that
    /// `open("data.txt")` means the file in it.
    pub fn enter(mut self, enter: bool) -> Self {
        self.enter = enter;
        self
    }
}
