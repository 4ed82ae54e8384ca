//! The modules of the runtime, of which each uses only those below it.

#[path = "layers/circles.rs"]
mod circles;

use std::fs;
use std::path::Path;

/// From the lowest to the highest.
const LAYERS: [&str; 23] = [
    "boxed",
    "polled",
    "random",
    "printable",
    "clock",
    "exception",
    "spec",
    "kept",
    "python",
    "transport",
    "error",
    "host",
    "protocol",
    "agent",
    "feed",
    "link",
    "session",
    "files",
    "mount",
    "executor",
    "signature",
    "remote",
    "device",
];

/// Calls `look` with each Rust file under `folder`.
fn each_file(folder: &Path, look: &mut dyn FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_file(&path, look);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            look(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

/// The modules that a line of code names by their path from the crate's root.
fn named(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

#[test]
fn no_module_of_the_runtime_uses_one_above_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../belay-runtime/src");
    let mut used = 0;
    each_file(&source, &mut |path, text| {
        let inside = path.strip_prefix(&source).unwrap().with_extension("");
        let module = inside.iter().next().unwrap().to_str().unwrap();
        if module == "lib" {
            return;
        }
        let layer = |module: &str| LAYERS.iter().position(|layer| *layer == module);
        let own = layer(module).unwrap_or_else(|| panic!("`{module}` is in no layer"));
        let code = text.lines().enumerate();
        for (number, line) in code.filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for name in named(line) {
                let place = format!("{}:{}: {line}", path.display(), number + 1);
                let other = layer(name).unwrap_or_else(|| panic!("`{name}` is in no layer: {place}"));
                assert!(other <= own, "`{module}` is below `{name}`: {place}");
                used += usize::from(other < own);
            }
        }
    });
    assert!(
        used > 50,
        "only {used} uses were found: the source is not where it was"
    );
}

/// Code that only the agent's own module may have: the names of its functions on the board, and the characters of the
/// kinds of requests and replies.
fn of_the_agent(line: &str) -> Option<String> {
    let kinds = line.match_indices("b'").filter_map(|(at, _)| {
        let rest = &line[at + 2..];
        let kind = rest.chars().next().filter(char::is_ascii_alphabetic)?;
        rest[1..].starts_with('\'').then(|| format!("b'{kind}'"))
    });
    let calls = "ABDFGHKMNOQSTUVXY".chars().flat_map(|name| {
        let call = |before: &str, behind: &str| format!("{before}{name}({behind}");
        // The call at the beginning of a string, or in the middle of one.
        [
            call("\"", ""),
            call("(", "'"),
            call("(", "{"),
            call(",", "'"),
            call(",", "{"),
            call(" ", "'"),
        ]
    });
    let words = ["_belay[", "'_threads'", "\"_threads", "'_files'", "\"_files"].map(str::to_owned);
    let mut words = calls.chain(words).filter(|word| line.contains(word));
    { kinds }.next().or_else(|| words.next())
}

#[test]
fn nothing_but_the_agents_module_has_its_kinds_and_its_language() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../belay-runtime/src");
    let mut seen = 0;
    for above in ["link", "session", "files", "executor", "device"] {
        each_file(&source.join(above), &mut |path, text| {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let found = of_the_agent(line);
                assert_eq!(found, None, "{}: {line}", path.display());
                seen += 1;
            }
        });
    }
    assert!(seen > 3000, "only {seen} lines: the source is not where it was");
    for line in [
        "b'v' => self.complete(at),",
        r#"format!("D('{id}')")"#,
        r#"let call = format!("({set},X({namespace},{source}))[1]");"#,
        r#"format!("_belay['h']({line})")"#,
    ] {
        assert!(of_the_agent(line).is_some(), "{line}");
    }
}

/// What of the link has the port, or waits for it, for what the conversation gives or for the host's answers. All else is
/// the conversation.
const WITH_THE_PORT: [&str; 14] = [
    "asked.rs",
    "mod.rs",
    "pump.rs",
    "port.rs",
    "wire.rs",
    "start.rs",
    "start/small.rs",
    "ladder.rs",
    "output.rs",
    "items.rs",
    "keeping.rs",
    "events.rs",
    "statements.rs",
    "provide.rs",
];

#[test]
fn the_conversation_has_no_clock_no_port_and_nothing_to_wait_for() {
    let link = Path::new(env!("CARGO_MANIFEST_DIR")).join("../belay-runtime/src/link");
    let mut looked_at = 0;
    each_file(&link, &mut |path, text| {
        let inside = path.strip_prefix(&link).unwrap().to_str().unwrap();
        if WITH_THE_PORT.contains(&inside) || inside.ends_with("tests.rs") {
            return;
        }
        looked_at += 1;
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for word in ["::now()", "async ", ".await", "dyn Transport", "sleep", "poll_"] {
            let known = |line: &str| line.contains("repl.poll_") || line.trim_start().starts_with("//");
            let found = code.lines().find(|line| line.contains(word) && !known(line));
            assert_eq!(found, None, "{}", path.display());
        }
    });
    assert!(
        looked_at > 12,
        "only {looked_at} files: the source is not where it was"
    );
}
