//! Getting MicroPython's source package with apt, without touching the machine's own settings.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    error::{Error, Result},
    tools::run_logged,
};

/// The Debian releases whose source package is known to build, best first: before 1.26, `MicroPython` prints
/// doubles with too few digits to tell them apart.
pub(crate) const SUITES: [&str; 2] = ["forky", "trixie"];

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A downloaded source package.
pub(crate) struct Package {
    pub(crate) dsc: PathBuf,
    pub(crate) version: String,
}

/// Downloads a release's source package into a directory of its own, from the mirror that the machine uses.
pub(crate) fn download(suite: &str, dir: &Path, log: &Path) -> Result<Package> {
    let mirror =
        mirror().ok_or_else(|| Error::NoSource("no Debian mirror is configured in /etc/apt".into()))?;
    let sources = dir.join("sources.sources");
    let make =
        |path: &Path| fs::create_dir_all(path).map_err(Error::io(format!("making {}", path.display())));
    make(&dir.join("lists/partial"))?;
    make(&dir.join("cache/archives/partial"))?;
    let text =
        format!("Types: deb-src\nURIs: {mirror}\nSuites: {suite}\nComponents: main\nSigned-By: {KEYRING}\n");
    fs::write(&sources, text).map_err(Error::io(format!("writing {}", sources.display())))?;
    let apt_get = || {
        let mut command = Command::new("apt-get");
        command.current_dir(dir);
        for (option, value) in [
            ("Dir::Etc::SourceList", sources.clone()),
            ("Dir::Etc::SourceParts", "-".into()),
            ("Dir::State::Lists", dir.join("lists")),
            ("Dir::Cache", dir.join("cache")),
        ] {
            command.arg("-o").arg(format!("{option}={}", value.display()));
        }
        command.args(["-o", "Acquire::Retries=3", "--quiet"]);
        command
    };
    run_logged("downloading the package lists", apt_get().arg("update"), log)?;
    run_logged(
        "downloading the source package",
        apt_get().args(["source", "--download-only", "micropython"]),
        log,
    )?;
    let dsc = fs::read_dir(dir)
        .map_err(Error::io(format!("reading {}", dir.display())))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "dsc"))
        .ok_or_else(|| Error::NoSource(format!("{suite} has no source package of that name")))?;
    let version =
        version_of(&dsc).ok_or_else(|| Error::NoSource(format!("{} names no version", dsc.display())))?;
    Ok(Package { dsc, version })
}

/// The upstream version in the name of a package description: 1.25.0 in `micropython_1.25.0+ds-1.dsc`.
fn version_of(dsc: &Path) -> Option<String> {
    let rest = dsc.file_stem()?.to_str()?.strip_prefix("micropython_")?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    (end > 0).then(|| rest[..end].to_owned())
}

/// The Debian mirror that this machine installs its packages from.
fn mirror() -> Option<String> {
    let parts = fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten()
        .flatten();
    let mut files: Vec<_> = parts.map(|entry| entry.path()).collect();
    files.sort();
    files.insert(0, "/etc/apt/sources.list".into());
    files
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .find_map(|text| mirror_in(&text))
}

/// The first archive of Debian proper in a sources list of either format.
fn mirror_in(text: &str) -> Option<String> {
    text.lines()
        .filter(|line| line.starts_with("URIs:") || line.starts_with("deb"))
        .flat_map(str::split_whitespace)
        .find(|word| word.contains("://") && word.trim_end_matches('/').ends_with("/debian"))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirror_is_found_in_both_formats_and_security_is_not_taken_for_it() {
        let new = "Types: deb\nURIs: http://mirror.example/debian-security\nSuites: x\n\nTypes: deb\n\
                   URIs: http://mirror.example/debian/\nSuites: bookworm\n";
        assert_eq!(mirror_in(new).as_deref(), Some("http://mirror.example/debian/"));
        let old = "# deb http://old.example/debian x main\n\
                   deb [signed-by=/k.gpg] https://mirror.example/debian bookworm main\n";
        assert_eq!(mirror_in(old).as_deref(), Some("https://mirror.example/debian"));
        assert_eq!(mirror_in("deb http://mirror.example/other bookworm main"), None);
    }

    #[test]
    fn version_is_what_precedes_the_packaging_suffix() {
        assert_eq!(
            version_of(Path::new("/a/micropython_1.25.0+ds-1.dsc")).as_deref(),
            Some("1.25.0")
        );
        assert_eq!(version_of(Path::new("/a/other_1.0.dsc")), None);
    }
}
