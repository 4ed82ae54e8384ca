//! Where a package comes from.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Where a package comes from.
///
/// | written | what |
/// | --- | --- |
/// | `ssd1306`, `ssd1306@0.1.0` | a package of the index, the latest or of a version |
/// | `github:org/repository`, `github:org/repository/folder@v1.2` | a folder with a `package.json`, of a branch or tag |
/// | `github:org/repository/driver.py` | a file |
/// | `https://example.org/driver.py`, `https://example.org/package` | a file; a folder with a `package.json` |
/// | `./drivers/lcd`, `/home/me/lcd` | a folder on this computer, with or without a `package.json` |
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A package of the index.
    Index {
        /// The name.
        name: String,
        /// The version; `None` is the latest.
        version: Option<String>,
    },
    /// A file, or a folder with a `package.json`, in a repository of a forge.
    Forge {
        /// The forge.
        forge: Forge,
        /// The repository and the path in it: `org/repository/path`.
        path: String,
        /// A branch or tag; `None` is the default branch.
        at: Option<String>,
    },
    /// A file, or a folder with a `package.json`, at a URL.
    Url(String),
    /// A folder on this computer.
    Folder(String),
}

/// A service that hosts repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Forge {
    /// `github:`
    GitHub,
    /// `gitlab:`
    GitLab,
    /// `codeberg:`
    Codeberg,
}

impl Forge {
    const ALL: [Self; 3] = [Self::GitHub, Self::GitLab, Self::Codeberg];

    /// The scheme with which addresses of files in this forge begin.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::GitHub => "github:",
            Self::GitLab => "gitlab:",
            Self::Codeberg => "codeberg:",
        }
    }

    /// The address of the server that has its files, unless another one was set.
    pub(crate) fn host(self) -> &'static str {
        match self {
            Self::GitHub => "https://raw.githubusercontent.com",
            Self::GitLab => "https://gitlab.com",
            Self::Codeberg => "https://codeberg.org",
        }
    }

    /// The URL of the file `org/repository/path`; `None` if the path has fewer than three parts.
    pub(crate) fn file(self, host: &str, path: &str, at: &str) -> Option<String> {
        let mut parts = path.splitn(3, '/');
        let (org, repository, path) = (parts.next()?, parts.next()?, parts.next()?);
        Some(match self {
            Self::GitHub => format!("{host}/{org}/{repository}/{at}/{path}"),
            Self::GitLab => format!("{host}/{org}/{repository}/-/raw/{at}/{path}"),
            Self::Codeberg => format!("{host}/api/v1/repos/{org}/{repository}/raw/{path}?ref={at}"),
        })
    }
}

impl Source {
    /// The name of the package, as the source gives it: of the index's package, the file or the folder.
    pub(crate) fn name(&self) -> &str {
        let path = match self {
            Self::Index { name, .. } => return name,
            Self::Forge { path, .. } | Self::Url(path) | Self::Folder(path) => path,
        };
        let path = path
            .split(['?', '#'])
            .next()
            .unwrap_or(path)
            .trim_end_matches('/');
        let path = path.strip_suffix("/package.json").unwrap_or(path);
        let last = path.rsplit('/').next().unwrap_or(path);
        last.strip_suffix(".py")
            .or(last.strip_suffix(".mpy"))
            .unwrap_or(last)
    }

    /// The same source at this version, branch or tag, unless it has one already.
    pub(crate) fn at_version(mut self, version: &str) -> Self {
        let wanted = Some(version).filter(|version| !version.is_empty() && *version != "latest");
        match &mut self {
            Self::Index { version: at, .. } | Self::Forge { at, .. } if at.is_none() => {
                *at = wanted.map(str::to_owned);
            }
            _ => {}
        }
        self
    }
}

/// Whether a text can stand in an address as it is, and does not lead elsewhere.
fn is_plain(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.+~".contains(letter);
    !text.is_empty() && text.chars().all(plain) && text != "." && text != ".."
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |problem| {
            let source_text = text.to_owned();
            Err(Error::Source { source_text, problem })
        };
        if text.starts_with("http://") || text.starts_with("https://") {
            return Ok(Self::Url(text.to_owned()));
        }
        if text.starts_with(['.', '/']) || text.contains('\\') {
            return Ok(Self::Folder(text.to_owned()));
        }
        let (path, at) = match text.rsplit_once('@') {
            Some((path, at)) => (path, Some(at.to_owned())),
            None => (text, None),
        };
        for forge in Forge::ALL {
            let Some(path) = path.strip_prefix(forge.scheme()) else {
                continue;
            };
            let path = path.trim_end_matches('/');
            let plain = path.split('/').count() >= 2 && path.split('/').all(is_plain);
            let at_plain = at.iter().flat_map(|at| at.split('/')).all(is_plain);
            if !plain || !at_plain {
                return wrong(
                    "a repository is written `github:org/repository`, with a path behind it and `@` and a branch or tag",
                );
            }
            let path = path.to_owned();
            return Ok(Self::Forge { forge, path, at });
        }
        if !is_plain(path) || !at.iter().all(|at| is_plain(at)) {
            return wrong("a name has letters, digits, `-`, `_` and `.`; a folder begins with `./` or `/`");
        }
        let (name, version) = (path.to_owned(), at);
        Ok(Self::Index { name, version })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = match self {
            Self::Index { name, version } => {
                f.write_str(name)?;
                version
            }
            Self::Forge { forge, path, at } => {
                write!(f, "{}{path}", forge.scheme())?;
                at
            }
            Self::Url(text) | Self::Folder(text) => return f.write_str(text),
        };
        match at {
            Some(at) => write!(f, "@{at}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_written_as_it_is_read() {
        for text in [
            "ssd1306",
            "ssd1306@0.1.0",
            "github:org/repository",
            "gitlab:org/repository/a/b@feature/x",
            "codeberg:org/repository/driver.py@v1",
            "https://example.org/a/driver.py",
            "./drivers/lcd",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_would_lead_elsewhere_is_no_source() {
        for text in [
            "",
            "a/b",
            "a b",
            "github:org",
            "github:org/../x",
            "name@../1",
            "name@",
            "github:a/b@x/../y",
            "a?b",
        ] {
            assert!(
                matches!(text.parse::<Source>(), Err(Error::Source { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn a_package_has_the_name_of_its_folder_or_file() {
        let name = |text: &str| text.parse::<Source>().unwrap().name().to_owned();
        assert_eq!(name("github:org/repository/lcd/"), "lcd");
        assert_eq!(name("https://example.org/lcd/package.json?x=1"), "lcd");
        assert_eq!(name("https://example.org/lcd.py"), "lcd");
        assert_eq!(name("./drivers/lcd/"), "lcd");
        assert_eq!(name("umqtt.simple@1.0"), "umqtt.simple");
    }

    #[test]
    fn each_forge_has_its_own_way_to_a_file() {
        let file = |forge: Forge| forge.file("http://h", "o/r/d/f.py", "v1").unwrap();
        assert_eq!(file(Forge::GitHub), "http://h/o/r/v1/d/f.py");
        assert_eq!(file(Forge::GitLab), "http://h/o/r/-/raw/v1/d/f.py");
        assert_eq!(
            file(Forge::Codeberg),
            "http://h/api/v1/repos/o/r/raw/d/f.py?ref=v1"
        );
    }
}
