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
/// How long a file may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The packages in a folder.
#[derive(Debug)]
pub struct Packages {
    folder: PathBuf,
    lock: PathBuf,
    settings: Settings,
}

/// Where things are.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) index: String,
    hosts: Vec<(Forge, String)>,
    pub(crate) timeout: Duration,
}

impl Settings {
    /// Where the files of a forge are.
    pub(crate) fn host(&self, forge: Forge) -> &str {
        let mut own = self.hosts.iter();
        own.find(|(other, _)| *other == forge)
            .map_or(forge.host(), |(_, host)| host)
    }
}

/// What has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Packages that are new.
    pub added: Vec<LockedPackage>,
    /// Packages of which something is another than before.
    pub updated: Vec<LockedPackage>,
    /// Packages that are gone, with those that only they needed.
    pub removed: Vec<LockedPackage>,
}

/// What is to be done to the folder.
#[derive(Debug, Default)]
struct Plan<'a> {
    write: Vec<(PathBuf, &'a [u8])>,
    remove: Vec<PathBuf>,
}

impl Packages {
    /// The packages in this folder, and the lock file that tells of them. Neither has to be there.
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

    /// Takes packages from this index, in the place of MicroPython's own, `https://micropython.org/pi/v2`.
    #[must_use]
    pub fn index(mut self, url: impl Into<String>) -> Self {
        let url: String = url.into();
        url.trim_end_matches('/').clone_into(&mut self.settings.index);
        self
    }

    /// Takes what is in a forge from a server of this address, such as a mirror, in the place of the forge's own.
    #[must_use]
    pub fn host(mut self, forge: Forge, url: impl Into<String>) -> Self {
        let url: String = url.into();
        let host = url.trim_end_matches('/').to_owned();
        self.settings.hosts.insert(0, (forge, host));
        self
    }

    /// Sets how long a file may take to be fetched: 30 seconds, unless told.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// The packages that there are, as the lock file tells.
    ///
    /// # Errors
    ///
    /// When the lock file cannot be read.
    pub fn list(&self) -> Result<Vec<LockedPackage>> {
        lock::read(&self.lock)
    }

    /// Adds packages, with all that they need. One that is there already is fetched anew.
    ///
    /// # Errors
    ///
    /// When one cannot be found or fetched, is not what it should be, or would take the place of a file that is not of
    /// a package or was edited. Nothing is changed then.
    pub fn add(&self, sources: &[Source]) -> Result<Report> {
        let old = self.list()?;
        let known: Vec<String> = old.iter().map(|package| package.name.clone()).collect();
        let fetched = Resolver::new(&self.settings).resolve(sources, &known)?;
        self.change(&old, fetched, &[])
    }

    /// Fetches these packages anew, or all, with what they need. A package that was added at a version, branch or tag
    /// stays there.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add), and when one of them is not there.
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

    /// Removes packages, and what only they needed.
    ///
    /// # Errors
    ///
    /// When one of them is not there, or a file of it was edited. Nothing is changed then.
    pub fn remove(&self, names: &[&str]) -> Result<Report> {
        let old = self.list()?;
        check_names(&old, names)?;
        self.change(&old, Vec::new(), names)
    }

    /// The files of packages that are not as they were written: edited, or gone.
    ///
    /// # Errors
    ///
    /// When something cannot be read.
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

    /// Goes from the packages that there are to those with what was fetched, and without what is not wanted.
    fn change(&self, old: &[LockedPackage], fetched: Vec<Fetched>, unwanted: &[&str]) -> Result<Report> {
        let mut contents = HashMap::new();
        let mut new: Vec<LockedPackage> = Vec::new();
        for Fetched {
            mut package,
            contents: own,
        } in fetched
        {
            let before = old.iter().find(|other| other.name == package.name);
            // Who was asked for by itself stays that, if it is fetched for another.
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

    /// What has to be written and removed, if nothing of somebody else's is in the way.
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
            // What was not fetched is there since it was, or is somebody else's business.
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

/// All files, by their paths.
fn files(packages: &[LockedPackage]) -> HashMap<&str, Owned<'_>> {
    let files = packages.iter().flat_map(|package| {
        package
            .files
            .iter()
            .map(move |file| (file.path.as_str(), (package, file)))
    });
    files.collect()
}

/// Whether a file that is there may be replaced or removed: it is as a package had it.
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

/// Takes out what nobody has asked for and nothing needs.
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

/// Refuses packages that have different files for one path. Some file systems do not tell capitals from others.
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

/// Refuses names that were not added.
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
