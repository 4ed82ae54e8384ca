//! Paths on the board.

use crate::error::{FileError, NameProblem, Result};

/// The names of the board's temporary files while it writes.
const RESERVED: [&str; 2] = ["belay~.new", "belay~.to"];
/// The longest name that all file systems accept, in bytes.
const LONGEST: usize = 255;

/// A path on the board: absolute, and without anything that boards interpret differently.
///
/// The root is the empty string, so that `/name` can be appended to any path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BoardPath(String);

impl BoardPath {
    /// The path of a file or a folder, the root included.
    pub(super) fn new(path: &str) -> Result<Self> {
        let problem = |reason| {
            Err(FileError::Name {
                path: path.to_owned(),
                reason,
            }
            .into())
        };
        if !path.starts_with('/') {
            return problem(NameProblem::Relative);
        }
        if path.contains('\0') {
            return problem(NameProblem::Nul);
        }
        let mut clean = String::with_capacity(path.len());
        for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
            if part == ".." {
                return problem(NameProblem::Parent);
            }
            if part.len() > LONGEST {
                return problem(NameProblem::TooLong);
            }
            if is_reserved(part) {
                return problem(NameProblem::Reserved);
            }
            clean.push('/');
            clean.push_str(part);
        }
        Ok(Self(clean))
    }

    /// The path of something that can be written, renamed or removed: anything but the root.
    pub(crate) fn below_root(path: &str) -> Result<Self> {
        let clean = Self::new(path)?;
        if clean.0.is_empty() {
            let (path, reason) = (path.to_owned(), NameProblem::Root);
            return Err(FileError::Name { path, reason }.into());
        }
        Ok(clean)
    }

    /// The path as it is sent to the board: empty for the root.
    pub(crate) fn told(&self) -> &str {
        &self.0
    }

    /// The path as people write it.
    pub(super) fn shown(&self) -> &str {
        if self.0.is_empty() { "/" } else { &self.0 }
    }
}

/// Whether this is the name of a temporary file of the board while it writes.
pub(super) fn is_reserved(name: &str) -> bool {
    // Some file systems do not distinguish upper and lower case.
    RESERVED
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn told(path: &str) -> String {
        BoardPath::new(path).unwrap().told().to_owned()
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        assert_eq!(told("/"), "");
        assert_eq!(told("/lib//x/./y.py/"), "/lib/x/y.py");
        assert_eq!(told("/with blank/'\"/ö€😀"), "/with blank/'\"/ö€😀");
        assert_eq!(told("/...").len(), 4);
        assert_eq!(BoardPath::new("//").unwrap().shown(), "/");
    }

    #[test]
    fn what_boards_do_not_agree_on_is_refused() {
        let long = format!("/{}", "ä".repeat(128));
        for (path, expected) in [
            ("", NameProblem::Relative),
            ("lib/x", NameProblem::Relative),
            ("/lib/../x", NameProblem::Parent),
            ("/..", NameProblem::Parent),
            ("/a\0b", NameProblem::Nul),
            ("/lib/Belay~.NEW", NameProblem::Reserved),
            (&long, NameProblem::TooLong),
        ] {
            match BoardPath::new(path).unwrap_err().kind() {
                ErrorKind::File(FileError::Name { reason, .. }) => assert_eq!(*reason, expected, "{path:?}"),
                other => panic!("{path:?}: {other}"),
            }
        }
        assert_eq!(told(&format!("/{}", "ä".repeat(127))).len(), 255);
        for root in ["/", "//", "/."] {
            assert!(matches!(
                BoardPath::below_root(root).unwrap_err().kind(),
                ErrorKind::File(FileError::Name {
                    reason: NameProblem::Root,
                    ..
                })
            ));
        }
    }
}
