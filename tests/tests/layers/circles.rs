//! Finds files that import each other in a circle. A re-exported name counts as its defining file's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::each_file;

/// The modules in which circles are still tolerated.
const LEFT: [&str; 4] = ["link", "protocol", "python::de", "python::ser"];

/// A module by its path from the crate's root, or something in it.
type Name = Vec<String>;

/// The imports and exports of one file.
#[derive(Default)]
struct File {
    /// The names that it imports, as written.
    uses: Vec<Name>,
    /// The names that it re-exports; the last part is the name of the export.
    exports: Vec<Name>,
    /// The rest of its code.
    rest: String,
}

fn parts(path: &str) -> Name {
    path.split("::").map(|part| part.trim().to_owned()).collect()
}

/// The names in `a::{b, c::{d, e as f}}`.
fn tree(text: &str, before: &[String], names: &mut Vec<Name>) {
    let mut depth = 0;
    let branches = text.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    for branch in branches.map(str::trim).filter(|branch| !branch.is_empty()) {
        let (path, inner) = branch.split_once('{').unwrap_or((branch, ""));
        let path = path
            .split(" as ")
            .next()
            .unwrap_or_default()
            .trim_end_matches("::");
        let mut name = before.to_vec();
        name.extend(parts(path).into_iter().filter(|part| !part.is_empty()));
        match inner.rsplit_once('}') {
            Some((inner, _)) => tree(inner, &name, names),
            None => names.push(name),
        }
    }
}

fn read(text: &str) -> File {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    // Visibilities name modules without using them.
    let code = code.map(|line| line.replace("pub(in crate::", "pub(in "));
    let mut file = File::default();
    for statement in code.collect::<Vec<_>>().join("\n").split_inclusive(';') {
        let Some((before, used)) = statement.trim_end_matches(';').split_once("use ") else {
            file.rest.push_str(statement);
            continue;
        };
        let visibility = before.lines().last().unwrap_or_default().trim();
        let before = &before[..before.len() - before.lines().last().map_or(0, str::len)];
        file.rest.push_str(before);
        match visibility {
            "" => tree(used, &[], &mut file.uses),
            "pub" | "pub(crate)" | "pub(super)" => tree(used, &[], &mut file.exports),
            _ => file.rest.push_str(used),
        }
    }
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = file
        .rest
        .split(|c| !is_name(c))
        .filter(|word| word.contains("::"));
    file.uses.extend(words.map(parts));
    file
}

/// The crate's files by the names of their modules.
struct Files(BTreeMap<Name, File>);

impl Files {
    fn of(source: &Path) -> Self {
        let mut files = BTreeMap::new();
        each_file(source, &mut |path, text| {
            let inside = path.strip_prefix(source).unwrap().with_extension("");
            let mut module: Name = inside
                .iter()
                .map(|part| part.to_str().unwrap().to_owned())
                .collect();
            if module.last().is_some_and(|last| last == "mod" || last == "lib") {
                module.pop();
            }
            if !module.contains(&"tests".to_owned()) {
                files.insert(module, read(text));
            }
        });
        Self(files)
    }

    /// The path from the crate's root of a name that is written in a module; `None` if it is in another crate.
    fn absolute(&self, module: &[String], name: &[String]) -> Option<Name> {
        let ups = name.iter().take_while(|part| *part == "super").count();
        let from = match name.first()?.as_str() {
            "crate" => return Some(name[1..].to_vec()),
            "self" => return Some([module, &name[1..]].concat()),
            "super" => &module[..module.len().checked_sub(ups)?],
            child => {
                let child = [module, &[child.to_owned()]].concat();
                self.0.contains_key(&child).then_some(module)?
            }
        };
        Some([from, &name[ups..]].concat())
    }

    /// The module whose file defines the name with this path.
    fn definition(&self, name: &[String]) -> Option<Name> {
        let length = (0..=name.len())
            .rev()
            .find(|length| self.0.contains_key(&name[..*length]))?;
        let (module, inside) = name.split_at(length);
        let passed_on = self.0[module]
            .exports
            .iter()
            .find_map(|export| (inside.first()? == export.last()?).then(|| self.absolute(module, export))?);
        match passed_on {
            Some(other) if other.as_slice() != name => self.definition(&other),
            _ => Some(module.to_vec()),
        }
    }

    /// The modules that a module uses.
    fn used_by(&self, module: &[String]) -> BTreeSet<Name> {
        let file = &self.0[module];
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let words: BTreeSet<&str> = file.rest.split(|c| !is_name(c)).collect();
        // A re-exported name counts as used where the code also mentions it.
        let exports = file.exports.iter();
        let exports =
            exports.filter(|export| export.last().is_some_and(|name| words.contains(name.as_str())));
        let names = file.uses.iter().chain(exports);
        let absolute = names.filter_map(|name| self.absolute(module, name));
        let mut used: BTreeSet<Name> = absolute.filter_map(|name| self.definition(&name)).collect();
        used.remove(module);
        used
    }

    /// A circle of imports from a module back to it, if there is one.
    fn circle(&self, module: &Name) -> Option<Vec<String>> {
        let mut ways = vec![vec![module.clone()]];
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop() {
            for used in self.used_by(way.last()?) {
                if used == *module {
                    return Some(way.iter().map(|module| module.join("::")).collect());
                }
                if seen.insert(used.clone()) {
                    ways.push([way.as_slice(), &[used]].concat());
                }
            }
        }
        None
    }
}

#[test]
fn no_files_of_the_runtime_import_each_other_in_a_circle() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../belay-runtime/src");
    let files = Files::of(&source);
    let mut looked_at = 0;
    let mut circles = Vec::new();
    for module in files.0.keys().filter(|module| !module.is_empty()) {
        let name = module.join("::");
        if LEFT
            .iter()
            .any(|left| name == *left || name.starts_with(&format!("{left}::")))
        {
            continue;
        }
        looked_at += 1;
        circles.extend(files.circle(module).map(|circle| circle.join(" → ")));
    }
    assert!(circles.is_empty(), "{}", circles.join("\n"));
    assert!(
        looked_at > 60,
        "only {looked_at} files: the source is not where it was"
    );
}

#[test]
fn a_circle_is_found_through_names_that_are_passed_on() {
    let texts = [
        ("", "mod a;\nmod b;\npub use a::A;"),
        (
            "a",
            "mod inner;\npub use inner::Inner;\nuse crate::b::b;\npub struct A;",
        ),
        ("a::inner", "pub struct Inner;"),
        ("b", "use std::fmt;\nuse crate::{A, fmt as f};\npub fn b(_: A) {}"),
    ];
    let module = |name: &str| {
        name.split("::")
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let files = Files(texts.map(|(name, text)| (module(name), read(text))).into());
    assert_eq!(files.circle(&module("b")).unwrap(), ["b", "a"]);
    assert_eq!(files.circle(&module("a::inner")), None);
    assert!(files.used_by(&module("a")).contains(&module("b")));
}
