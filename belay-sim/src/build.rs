//! Building MicroPython boards from Debian's source package, once for all processes.

use std::{
    env,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use crate::{
    apt,
    error::{Error, Result},
    packages::{ARM_TOOLS, TOOLS},
    program::Program,
    progress::{Progress, Report},
    tools::{require, run_logged},
};

impl Program {
    /// The path of the program, if it has been built from the sources that this crate contains.
    pub(crate) fn built(self) -> Option<PathBuf> {
        built(&self.file_name())
    }

    pub(crate) fn ensure(self, report: Report) -> Result<PathBuf> {
        ensure(
            self.name(),
            &self.file_name(),
            &[TOOLS],
            report,
            |build, source, board| build.program(self, source, board),
        )
    }
}

/// Where boards are built and kept: `BELAY_BOARDS_DIR`, or `boards` in the target directory of the
/// running program's workspace, or else the user's cache.
pub fn boards_dir() -> PathBuf {
    if let Some(dir) = env::var_os("BELAY_BOARDS_DIR") {
        return PathBuf::from(dir);
    }
    let program = env::current_exe().unwrap_or_default();
    // Cargo puts this file into its target directories.
    if let Some(target) = program.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists()) {
        return target.join("boards");
    }
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache.or(home).unwrap_or_else(env::temp_dir).join("belay/boards")
}

/// The firmware of the `mps2` board, if it has been built.
pub(crate) fn built_mps2() -> Option<PathBuf> {
    built(MPS2)
}

/// A board that has been built from the best release for which there is one. Builds from the packages of
/// different Debian releases lie in directories named after the release, so that boards of different
/// MicroPython versions are never mixed up.
fn built(name: &str) -> Option<PathBuf> {
    let boards = apt::SUITES.map(|suite| boards_dir().join(suite).join(name));
    boards.into_iter().find(|board| board.exists())
}

const MPS2: &str = "mps2.elf";

/// Builds the `unix` board unless that has been done, and returns the path of its program.
///
/// Of several processes that ask for it at once, one builds it and the others wait.
///
/// # Errors
/// When a tool is missing, the source cannot be downloaded, or a step fails.
pub fn ensure_unix(report: Report) -> Result<PathBuf> {
    Program::Unix.ensure(report)
}

/// Builds the `circuitpython-like` board unless that has been done, and returns the path of its program.
///
/// # Errors
/// When a tool is missing, the source cannot be downloaded, or a step fails.
pub fn ensure_circuitpython_like(report: Report) -> Result<PathBuf> {
    Program::CircuitPythonLike.ensure(report)
}

/// Builds the `webrepl` board unless that has been done, and returns its program.
///
/// # Errors
/// When a tool is missing, the source cannot be downloaded, or a step fails.
pub fn ensure_webrepl(report: Report) -> Result<PathBuf> {
    Program::WebRepl.ensure(report)
}

/// Builds the firmware of the `mps2` board unless that has been done, and returns it.
///
/// # Errors
/// When a tool is missing, the source cannot be downloaded, or a step fails.
pub fn ensure_mps2(report: Report) -> Result<PathBuf> {
    ensure("mps2", MPS2, &[TOOLS, ARM_TOOLS], report, Build::mps2)
}

/// Builds MicroPython's cross compiler unless that has been done, and returns the path of its program.
///
/// # Errors
/// When a tool is missing, the source cannot be downloaded, or a step fails.
pub fn ensure_mpy_cross(report: Report) -> Result<PathBuf> {
    // The build of every board makes it on the way.
    ensure("mpy-cross", "mpy-cross", &[TOOLS], report, |_, _, _| Ok(()))
}

/// Downloads and unpacks MicroPython's source package unless that has been done, and returns its directory.
/// The builds of boards put their own files into that directory, too.
///
/// # Errors
/// When a tool is missing, or the source cannot be downloaded or unpacked.
pub fn ensure_source(report: Report) -> Result<PathBuf> {
    require("source", TOOLS)?;
    let build = Build::begin(report)?;
    let source = build.source()?;
    build
        .progress
        .finish(&format!("MicroPython's source is in {}", source.dir.display()));
    Ok(source.dir)
}

fn ensure(
    name: &'static str,
    file: &str,
    tools: &[&[(&str, &str)]],
    report: Report,
    make: impl FnOnce(&Build, &Source, &Path) -> Result<()>,
) -> Result<PathBuf> {
    if let Some(board) = built(file) {
        return Ok(board);
    }
    require(name, &tools.concat())?;
    let build = Build::begin(report)?;
    // Another process may have built it while this one waited for the lock.
    let board = if let Some(board) = built(file) {
        board
    } else {
        let source = build.source()?;
        let board = source.release.join(file);
        build.mpy_cross(&source)?;
        build.progress.step(&format!(
            "Building the {name} board of MicroPython {}",
            source.version
        ));
        make(&build, &source, &board)?;
        board
    };
    build
        .progress
        .finish(&format!("The {name} board is built: {}", board.display()));
    Ok(board)
}

/// A build in progress, which holds the lock.
struct Build {
    dir: PathBuf,
    log: PathBuf,
    progress: Progress,
    _lock: File,
}

/// MicroPython's unpacked source, and its version.
struct Source {
    /// The directory for boards that are built from it.
    release: PathBuf,
    dir: PathBuf,
    version: String,
}

impl Build {
    fn begin(report: Report) -> Result<Self> {
        let dir = boards_dir();
        fs::create_dir_all(&dir).map_err(Error::io(format!("making {}", dir.display())))?;
        let dir = dir
            .canonicalize()
            .map_err(Error::io(format!("finding {}", dir.display())))?;
        let progress = Progress::new(report);
        let path = dir.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::io(format!("opening {}", path.display())))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                progress.step("Waiting for another program that is building boards");
                lock.lock()
                    .map_err(Error::io(format!("locking {}", path.display())))?;
            }
            Err(TryLockError::Error(error)) => {
                return Err(Error::io(format!("locking {}", path.display()))(error));
            }
        }
        Ok(Self {
            log: dir.join("build.log"),
            dir,
            progress,
            _lock: lock,
        })
    }

    /// The source that has been unpacked before, or else that of the best release whose package can be
    /// downloaded.
    fn source(&self) -> Result<Source> {
        let releases = apt::SUITES.map(|suite| self.dir.join(suite));
        if let Some(source) = releases.iter().find_map(|release| Source::unpacked(release)) {
            return Ok(source);
        }
        let mut failure = None;
        for (suite, release) in apt::SUITES.into_iter().zip(releases) {
            match self.download(suite, &release) {
                Ok(source) => return Ok(source),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or_else(|| Error::NoSource("no suite has it".into())))
    }

    /// Downloads and unpacks the source package of one release.
    fn download(&self, suite: &str, release: &Path) -> Result<Source> {
        self.progress.step(&format!(
            "Downloading MicroPython's source package of Debian {suite}"
        ));
        let package = apt::download(suite, &release.join("apt"), &self.log)?;
        self.progress.step("Unpacking it");
        let dir = release.join("micropython");
        remove(&dir)?;
        let mut unpack = Command::new("dpkg-source");
        // apt has checked what it downloaded against the archive's signature.
        unpack
            .args(["--no-check", "--skip-patches", "-x"])
            .arg(&package.dsc)
            .arg(&dir);
        self.run("unpacking the source package", &mut unpack)?;
        let marker = dir.join(".version");
        fs::write(&marker, &package.version).map_err(Error::io(format!("writing {}", marker.display())))?;
        Ok(Source {
            release: release.to_owned(),
            dir,
            version: package.version,
        })
    }

    /// Builds the cross compiler that freezes Python modules into boards.
    fn mpy_cross(&self, source: &Source) -> Result<()> {
        let built = source.dir.join("mpy-cross/build/mpy-cross");
        if !built.exists() {
            self.progress.step("Building mpy-cross");
            self.run("building mpy-cross", &mut source.make("mpy-cross"))?;
        }
        install(&built, &source.release.join("mpy-cross"))
    }

    fn program(&self, program: Program, source: &Source, board: &Path) -> Result<()> {
        let port = source.dir.join("ports/belay");
        remove(&port)?;
        for (name, text) in program.sources() {
            let path = port.join(name);
            let parent = path.parent().unwrap_or(&port);
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&path, text))
                .map_err(Error::io(format!("writing {}", path.display())))?;
        }
        let mut make = source.make("ports/belay");
        self.run("building the board", make.arg(format!("KIND={}", program.kind())))?;
        install(&port.join(format!("build-{}/board", program.kind())), board)
    }

    fn mps2(&self, source: &Source, board: &Path) -> Result<()> {
        let mut make = source.make("ports/qemu");
        // The modules that upstream freezes are tests, and their library is not in the package.
        make.args(["BOARD=MPS2_AN385", "FROZEN_MANIFEST="]);
        self.run("building the mps2 board", &mut make)?;
        install(
            &source.dir.join("ports/qemu/build-MPS2_AN385/firmware.elf"),
            board,
        )
    }

    /// Runs a step's program, with its output in the log.
    fn run(&self, step: &'static str, command: &mut Command) -> Result<()> {
        run_logged(step, command, &self.log)
    }
}

impl Source {
    /// The source, if it was unpacked completely before.
    fn unpacked(release: &Path) -> Option<Self> {
        let dir = release.join("micropython");
        let version = fs::read_to_string(dir.join(".version")).ok()?;
        Some(Self {
            release: release.to_owned(),
            dir,
            version,
        })
    }

    fn make(&self, part: &str) -> Command {
        let mut make = Command::new("make");
        let jobs = thread::available_parallelism().map_or(1, usize::from);
        make.current_dir(self.dir.join(part))
            .arg(format!("-j{jobs}"))
            // The package lacks the Python library. Nothing of it is frozen; the build only checks that its
            // directory has a README.
            .arg("MPY_LIB_DIR=../..")
            // Without this, the build would ask the git repository around it for the version.
            .env("MICROPY_GIT_TAG", format!("v{}", self.version))
            .env("MICROPY_GIT_HASH", "")
            // If a make started this program, it must not pass on its job server.
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL");
        make
    }
}

/// Puts a finished file in its place in one step, so that no process ever sees half of it.
fn install(from: &Path, to: &Path) -> Result<()> {
    let fresh = to.with_extension("new");
    fs::copy(from, &fresh)
        .and_then(|_| fs::rename(&fresh, to))
        .map_err(Error::io(format!("installing {}", to.display())))
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io(format!("removing {}", dir.display()))(error))
        }
        _ => Ok(()),
    }
}
