//! File names on the command line: `:` marks a file on the board.

use std::path::PathBuf;

/// A file or a folder, on the board or on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileName {
    /// An absolute path on the board.
    Board(String),
    /// A path on this machine.
    Here(PathBuf),
}

impl From<&str> for FileName {
    fn from(text: &str) -> Self {
        match text.strip_prefix(':') {
            Some(path) => Self::Board(on_board(path)),
            None => Self::Here(text.into()),
        }
    }
}

/// The absolute path of a file on the board, given with or without `:`, absolute or relative to the root.
pub(crate) fn on_board(text: &str) -> String {
    let path = text.strip_prefix(':').unwrap_or(text);
    let mut whole = String::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        whole.push('/');
        whole.push_str(part);
    }
    if whole.is_empty() { "/".to_owned() } else { whole }
}

/// The path of a file of this name in a folder on the board.
pub(crate) fn join(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}

/// The last part of a path on the board.
pub(crate) fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_marks_what_is_on_the_board() {
        assert_eq!(FileName::from(":"), FileName::Board("/".into()));
        assert_eq!(FileName::from(":lib//a.py"), FileName::Board("/lib/a.py".into()));
        assert_eq!(FileName::from("lib"), FileName::Here("lib".into()));
        assert_eq!(on_board("./x/"), "/x");
        assert_eq!(join("/", "a"), "/a");
        assert_eq!(last("/lib/a.py"), "a.py");
    }
}
