//! Fetches the packages that are asked for, and their dependencies, with all their files.

use std::collections::VecDeque;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result, closest};
use crate::fetch::{Fetcher, sha256};
use crate::lock::{LockedFile, LockedPackage};
use crate::manifest::Manifest;
use crate::packages::Settings;
use crate::path;
use crate::source::Source;

/// How many packages, and how many files, one operation may fetch.
const MOST: usize = 1000;

/// A package with its files.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) package: LockedPackage,
    /// The contents of its files, in the same order as `package.files`.
    pub(crate) contents: Vec<Vec<u8>>,
}

/// Fetches packages and their dependencies.
#[derive(Debug)]
pub(crate) struct Resolver<'a> {
    settings: &'a Settings,
    fetcher: Fetcher,
    found: Vec<Fetched>,
    files: usize,
}

/// What the relative addresses in a package's description are relative to.
enum Base<'a> {
    Source(&'a Source),
    Folder(&'a Path),
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            fetcher: Fetcher::new(settings.timeout),
            found: Vec::new(),
            files: 0,
        }
    }

    /// Fetches these packages, and their dependencies that are not in `known`. The packages asked for come first, so
    /// that a dependency of the same name is one of them.
    pub(crate) fn resolve(mut self, wanted: &[Source], known: &[String]) -> Result<Vec<Fetched>> {
        let mut queue: VecDeque<(Source, bool)> =
            wanted.iter().map(|source| (source.clone(), true)).collect();
        while let Some((source, requested)) = queue.pop_front() {
            let name = source.name();
            let fetched = self.found.iter().any(|found| found.package.name == name);
            if fetched || (!requested && known.iter().any(|known| known == name)) {
                continue;
            }
            if self.found.len() == MOST {
                return Err(too_many("what is to be added, with all that it needs,"));
            }
            let (found, needs) = self.fetch(&source, requested)?;
            self.found.push(found);
            queue.extend(needs.into_iter().map(|need| (need, false)));
        }
        Ok(self.found)
    }

    /// Fetches one package, and returns it with its dependencies.
    fn fetch(&mut self, source: &Source, requested: bool) -> Result<(Fetched, Vec<Source>)> {
        let mut found = Fetched {
            package: LockedPackage {
                name: source.name().to_owned(),
                version: String::new(),
                source: source.to_string(),
                requested,
                dependencies: Vec::new(),
                files: Vec::new(),
            },
            contents: Vec::new(),
        };
        let manifest = match source {
            Source::Index { name, version } => self.of_index(name, version.as_deref(), &mut found)?,
            Source::Forge { at, .. } => {
                found.package.version = at.clone().unwrap_or_default();
                self.of_address(source, &mut found)?
            }
            Source::Url(_) => self.of_address(source, &mut found)?,
            Source::Folder(folder) => self.of_folder(Path::new(folder), &mut found)?,
        };
        if let Some(version) = manifest.version {
            found.package.version = version;
        }
        let mut needs = Vec::new();
        for (need, version) in &manifest.deps {
            let mut need = need.parse::<Source>()?.at_version(version);
            if let Source::Folder(path) = &mut need {
                let Source::Folder(own) = source else {
                    return Err(Error::Manifest {
                        url: source.to_string(),
                        problem: format!("it needs `{path}`, a folder of this computer"),
                    });
                };
                *path = Path::new(own).join(&*path).to_string_lossy().into_owned();
            }
            found.package.dependencies.push(need.name().to_owned());
            needs.push(need);
        }
        Ok((found, needs))
    }

    fn of_index(&mut self, name: &str, version: Option<&str>, found: &mut Fetched) -> Result<Manifest> {
        let index = &self.settings.index;
        let url = format!("{index}/package/py/{name}/{}.json", version.unwrap_or("latest"));
        let manifest = match self.fetcher.get(&url) {
            Err(Error::NotFound { .. }) => return Err(self.no_package(name)),
            bytes => Manifest::read(&url, &bytes?)?,
        };
        for (path, hash) in &manifest.hashes {
            let url = format!("{index}/file/{}/{hash}", &hash[..2]);
            self.file(found, path, &url, Some(hash))?;
        }
        let source = Source::Url(url);
        self.urls(&manifest, &Base::Source(&source), found)?;
        Ok(manifest)
    }

    /// Fetches a package with a description at an address, or a single file.
    fn of_address(&mut self, source: &Source, found: &mut Fetched) -> Result<Manifest> {
        let (Source::Forge { path, .. } | Source::Url(path)) = source else {
            return Ok(Manifest::default());
        };
        let plain = path.split(['?', '#']).next().unwrap_or(path);
        if has_extension(plain, &["py", "mpy"]) {
            let name = plain.rsplit('/').next().unwrap_or(plain);
            let url = self.address(source)?;
            self.file(found, name, &url, None)?;
            return Ok(Manifest::default());
        }
        let description = if has_extension(plain, &["json"]) {
            source.clone()
        } else {
            beside(source, "package.json")
        };
        let url = self.address(&description)?;
        let manifest = Manifest::read(&url, &self.fetcher.get(&url)?)?;
        if let Some((path, hash)) = manifest.hashes.first() {
            let problem = format!("`{path}` has only the hash {hash}, which is for packages of an index");
            return Err(Error::Manifest { url, problem });
        }
        self.urls(&manifest, &Base::Source(&description), found)?;
        Ok(manifest)
    }

    /// Reads a package from a folder, with or without a `package.json`.
    fn of_folder(&mut self, folder: &Path, found: &mut Fetched) -> Result<Manifest> {
        let description = folder.join("package.json");
        if description.exists() {
            let bytes = std::fs::read(&description).map_err(Error::read(&description))?;
            let manifest = Manifest::read(&description.to_string_lossy(), &bytes)?;
            self.urls(&manifest, &Base::Folder(folder), found)?;
            return Ok(manifest);
        }
        let mut paths = Vec::new();
        python_files(folder, "", &mut paths)?;
        if paths.is_empty() {
            return Err(Error::Manifest {
                url: folder.to_string_lossy().into_owned(),
                problem: "it has neither a `package.json` nor Python files".to_owned(),
            });
        }
        for path in paths {
            self.local(found, folder, &path, &path)?;
        }
        Ok(Manifest::default())
    }

    /// Fetches the files that a description names by their addresses.
    fn urls(&mut self, manifest: &Manifest, base: &Base<'_>, found: &mut Fetched) -> Result<()> {
        for (path, url) in &manifest.urls {
            let is_address = ["http://", "https://", "github:", "gitlab:", "codeberg:"]
                .iter()
                .any(|scheme| url.starts_with(scheme));
            let source = match base {
                Base::Folder(folder) if !is_address => {
                    self.local(found, folder, path, url)?;
                    continue;
                }
                _ if is_address => url.parse::<Source>()?.at_version(&found.package.version),
                Base::Source(description) => beside(description, url),
                Base::Folder(_) => continue,
            };
            let url = self.address(&source)?;
            self.file(found, path, &url, None)?;
        }
        Ok(())
    }

    /// The URL of a source that is a file at an address.
    fn address(&self, source: &Source) -> Result<String> {
        let address = match source {
            Source::Forge { forge, path, at } => {
                forge.file(self.settings.host(*forge), path, at.as_deref().unwrap_or("HEAD"))
            }
            Source::Url(url) => Some(url.clone()),
            Source::Index { .. } | Source::Folder(_) => None,
        };
        address.ok_or_else(|| Error::Source {
            source_text: source.to_string(),
            problem: "it is no address of a file",
        })
    }

    /// Fetches a file. `hash` is the beginning of its SHA-256, if the package declares it.
    fn file(&mut self, found: &mut Fetched, path: &str, url: &str, hash: Option<&str>) -> Result<()> {
        self.check(found, path)?;
        let bytes = self.fetcher.get(url)?;
        let sha256 = sha256(&bytes);
        if let Some(expected) = hash.filter(|hash| !sha256.starts_with(hash)) {
            return Err(Error::Hash {
                url: url.to_owned(),
                expected: expected.to_owned(),
                found: sha256[..expected.len()].to_owned(),
            });
        }
        add(found, path, url.to_owned(), sha256, bytes);
        Ok(())
    }

    /// Reads a file from a folder on this computer.
    fn local(&mut self, found: &mut Fetched, folder: &Path, path: &str, from: &str) -> Result<()> {
        self.check(found, path)?;
        if let Some(problem) = path::problem(from) {
            return Err(wrong_path(found, from, problem));
        }
        let from = folder.join(from);
        let bytes = std::fs::read(&from).map_err(Error::read(&from))?;
        add(
            found,
            path,
            from.to_string_lossy().into_owned(),
            sha256(&bytes),
            bytes,
        );
        Ok(())
    }

    /// Refuses a path to which no file may be written, and more files than the limit.
    fn check(&mut self, found: &Fetched, path: &str) -> Result<()> {
        if let Some(problem) = path::problem(path) {
            return Err(wrong_path(found, path, problem));
        }
        self.files += 1;
        if self.files > MOST {
            return Err(too_many("the number of files"));
        }
        Ok(())
    }

    /// The error for a name that the index does not have, with a similar name if the index has one.
    fn no_package(&self, name: &str) -> Error {
        #[derive(Deserialize)]
        struct Index {
            packages: Vec<Named>,
        }
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        let index = &self.settings.index;
        let all = self.fetcher.get(&format!("{index}/index.json")).ok();
        let all: Option<Index> = all.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let names = all.iter().flat_map(|all| &all.packages);
        Error::NoPackage {
            name: name.to_owned(),
            index: index.clone(),
            meant: closest(name, names.map(|named| named.name.as_str())),
        }
    }
}

fn add(found: &mut Fetched, path: &str, from: String, sha256: String, bytes: Vec<u8>) {
    let path = path.to_owned();
    found.package.files.push(LockedFile { path, from, sha256 });
    found.contents.push(bytes);
}

fn wrong_path(found: &Fetched, path: &str, problem: &'static str) -> Error {
    Error::Path {
        package: found.package.name.clone(),
        path: path.to_owned(),
        problem,
    }
}

fn too_many(what: &str) -> Error {
    Error::TooLarge {
        what: what.to_owned(),
        limit: MOST.to_string(),
    }
}

/// The source at an address that is relative to a description, or to the folder with it.
fn beside(source: &Source, relative: &str) -> Source {
    let within = |path: &str| {
        let folder = match path.rsplit_once('/') {
            Some((folder, name)) if has_extension(name, &["json"]) => folder,
            _ => path.trim_end_matches('/'),
        };
        format!("{folder}/{relative}")
    };
    match source {
        Source::Forge { forge, path, at } => Source::Forge {
            forge: *forge,
            path: within(path),
            at: at.clone(),
        },
        Source::Url(url) => Source::Url(within(url.split(['?', '#']).next().unwrap_or(url))),
        other => other.clone(),
    }
}

/// Finds the paths of the Python files in a folder and the folders in it. Hidden entries and `__pycache__` are skipped.
fn python_files(folder: &Path, within: &str, found: &mut Vec<String>) -> Result<()> {
    let place = folder.join(within);
    let read = || std::fs::read_dir(&place)?.collect::<std::io::Result<Vec<_>>>();
    let mut entries = read().map_err(Error::read(&place))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        // This does not follow a symbolic link, so one to a folder cannot lead back here.
        let kind = entry.file_type().map_err(Error::read(&place))?;
        if name.starts_with('.') || name == "__pycache__" {
            continue;
        }
        if kind.is_dir() {
            python_files(folder, &format!("{within}{name}/"), found)?;
        } else if has_extension(&name, &["py"]) {
            found.push(format!("{within}{name}"));
        }
    }
    Ok(())
}

/// Whether a path has one of these extensions. Case matters, as it does on boards.
fn has_extension(path: &str, extensions: &[&str]) -> bool {
    let extension = Path::new(path).extension();
    extensions
        .iter()
        .any(|wanted| extension.is_some_and(|extension| extension == *wanted))
}
