//! The option that names a folder of modules.

use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Lit, Token};

use super::{Argument, Value, wrong};
use crate::diag::{Errors, closest};
use crate::model::{Folder, plain};

/// The keys of `modules(…)`.
const KEYS: [&str; 3] = ["dir", "to", "mpy"];

impl Argument {
    /// The value of `modules = "board"` or `modules(dir = "board", to = "/lib", mpy = true)`.
    pub(super) fn folder(&self, errors: &mut Errors) -> Option<Folder> {
        let Value::List(tokens) = &self.value else {
            let dir = self.string(errors)?.clone();
            return Some(Folder {
                dir,
                to: None,
                mpy: false,
            });
        };
        let parsed = Punctuated::<Self, Token![,]>::parse_terminated.parse2(tokens.clone());
        let parsed = parsed.unwrap_or_else(|error| {
            errors.push(error);
            Punctuated::new()
        });
        let (mut dir, mut to, mut mpy) = (None, None, None);
        for argument in &parsed {
            match (&*plain(&argument.name), argument.literal()) {
                ("dir", Some(Lit::Str(path))) => dir = Some(path.clone()),
                ("to", Some(Lit::Str(path))) if is_folder(&path.value()) => to = Some(path.clone()),
                ("to", _) => errors.at(
                    argument,
                    "`to` is a folder of the board, such as `modules(dir = \"board\", to = \"/lib\")`",
                ),
                ("mpy", Some(Lit::Bool(whether))) => mpy = whether.value.then_some(argument),
                ("mpy", _) => errors.at(argument, "`mpy` is `true` or `false`"),
                (name, _) if KEYS.contains(&name) => {
                    errors.at(
                        argument,
                        format!("`{name}` is a string, such as `modules(dir = \"board\")`"),
                    );
                }
                (name, _) => {
                    let meant = closest(name, KEYS).unwrap_or("dir");
                    let message = format!("`modules` has no `{name}`; did you mean `{meant}`?");
                    errors.at(&argument.name, message);
                }
            }
        }
        if dir.is_none() {
            wrong(self, "a folder of Python files", errors);
        }
        if let (Some(mpy), None) = (mpy, &to) {
            errors.at(
                mpy,
                "`mpy` is about modules that are put into files of the board: say which folder, such as `to = \"/lib\"`",
            );
        }
        let mpy = mpy.is_some();
        dir.map(|dir| Folder { dir, to, mpy })
    }
}

/// Whether this is an absolute path that can be put into requests to the board without escaping.
fn is_folder(path: &str) -> bool {
    let plain = |name: &str| !name.is_empty() && name != "." && name != "..";
    let names = path.strip_prefix('/').map(|path| path.split('/'));
    names.is_some_and(|mut names| names.all(plain)) && path.is_ascii() && !path.contains([' ', '\'', '\\'])
}
