//! A board whose file system can be full, and can be like FAT.

use belay::Device;
use belay_sim::Builder;

const SOURCE: &str = include_str!("disk.py");

/// A board that can be given such a disk: the disk is kept in the file `/disk.py`, and that file's size counts against
/// its room.
pub fn with_disk(board: Builder) -> Builder {
    board.file("disk.py", SOURCE)
}

/// Gives the board this disk until the next reset. `settings` are Python statements about `disk`, which has the
/// attributes `room`, `mute`, `fat` and `cut`.
///
/// # Errors
///
/// When the statements cannot be executed.
pub async fn set_disk(device: &Device, settings: &str) -> belay::Result<()> {
    let code = format!("from disk import disk\n{settings}\n");
    device.execute(&code).await.map(drop)
}
