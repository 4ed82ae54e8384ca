//! Modules that are compiled with `mpy-cross` before they are stored in the board's files.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use belay::CallPath;
use belay::prelude::*;
use belay_sim::{Board, Report};

belay_tests::over_both_paths! {
    modules_can_be_compiled_on_their_way_into_files
    without_a_compiler_that_fits_the_sources_are_put_into_files
}

/// Modules that are compiled on their way into files.
#[belay::device(modules(dir = "tests/modules/board", to = "/drivers", mpy = true))]
pub trait Compiled {
    /// ```python
    /// import counter
    /// from sensors import UNIT
    /// from palette import *
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// return counter.__file__, RED, UNIT
    /// ```
    #[task]
    async fn all(&self) -> Result<(String, u32, String)>;

    /// ```python
    /// counter.divide(1, 0)
    /// ```
    #[task]
    async fn wrong(&self) -> Result<()>;
}

/// Connects with this compiler.
async fn with_compiler(board: &Board, path: CallPath, compiler: impl AsRef<Path>) -> Device {
    let builder = Device::builder(board.port()).call_path(path).mpy_cross(compiler);
    builder.connect().await.unwrap()
}

async fn modules_can_be_compiled_on_their_way_into_files(path: CallPath) {
    let mpy_cross = belay_sim::ensure_mpy_cross(Report::Auto).unwrap();
    // Without clean-up the board would import the source that an earlier program has stored there.
    let board = Board::unix()
        .file("drivers/counter.py", "raise ValueError")
        .start()
        .await
        .unwrap();
    let file = |name: &str| board.directory().join("drivers").join(name);
    let device = with_compiler(&board, path, &mpy_cross).await;
    let compiled = CompiledDevice::attach(&device).await.unwrap();
    let expected = ("/drivers/counter.mpy".to_owned(), 0xff_0000, "°C".to_owned());
    assert_eq!(compiled.all().await.unwrap(), expected);
    assert!(!file("counter.py").exists());
    assert!(file("sensors/deep/leaf.mpy").exists());
    let error = compiled.wrong().await.unwrap_err();
    let line = error.exception().unwrap().rust_line().unwrap();
    assert_eq!((line.file, line.line), ("tests/modules/board/counter.py", 23));
    device.reset().await.unwrap();
    assert_eq!(compiled.all().await.unwrap(), expected);
    device.close().await.unwrap();
    // A file that is up to date is not written again, and a source file beside it is removed.
    let written = std::fs::metadata(file("counter.mpy"))
        .unwrap()
        .modified()
        .unwrap();
    let palette = std::fs::metadata(file("palette.mpy"))
        .unwrap()
        .modified()
        .unwrap();
    std::fs::write(file("palette.py"), "raise ValueError").unwrap();
    let device = with_compiler(&board, path, &mpy_cross).await;
    let compiled = CompiledDevice::attach(&device).await.unwrap();
    assert_eq!(compiled.all().await.unwrap(), expected);
    assert_eq!(
        std::fs::metadata(file("counter.mpy"))
            .unwrap()
            .modified()
            .unwrap(),
        written
    );
    assert!(
        std::fs::metadata(file("palette.mpy"))
            .unwrap()
            .modified()
            .unwrap()
            > palette
    );
    assert!(!file("palette.py").exists());
    device.close().await.unwrap();
}

async fn without_a_compiler_that_fits_the_sources_are_put_into_files(path: CallPath) {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("of-another-version");
    std::fs::write(&other, "#!/bin/sh\nprintf 'M\\005\\000\\037'\n").unwrap();
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o755)).unwrap();
    for compiler in [folder.path().join("none"), other, "/bin/false".into()] {
        let board = Board::unix().start().await.unwrap();
        let device = with_compiler(&board, path, &compiler).await;
        let compiled = CompiledDevice::attach(&device).await.unwrap();
        let expected = ("/drivers/counter.py".to_owned(), 0xff_0000, "°C".to_owned());
        assert_eq!(compiled.all().await.unwrap(), expected, "{}", compiler.display());
        device.close().await.unwrap();
    }
}
