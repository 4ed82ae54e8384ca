//! Adding, updating and removing packages.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result, closest};
use crate::folder::Folder;
use crate::lock::{self, LockedFile, LockedPackage};
use crate::resolve::{Fetched, Resolver};
use crate::source::{Forge, Source};

/// The index of MicroPython's own packages.
const INDEX: &str = "https://micropython.org/pi/v2";
/// How long fetching one file may take, by default.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The packages in a folder.
#[derive(Debug)]
pub struct Packages {
    folder: PathBuf,
    lock: PathBuf,
    settings: Settings,
}

/// Where packages are fetched from, and how long that may take.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) index: String,
    hosts: Vec<(Forge, String)>,
    pub(crate) timeout: Duration,
}

impl Settings {
    /// The address of the server that has the files of this forge.
    pub(crate) fn host(&self, forge: Forge) -> &str {
        let mut own = self.hosts.iter();
        own.find(|(other, _)| *other == forge)
            .map_or(forge.host(), |(_, host)| host)
    }
}

/// What an operation has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Packages that are new.
    pub added: Vec<LockedPackage>,
    /// Packages that were there before and have changed in any respect.
    pub updated: Vec<LockedPackage>,
    /// Packages that were removed, including the dependencies that only they had.
    pub removed: Vec<LockedPackage>,
}

/// The changes to the files in the folder.
#[derive(Debug, Default)]
struct Plan<'a> {
    write: Vec<(PathBuf, &'a [u8])>,
    remove: Vec<PathBuf>,
}

impl Packages {
    /// The packages in this folder, which are recorded in this lock file. Neither has to exist.
    pub fn new(folder: impl Into<PathBuf>, lock: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            lock: lock.into(),
            settings: Settings {
                index: INDEX.to_owned(),
                hosts: Vec::new(),
                timeout: TIMEOUT,
            },
        }
    }

    /// Fetches packages from this index instead of MicroPython's own, `https://micropython.org/pi/v2`.
    #[must_use]
    pub fn index(mut self, url: impl Into<String>) -> Self {
        let url: String = url.into();
        url.trim_end_matches('/').clone_into(&mut self.settings.index);
        self
    }

    /// Fetches files of this forge from the server at this address, such as a mirror, instead of the forge's own.
    #[must_use]
    pub fn host(mut self, forge: Forge, url: impl Into<String>) -> Self {
        let url: String = url.into();
        let host = url.trim_end_matches('/').to_owned();
        self.settings.hosts.insert(0, (forge, host));
        self
    }

    /// Sets how long fetching one file may take. The default is 30 seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// The packages in the lock file.
    ///
    /// # Errors
    ///
    /// When the lock file cannot be read, or is not valid.
    pub fn list(&self) -> Result<Vec<LockedPackage>> {
        lock::read(&self.lock)
    }

    /// Adds packages and their dependencies. One that is there already is fetched again.
    ///
    /// # Errors
    ///
    /// When one cannot be found or fetched, is not valid, or would replace a file that belongs to no package or was
    /// edited. Nothing is changed then, unless the error is [`Write`](Error::Write).
    pub fn add(&self, sources: &[Source]) -> Result<Report> {
        let old = self.list()?;
        let known: Vec<String> = old.iter().map(|package| package.name.clone()).collect();
        let fetched = Resolver::new(&self.settings).resolve(sources, &known)?;
        self.change(&old, fetched, &[])
    }

    /// Fetches these packages again, or all if `names` is empty, with their dependencies. A package that was added at a
    /// version, branch or tag stays at that.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add), and when one of the names is not among the packages that were added.
    pub fn update(&self, names: &[&str]) -> Result<Report> {
        let old = self.list()?;
        let chosen = |package: &&LockedPackage| names.is_empty() || names.contains(&package.name.as_str());
        check_names(&old, names)?;
        let wanted = { old.iter() }.filter(|package| package.requested).filter(chosen);
        let wanted = wanted
            .map(|package| package.source.parse())
            .collect::<Result<Vec<Source>>>()?;
        let fetched = Resolver::new(&self.settings).resolve(&wanted, &[])?;
        self.change(&old, fetched, &[])
    }

    /// Removes packages, and the dependencies that only they had.
    ///
    /// # Errors
    ///
    /// When one of the names is not among the packages that were added, or a file that is to be removed was edited.
    /// Nothing is changed then, unless the error is [`Write`](Error::Write).
    pub fn remove(&self, names: &[&str]) -> Result<Report> {
        let old = self.list()?;
        check_names(&old, names)?;
        self.change(&old, Vec::new(), names)
    }

    /// The files of packages that were edited or removed after they had been written.
    ///
    /// # Errors
    ///
    /// When the lock file or one of the files cannot be read.
    pub fn changed(&self) -> Result<Vec<PathBuf>> {
        let folder = Folder(&self.folder);
        let mut changed = Vec::new();
        for file in self.list()?.iter().flat_map(|package| &package.files) {
            let sha256 = match folder.place(&file.path) {
                Some(place) => Folder::sha256_of(&place)?,
                None => None,
            };
            if sha256.as_deref() != Some(&file.sha256) {
                changed.push(self.folder.join(&file.path));
            }
        }
        Ok(changed)
    }

    /// Changes the folder and the lock file: adds or replaces the `fetched` packages, and removes those `unwanted`.
    fn change(&self, old: &[LockedPackage], fetched: Vec<Fetched>, unwanted: &[&str]) -> Result<Report> {
        let mut contents = HashMap::new();
        let mut new: Vec<LockedPackage> = Vec::new();
        for Fetched {
            mut package,
            contents: own,
        } in fetched
        {
            let before = old.iter().find(|other| other.name == package.name);
            // A package that was asked for stays that when it is fetched as a dependency of another.
            if let Some(before) = before.filter(|before| before.requested && !package.requested) {
                package.requested = true;
                package.source.clone_from(&before.source);
            }
            let shas = package.files.iter().map(|file| file.sha256.clone());
            contents.extend(shas.zip(own));
            new.push(package);
        }
        let fetched: HashSet<String> = new.iter().map(|package| package.name.clone()).collect();
        new.extend(
            old.iter()
                .filter(|package| !fetched.contains(&package.name))
                .cloned(),
        );
        for package in &mut new {
            package.requested &= !unwanted.contains(&package.name.as_str());
        }
        keep_needed(&mut new);
        conflicts(&new)?;
        let plan = self.plan(old, &new, &contents)?;
        for (place, bytes) in plan.write {
            Folder::write(&place, bytes)?;
        }
        for place in plan.remove {
            Folder(&self.folder).remove(&place)?;
        }
        let report = report(old, &new);
        let text = lock::text(new).map_err(|problem| Error::Lock {
            path: self.lock.clone(),
            problem,
        })?;
        Folder::write(&self.lock, text.as_bytes())?;
        Ok(report)
    }

    /// Plans which files are written and removed. Fails if one of them belongs to no package or was edited.
    fn plan<'a>(
        &self,
        old: &[LockedPackage],
        new: &[LockedPackage],
        contents: &'a HashMap<String, Vec<u8>>,
    ) -> Result<Plan<'a>> {
        let mut plan = Plan::default();
        let before = files(old);
        let after = files(new);
        for (path, (package, file)) in &after {
            let place = self.place(package, path)?;
            let found = Folder::sha256_of(&place)?;
            if found.as_deref() == Some(&file.sha256) {
                continue;
            }
            // The file's package was not fetched this time. If somebody has edited or removed the file, it is left as
            // it is.
            let Some(bytes) = contents.get(&file.sha256) else {
                continue;
            };
            mine(&place, found.as_deref(), before.get(path))?;
            plan.write.push((place, bytes));
        }
        for (path, known) in before.iter().filter(|(path, _)| !after.contains_key(*path)) {
            let place = self.place(known.0, path)?;
            let found = Folder::sha256_of(&place)?;
            if found.is_some() {
                mine(&place, found.as_deref(), Some(known))?;
                plan.remove.push(place);
            }
        }
        Ok(plan)
    }

    fn place(&self, package: &LockedPackage, path: &str) -> Result<PathBuf> {
        let place = Folder(&self.folder).place(path);
        place.ok_or_else(|| Error::Path {
            package: package.name.clone(),
            path: path.to_owned(),
            problem: "is behind a link",
        })
    }
}

/// A package and a file of it.
type Owned<'a> = (&'a LockedPackage, &'a LockedFile);

/// All files of the packages, by path.
fn files(packages: &[LockedPackage]) -> HashMap<&str, Owned<'_>> {
    let files = packages.iter().flat_map(|package| {
        package
            .files
            .iter()
            .map(move |file| (file.path.as_str(), (package, file)))
    });
    files.collect()
}

/// Fails if an existing file may not be replaced or removed: it has to be as its package had it.
fn mine(place: &Path, found: Option<&str>, known: Option<&Owned<'_>>) -> Result<()> {
    let path = place.to_owned();
    match (found, known) {
        (None, _) => Ok(()),
        (Some(found), Some((_, file))) if found == file.sha256 => Ok(()),
        (Some(_), Some((package, _))) => Err(Error::Edited {
            path,
            package: package.name.clone(),
        }),
        (Some(_), None) => Err(Error::InTheWay { path }),
    }
}

/// Keeps only the packages that were asked for, and their direct and indirect dependencies.
fn keep_needed(packages: &mut Vec<LockedPackage>) {
    let mut needed: HashSet<String> = HashSet::new();
    let requested = packages.iter().filter(|package| package.requested);
    let mut left: Vec<String> = requested.map(|package| package.name.clone()).collect();
    while let Some(name) = left.pop() {
        let package = packages.iter().find(|package| package.name == name);
        if needed.insert(name) {
            left.extend(package.iter().flat_map(|package| package.dependencies.clone()));
        }
    }
    packages.retain(|package| needed.contains(&package.name));
}

/// Refuses packages that have different files at one path, or files at paths that differ only in case, which some file
/// systems do not tell apart.
fn conflicts(packages: &[LockedPackage]) -> Result<()> {
    let mut seen: HashMap<String, Owned<'_>> = HashMap::new();
    for package in packages {
        for file in &package.files {
            let Some((other, known)) = seen.insert(file.path.to_lowercase(), (package, file)) else {
                continue;
            };
            if (&known.sha256, &known.path) != (&file.sha256, &file.path) {
                return Err(Error::Conflict {
                    path: file.path.clone(),
                    one: other.name.clone(),
                    other: package.name.clone(),
                });
            }
        }
    }
    Ok(())
}

/// Refuses names of packages that were not added.
fn check_names(packages: &[LockedPackage], names: &[&str]) -> Result<()> {
    let all = || {
        packages
            .iter()
            .filter(|package| package.requested)
            .map(|package| package.name.as_str())
    };
    let missing = names.iter().find(|name| all().all(|known| known != **name));
    match missing {
        None => Ok(()),
        Some(name) => Err(Error::NotAdded {
            name: (*name).to_owned(),
            meant: closest(name, all()),
        }),
    }
}

fn report(old: &[LockedPackage], new: &[LockedPackage]) -> Report {
    let mut report = Report::default();
    for package in new {
        match old.iter().find(|other| other.name == package.name) {
            None => report.added.push(package.clone()),
            Some(before) if before != package => report.updated.push(package.clone()),
            Some(_) => {}
        }
    }
    let gone = |package: &&LockedPackage| new.iter().all(|other| other.name != package.name);
    report.removed = old.iter().filter(gone).cloned().collect();
    report
}
