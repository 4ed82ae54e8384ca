//! Checks the paths of packages: each has to be below the folder.

/// The length of the longest path, in bytes. Boards accept no longer ones either.
const LONGEST: usize = 255;

/// What is wrong with a path of a package; `None` if nothing is.
pub(crate) fn problem(path: &str) -> Option<&'static str> {
    if path.is_empty() || path.len() > LONGEST {
        return Some("is empty or too long");
    }
    if path.starts_with('/') || path.contains([':', '\\']) {
        return Some("is no path below a folder");
    }
    if path.chars().any(char::is_control) {
        return Some("has control characters in it");
    }
    let climbs = |part: &str| part.is_empty() || part.trim_end_matches([' ', '.']).is_empty();
    if path.split('/').any(climbs) {
        return Some("leads out of the folder, or has empty names in it");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_a_folder_is_a_path() {
        for good in ["a.py", "pkg/__init__.py", "a/b/c.d.py", "..a/b", "grün.py"] {
            assert_eq!(problem(good), None, "{good}");
        }
        let long = "a".repeat(256);
        for bad in [
            "",
            "/etc/passwd",
            "../a.py",
            "a/../../b",
            "a/..",
            ".",
            "a//b",
            "a/",
            "C:/a",
            "a\\..\\b",
            "a\0",
            "a/.. /b",
            &long,
        ] {
            assert!(problem(bad).is_some(), "{bad:?}");
        }
    }
}
