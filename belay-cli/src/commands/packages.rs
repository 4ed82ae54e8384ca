//! `belay add`, `belay update`, `belay remove` and `belay mip`

use std::path::PathBuf;

use belay::SyncOptions;
use belay_packages::{LockedPackage, Packages, Report, Source};
use clap::Subcommand;
use serde_json::json;

use super::Json;
use crate::bench::Bench;
use crate::failure::Failure;
use crate::file_name::on_board;
use crate::screen::line;
use crate::{json, progress};

/// Where the packages of a project are.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The folder with the project's Python modules
    #[arg(long, value_name = "DIR", default_value = "board")]
    dir: PathBuf,
    /// The file that says what is in it
    #[arg(long, value_name = "FILE", default_value = "belay.lock")]
    lock: PathBuf,
    #[command(flatten)]
    index: Index,
    #[command(flatten)]
    json: Json,
}

/// Where the index of packages is.
#[derive(Debug, clap::Args)]
pub(crate) struct Index {
    /// Takes packages from this index, in the place of MicroPython's own
    #[arg(long, value_name = "URL", env = "BELAY_INDEX", hide_env_values = true)]
    index: Option<String>,
}

/// Brings packages into the project's folder of modules
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  belay add ssd1306 github:org/repository@v1.2\n\n\
    They are ordinary source: commit the folder, and belay.lock with it.")]
pub(crate) struct Add {
    /// NAME, NAME@VERSION, github:ORG/REPOSITORY, gitlab:…, an address, or a folder of this machine
    #[arg(required = true, value_name = "PACKAGE")]
    packages: Vec<String>,
    #[command(flatten)]
    place: Place,
}

/// Renews packages of the project, or all
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  belay update\n  belay update ssd1306")]
pub(crate) struct Update {
    /// Their names; all, if there is none
    #[arg(value_name = "PACKAGE")]
    packages: Vec<String>,
    #[command(flatten)]
    place: Place,
}

/// Removes packages from the project, with what only they needed
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  belay remove ssd1306")]
pub(crate) struct Remove {
    /// Their names
    #[arg(required = true, value_name = "PACKAGE")]
    packages: Vec<String>,
    #[command(flatten)]
    place: Place,
}

/// Packages straight onto the board
#[derive(Debug, Subcommand)]
pub(crate) enum Mip {
    /// Installs packages on the board, with what they need
    #[command(
        after_help = "Example:\n  belay mip install ssd1306\n  belay mip install --target :drivers ./my_driver"
    )]
    Install {
        /// NAME, NAME@VERSION, github:ORG/REPOSITORY, gitlab:…, an address, or a folder of this machine
        #[arg(required = true, value_name = "PACKAGE")]
        packages: Vec<String>,
        /// The folder of the board
        #[arg(long, value_name = "DIR", default_value = ":lib")]
        target: String,
        #[command(flatten)]
        index: Index,
        #[command(flatten)]
        json: Json,
    },
}

impl Index {
    fn of(self, packages: Packages) -> Packages {
        match self.index {
            Some(url) => packages.index(url),
            None => packages,
        }
    }
}

impl Place {
    /// Changes the project's packages, and reports the changes.
    async fn change(
        self,
        what: &str,
        change: impl FnOnce(&Packages) -> belay_packages::Result<Report> + Send + 'static,
    ) -> Result<(), Failure> {
        let Self {
            dir,
            lock,
            index,
            json,
        } = self;
        let packages = index.of(Packages::new(dir, lock));
        tell(&blocking(what, move || change(&packages)).await?, json)
    }
}

pub(crate) async fn add(Add { packages, place }: Add) -> Result<(), Failure> {
    let sources = sources(&packages)?;
    let what = format!("fetching {}", packages.join(", "));
    place.change(&what, move |known| known.add(&sources)).await
}

pub(crate) async fn update(Update { packages, place }: Update) -> Result<(), Failure> {
    let update = move |known: &Packages| known.update(&names(&packages));
    place.change("fetching what is new", update).await
}

pub(crate) async fn remove(Remove { packages, place }: Remove) -> Result<(), Failure> {
    let remove = move |known: &Packages| known.remove(&names(&packages));
    place.change("removing", remove).await
}

pub(crate) async fn mip(command: Mip, bench: &mut Bench) -> Result<(), Failure> {
    let Mip::Install {
        packages,
        target,
        index,
        json,
    } = command;
    let sources = sources(&packages)?;
    let folder = tempfile::tempdir()?;
    let (modules, lock) = (folder.path().join("modules"), folder.path().join("lock"));
    let fetched = index.of(Packages::new(&modules, lock));
    let what = format!("fetching {}", packages.join(", "));
    let report = blocking(&what, move || fetched.add(&sources)).await?;
    let files = bench.board().await?.device.files();
    let to = on_board(&target);
    let written = progress::transfer(files.sync(&modules, &to, SyncOptions::new())).await?;
    tell(&report, json)?;
    if !json.json {
        let (written, unchanged) = (written.written.len(), written.unchanged.len());
        line!("{written} files written to {to}, {unchanged} there already")?;
    }
    Ok(())
}

/// Runs blocking work on a thread for that.
async fn blocking(
    what: &str,
    work: impl FnOnce() -> belay_packages::Result<Report> + Send + 'static,
) -> Result<Report, Failure> {
    let done = progress::waiting(what, tokio::task::spawn_blocking(work)).await;
    Ok(done.map_err(std::io::Error::from)??)
}

fn sources(packages: &[String]) -> Result<Vec<Source>, Failure> {
    let sources: Result<_, belay_packages::Error> = packages.iter().map(|package| package.parse()).collect();
    sources.map_err(|error| {
        Failure::usage(
            error.to_string(),
            "a name, or for instance `github:org/repository@v1.2`",
        )
    })
}

fn names(packages: &[String]) -> Vec<&str> {
    packages.iter().map(String::as_str).collect()
}

fn tell(report: &Report, json: Json) -> Result<(), Failure> {
    let changes = [
        ("added", &report.added),
        ("updated", &report.updated),
        ("removed", &report.removed),
    ];
    let none = changes.iter().all(|(_, packages)| packages.is_empty());
    if none && !json.json {
        line!("nothing has changed")?;
    }
    for (step, packages) in changes {
        for LockedPackage {
            name,
            version,
            source,
            files,
            ..
        } in packages
        {
            if json.json {
                let files: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
                let known = json!({ "step": step, "name": name, "version": version, "source": source, "files": files });
                json::line(&known)?;
            } else {
                let many = files.len();
                line!("{step:8} {name} {version}  ({many} files, from {source})")?;
            }
        }
    }
    Ok(())
}
