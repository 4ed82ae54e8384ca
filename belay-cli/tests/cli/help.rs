//! The command's help texts.

use std::fmt::Write as _;

use crate::harness::{command, kept, said};

fn help(words: &[&str]) -> String {
    let here = std::env::temp_dir();
    said(command(&here, words.iter().chain(&["--help"])), "").good()
}

/// The commands that a help text lists.
fn commands(help: &str) -> Vec<String> {
    let (_, rest) = help.split_once("Commands:\n").unwrap_or_default();
    let lines = rest.lines().take_while(|line| line.starts_with("  "));
    // A description that continues on another line is indented further.
    let first = lines.filter(|line| !line.starts_with("   "));
    let names = first.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Commands that exist with a feature only, so their help is not in the stored text.
const BY_FEATURE: [&str; 3] = ["sim", "serve", "fleet"];

/// The help of a command and of its subcommands.
pub(crate) fn pages(name: &str) -> String {
    let text = help(&[name]);
    let below = commands(&text);
    assert!(!below.is_empty() || text.contains("Example:"), "{name}: {text}");
    let mut all = format!("\n$ belay {name} --help\n{text}");
    for second in below {
        let text = help(&[name, &second]);
        assert!(text.contains("Example:"), "{name} {second}: {text}");
        let _ = write!(all, "\n$ belay {name} {second} --help\n{text}");
    }
    all
}

#[test]
fn each_command_says_what_it_does_with_an_example() {
    let whole = help(&[]);
    let names = commands(&whole);
    let kept_with_the_rest = |name: &&String| !BY_FEATURE.contains(&name.as_str());
    let pages = names.iter().filter(kept_with_the_rest).map(|name| pages(name));
    let all = format!("$ belay --help\n{whole}{}", pages.collect::<String>());
    let by_feature = |line: &str| {
        BY_FEATURE
            .iter()
            .any(|name| line.starts_with(&format!("  {name} ")))
    };
    let lines = all.lines().filter(|line| !by_feature(line));
    kept("help.txt", &(lines.collect::<Vec<_>>().join("\n") + "\n"));
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = said(command(&std::env::temp_dir(), ["completions", shell]), "").good();
        assert!(text.contains("monitor"), "{shell}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let text = said(command(&std::env::temp_dir(), ["--version"]), "").good();
    assert_eq!(text, format!("belay {}\n", env!("CARGO_PKG_VERSION")));
}
