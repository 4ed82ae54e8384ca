//! Makes what goes onto every board small: short names, no comments, and as little indentation as Python allows. And
//! gives the agent builtins of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

/// The function that is the agent.
const AGENT: &str = "def _belay(version, boot, before):\n";

/// How many uses of a builtin are often.
const OFTEN: usize = 4;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=src/agent");
    let out = env::var("OUT_DIR")?;
    for entry in fs::read_dir("src/agent")? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "py") {
            continue;
        }
        let source = with_own_builtins(&with_codes(&fs::read_to_string(&path)?));
        let parsed = belay_syntax::parse_module(&source);
        if !parsed.diagnostics.is_empty() {
            return Err(format!("{}: {:?}", path.display(), parsed.diagnostics).into());
        }
        let name = path.file_name().ok_or("a file without a name")?;
        let short = parsed.shorten();
        let small = belay_syntax::parse_module(&short).rewrite().minify_dense();
        fs::write(Path::new(&out).join(name), small.code)?;
    }
    Ok(())
}

/// Has the agent compare with the codes of characters, which in the source are `ord("c")`.
fn with_codes(source: &str) -> String {
    (b' '..=b'~').fold(source.to_owned(), |source, code| {
        let character = format!("ord(\"{}\")", char::from(code));
        source.replace(&character, &code.to_string())
    })
}

/// Has the agent take each builtin that it names out of the module: what it would find by itself is what `main.py` has
/// made of the name. A module's own attributes are always the real ones. Those that stand there often get a short name,
/// which is cheaper to compile; for the others it would take more of the board's memory.
fn with_own_builtins(source: &str) -> String {
    let Some((before, body)) = source.split_once(AGENT) else {
        return source.to_owned();
    };
    let parsed = belay_syntax::parse_module(source);
    let free = &parsed.analysis().free;
    let mut uses: BTreeMap<&str, usize> = free.iter().map(|name| (name.name.as_str(), 0)).collect();
    for word in words(body) {
        if let Some(uses) = uses.get_mut(word) {
            *uses += 1;
        }
    }
    let often = |name: &&str| uses[*name] >= OFTEN;
    let imports: Vec<String> = { uses.keys().filter(|name| often(name)) }
        .map(|name| format!("{name} as own{name}"))
        .collect();
    let imports = imports.join(", ");
    let mut own = format!("{before}{AGENT}    import builtins as own\n    from builtins import {imports}\n");
    for word in words(body) {
        own.push_str(match uses.get(word) {
            Some(_) if often(&word) => "own",
            Some(_) => "own.",
            None => "",
        });
        own.push_str(word);
    }
    own
}

/// The names in a source, and what is between them: a comment or a string is one piece, and so is an attribute with
/// the point before it.
fn words(source: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c == '_' || c.is_alphanumeric();
    let mut rest = source;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = match first {
            '#' => rest.find('\n'),
            '"' | '\'' => rest[1..].find(first).map(|at| at + 2),
            '.' => rest[1..].find(|c| !is_name(c)).map(|at| at + 1),
            c if is_name(c) => rest.find(|c| !is_name(c)),
            c => Some(c.len_utf8()),
        };
        let (word, others) = rest.split_at(end.unwrap_or(rest.len()));
        rest = others;
        Some(word)
    })
}
