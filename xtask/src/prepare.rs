//! Prepares the machine: installs packages, boards and mpremote.

use std::{
    env, fs,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    Outcome,
    packages::{ARM_TOOLS, COUNTING, EMULATION, MICROBIT, Need, QEMU, SERVERS, TOOLS},
    run::{cargo_run, checked, succeeds, target},
};

/// Which boards to prepare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boards {
    /// Only the default one.
    Unix,
    /// All of them.
    All,
}

/// The mpremote from `PyPI` that the tests run.
const MPREMOTE: &str = "mpremote==1.29.0";

/// The packages that the benchmark compares with.
const PEERS: &str = include_str!("../../tests/peers/requirements.txt");

/// Installs what boards need and builds them, unless that has been done.
pub(crate) fn boards(which: Boards) -> Outcome {
    let needs = match which {
        Boards::Unix => TOOLS.to_vec(),
        Boards::All => [TOOLS, ARM_TOOLS, EMULATION, &[MICROBIT]].concat(),
    };
    install(&missing(&needs))?;
    let mut build = cargo_run(
        &["--package", "belay-sim", "--features", "cli", "--", "build"],
        "belay-sim",
    );
    if which == Boards::All {
        build.arg("--all");
    } else {
        // For the demonstration, the paths of the built boards do not matter.
        build.stdout(Stdio::null());
    }
    checked("building the boards", &mut build)
}

/// Installs the servers that tests put between the host and a board.
pub(crate) fn servers() -> Outcome {
    install(&missing(SERVERS))
}

/// Installs the program that counts instructions.
pub(crate) fn counting() -> Outcome {
    install(&missing(COUNTING))
}

/// A virtual environment with mpremote, made once; returns mpremote's path.
pub(crate) fn mpremote() -> Result<PathBuf, String> {
    Ok(environment("venv", &[MPREMOTE])?.join("mpremote"))
}

/// A virtual environment with the packages that the benchmark compares with, made once; returns the path of
/// its Python.
pub(crate) fn peers() -> Result<PathBuf, String> {
    let packages: Vec<&str> = PEERS.lines().collect();
    Ok(environment("venv-peers", &packages)?.join("python"))
}

/// A virtual environment with packages from `PyPI`, made once; returns the directory of its programs.
fn environment(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let venv = target().join(name);
    let programs = venv.join("bin");
    let marker = venv.join("packages");
    let list = packages.join(" ");
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == list) {
        return Ok(programs);
    }
    // Print to standard error: a program may be reading the tool's standard output.
    eprintln!("Installing {list} from PyPI into {}", venv.display());
    // The first Python on the `PATH` may lack these modules; then the distribution's is used.
    let python = ["python3", "/usr/bin/python3"]
        .into_iter()
        .find(|python| succeeds(Command::new(python).args(["-c", "import ensurepip, venv"])));
    let python = if let Some(python) = python {
        python
    } else {
        install(&["python3-venv"])?;
        "/usr/bin/python3"
    };
    checked(
        "making a virtual environment",
        Command::new(python).args(["-m", "venv", "--clear"]).arg(&venv),
    )?;
    let mut pip = Command::new(programs.join("pip"));
    checked(
        &format!("installing {list}"),
        pip.args(["install", "--quiet"]).args(packages),
    )?;
    fs::write(&marker, list).map_err(|error| format!("writing {}: {error}", marker.display()))?;
    Ok(programs)
}

/// The packages of the programs and files that are missing.
fn missing(needs: &[Need]) -> Vec<&'static str> {
    let missing = needs.iter().filter(|(file, _)| !exists(file));
    missing.map(|(_, package)| *package).collect()
}

/// Whether a file exists, or a program is on the `PATH`.
fn exists(file: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|dir| dir.join(file).exists())
}

/// Installs Debian packages; where that is not possible, says what to install.
fn install(packages: &[&str]) -> Outcome {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !exists("apt-get") {
        return Err(format!(
            "this machine has no apt-get; please install what Debian calls: {list}"
        ));
    }
    let apt = Apt::new().ok_or_else(|| {
        format!(
            "only root can install packages; please have this run, and begin again:\n  apt-get install {list}"
        )
    })?;
    println!("Installing with apt: {list}");
    // The lists of some other archive may fail to download; all that matters is whether the packages can be
    // installed.
    if let Err(message) = apt.update(&[]) {
        eprintln!("xtask: {message}; going on with the lists that there are");
    }
    let (qemu, others): (Vec<_>, Vec<_>) = packages.iter().copied().partition(|&package| package == QEMU);
    if !others.is_empty() {
        apt.install(&[], &others)?;
    }
    if qemu.is_empty() {
        return Ok(());
    }
    // If other parts of QEMU came from backports, the emulator has to come from there as well: installing the
    // one of the base suite would remove them.
    if apt.would_install(&qemu) {
        apt.install(&[], &qemu)
    } else {
        apt.install_from_backports(&qemu)
    }
}

/// apt-get, as root.
struct Apt {
    sudo: bool,
}

impl Apt {
    fn new() -> Option<Self> {
        let root = Command::new("id")
            .arg("-u")
            .output()
            .is_ok_and(|id| id.stdout.trim_ascii() == b"0");
        // A person at a terminal can give the password that sudo asks for.
        let asked = || exists("sudo") && io::stdin().is_terminal();
        let may = root || succeeds(Command::new("sudo").args(["-n", "true"])) || asked();
        may.then_some(Self { sudo: !root })
    }

    fn command(&self, options: &[String]) -> Command {
        let mut command = if self.sudo {
            Command::new("sudo")
        } else {
            Command::new("env")
        };
        command
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet=2"])
            .args(options);
        command
    }

    fn update(&self, options: &[String]) -> Outcome {
        checked("apt-get update", self.command(options).arg("update"))
    }

    fn install(&self, options: &[String], packages: &[&str]) -> Outcome {
        let mut command = self.command(options);
        command
            .args(["install", "--yes", "--no-remove", "--no-install-recommends"])
            .args(packages);
        checked(&format!("installing {}", packages.join(" ")), &mut command)
    }

    fn would_install(&self, packages: &[&str]) -> bool {
        let mut command = self.command(&[]);
        succeeds(
            command
                .args(["install", "--simulate", "--no-remove", "--no-install-recommends"])
                .args(packages),
        )
    }

    /// Installs from the backports of the machine's release even if it is not configured to use them. The
    /// package lists are kept apart, so the machine's configuration does not change.
    fn install_from_backports(&self, packages: &[&str]) -> Outcome {
        let suite = format!("{}-backports", codename()?);
        let dir = target().join("apt");
        let lists = dir.join("lists/partial");
        fs::create_dir_all(&lists).map_err(|error| format!("making {}: {error}", lists.display()))?;
        let main = Path::new("/etc/apt/sources.list");
        let base = fs::read_to_string(main).unwrap_or_default();
        let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
        let text = format!("{base}\ndeb [signed-by={keyring}] {} {suite} main\n", mirror()?);
        let sources = dir.join("sources.list");
        fs::write(&sources, text).map_err(|error| format!("writing {}: {error}", sources.display()))?;
        let options = [
            "-o".to_owned(),
            format!("Dir::Etc::SourceList={}", sources.display()),
            "-o".to_owned(),
            format!("Dir::State::Lists={}", dir.join("lists").display()),
        ];
        println!(
            "Taking {} from {suite}, to match what is installed",
            packages.join(" ")
        );
        self.update(&options)?;
        self.install(
            &[&options[..], &["--target-release".to_owned(), suite]].concat(),
            packages,
        )
    }
}

fn codename() -> Result<String, String> {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    line.map(|name| name.trim_matches('"').to_owned())
        .ok_or_else(|| "/etc/os-release names no release".into())
}

/// The Debian mirror that the machine uses.
fn mirror() -> Result<String, String> {
    let output = Command::new("apt-get")
        .args([
            "indextargets",
            "--format",
            "$(SITE)",
            "Created-By: Packages",
            "Label: Debian",
        ])
        .output()
        .map_err(|error| format!("apt-get indextargets: {error}"))?;
    let sites = String::from_utf8_lossy(&output.stdout);
    sites
        .lines()
        .next()
        .map(str::to_owned)
        .ok_or_else(|| "no Debian mirror is configured".into())
}
