//! Files as they are named on the command line: `:` marks those of the board.

use std::path::PathBuf;

/// A file or a folder, on one of the two sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileName {
    /// Of the board, from its root.
    Board(String),
    /// Of this machine.
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

/// A path on the board, which may be marked and need not begin at the root.
pub(crate) fn on_board(text: &str) -> String {
    let path = text.strip_prefix(':').unwrap_or(text);
    let mut whole = String::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        whole.push('/');
        whole.push_str(part);
    }
    if whole.is_empty() { "/".to_owned() } else { whole }
}

/// The path of what has this name in a folder of the board.
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
