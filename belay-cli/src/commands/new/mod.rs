//! `belay new`

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::screen::line;

/// The library's folder in the checkout in which this program was built.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const MAIN: &str = include_str!("main.rs.txt");
/// The names of packages that the new project uses, of crates that always exist, and of folders in which
/// cargo builds.
const TAKEN: [&str; 12] = [
    "belay",
    "belay-rs",
    "belay-sim",
    "belay_sim",
    "tokio",
    "test",
    "std",
    "core",
    "build",
    "deps",
    "examples",
    "incremental",
];
const MODULE: &str = include_str!("blinker.py.txt");

/// Makes a cargo project with a trait, a Python module, and a test on a simulated board
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  belay new thing\n  cd thing\n  cargo test\n  cargo run\n\n\
    `cargo run` needs no board: without an address it starts a simulated one. `cargo run /dev/ttyACM0` runs on yours."
)]
pub(crate) struct Arguments {
    /// The folder to be made; its name is the package's
    path: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let path = &arguments.path;
    // For `.` the name is that of the current folder.
    let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
    let name = name(if path.file_name().is_some() { path } else { &whole })?;
    let filled = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    if filled || path.is_file() {
        return Err(Failure::usage(
            format!("{} is there already", path.display()),
            "give another name",
        ));
    }
    let checkout = Path::new(WORKSPACE).canonicalize().ok();
    let checkout = checkout.filter(|checkout| checkout.join("belay/Cargo.toml").is_file());
    let files = [
        ("Cargo.toml", manifest(name, checkout.as_deref())),
        (".gitignore", "/target\n".to_owned()),
        ("src/main.rs", MAIN.replace("NAME", name)),
        ("board/blinker.py", MODULE.to_owned()),
    ];
    for (file, text) in files {
        let file = path.join(file);
        let folder = file.parent().unwrap_or(path);
        fs::create_dir_all(folder).map_err(|error| Failure::local(folder, &error))?;
        fs::write(&file, text).map_err(|error| Failure::local(&file, &error))?;
    }
    if let Some(lock) = checkout
        .map(|checkout| checkout.join("Cargo.lock"))
        .filter(|lock| lock.is_file())
    {
        // Use the versions of dependencies that this machine has already.
        let to = path.join("Cargo.lock");
        fs::copy(lock, &to).map_err(|error| Failure::local(&to, &error))?;
    }
    let shown = path.display().to_string();
    let there = match path.file_name() {
        Some(_) => format!("  cd {}\n", shell_words::quote(&shown)),
        None => String::new(),
    };
    Ok(line!("{name} is made. Now:\n{there}  cargo test\n  cargo run")?)
}

/// The name of the new package, if it is one that cargo accepts.
fn name(path: &Path) -> Result<&str, Failure> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let fits = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let begins = name.starts_with(|character: char| character.is_ascii_alphabetic());
    let taken = TAKEN.contains(&name);
    if !begins || taken || !name.chars().all(fits) {
        return Err(Failure::usage(
            format!("`{name}` is no name of a package"),
            "one begins with a letter, and has letters, digits, `-` and `_`; that of a library which it uses, or of a \
             folder of cargo's, will not do",
        ));
    }
    Ok(name)
}

fn manifest(name: &str, checkout: Option<&Path>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let from = |folder: &str| match checkout {
        // Cargo accepts slashes on every system.
        Some(checkout) => format!(
            ", path = {:?}",
            checkout.join(folder).display().to_string().replace('\\', "/")
        ),
        None => String::new(),
    };
    format!(
        r#"[package]
name = "{name}"
version = "0.1.0"
edition = "2024"

[dependencies]
belay = {{ package = "belay-rs", version = "{version}"{} }}
tokio = {{ version = "1", features = ["macros", "rt-multi-thread"] }}

# Simulated boards, for tests and for `cargo run` without a board.
[target.'cfg(target_os = "linux")'.dependencies]
belay-sim = {{ version = "{version}"{} }}

# It is no member of a workspace that it happens to be in.
[workspace]
"#,
        from("belay"),
        from("belay-sim")
    )
}
