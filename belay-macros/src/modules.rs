//! Reads the folder of modules that a trait brings.

use std::path::Path;

use crate::args::is_identifier;
use crate::body::{PATHS, is_below, text_of};
use crate::diag::Errors;
use crate::model::{Folder, ModuleFile};

/// How deep packages can be nested. A link to a folder above would otherwise be followed forever.
const DEEPEST: usize = 16;

/// Reads the modules in a folder, in the order of their paths.
pub(crate) fn read(folder: &Folder, errors: &mut Errors) -> Vec<ModuleFile> {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let mut reader = Reader {
        root: Path::new(&root),
        dir: folder.dir.value(),
        files: Vec::new(),
        problems: Vec::new(),
    };
    reader.begin();
    if reader.files.is_empty() && reader.problems.is_empty() {
        let problem = format!("there is no module in `{}`: no file ends in `.py`", reader.dir);
        reader.problems.push(problem);
    }
    for problem in reader.problems {
        errors.at(&folder.dir, problem);
    }
    reader.files.sort_by(|one, other| one.path.cmp(&other.path));
    reader.files
}

struct Reader<'a> {
    root: &'a Path,
    dir: String,
    files: Vec<ModuleFile>,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn begin(&mut self) {
        let dir = self.dir.trim_end_matches('/').to_owned();
        if !is_below(Path::new(&dir)) {
            let problem = format!("`{dir}` is not below this crate{PATHS}");
            return self.problems.push(problem);
        }
        self.dir = dir;
        self.folder("", 0);
    }

    /// Reads a folder inside the folder. Its path `within` is empty or ends in a slash.
    fn folder(&mut self, within: &str, depth: usize) {
        let path = format!("{}/{within}", self.dir);
        if depth > DEEPEST {
            let problem = format!("`{path}` is deeper in other folders than {DEEPEST}");
            return self.problems.push(problem);
        }
        let entries = std::fs::read_dir(self.root.join(&path));
        let entries = entries.and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries = match entries {
            Ok(mut entries) => {
                // Sort them, because the order of directory entries differs between machines.
                entries.sort_by_key(std::fs::DirEntry::file_name);
                entries
            }
            Err(error) => {
                let path = path.trim_end_matches('/');
                let problem = format!("the folder `{path}` cannot be read: {error}{PATHS}");
                return self.problems.push(problem);
            }
        };
        for entry in entries {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if name.starts_with('.') || name == "__pycache__" {
                continue;
            }
            if entry.path().is_dir() {
                self.folder(&format!("{within}{name}/"), depth + 1);
            } else if let Some(module) = name.strip_suffix(".py") {
                self.file(within, &name, module);
            }
        }
    }

    fn file(&mut self, within: &str, name: &str, module: &str) {
        let path = format!("{within}{name}");
        let file = format!("{}/{path}", self.dir);
        let names = within.split_terminator('/').chain([module]);
        if let Some(wrong) = { names }.find(|name| !is_identifier(name)) {
            let problem = format!(
                "`{file}` cannot be imported: `{wrong}` is no name in Python\n\
                 help: a name has letters, digits and `_`, and no digit first"
            );
            return self.problems.push(problem);
        }
        if path == "__init__.py" {
            let problem = format!(
                "`{file}` cannot be imported: each file of the folder is a module, and the folder itself is no package"
            );
            return self.problems.push(problem);
        }
        match text_of(self.root, &file) {
            Ok(text) => self.files.push(ModuleFile { path, file, text }),
            Err(problem) => self.problems.push(format!("`{file}` {problem}")),
        }
    }
}
