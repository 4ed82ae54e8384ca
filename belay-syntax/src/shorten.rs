//! Shortens names that are visible only inside a text.

use std::collections::{HashMap, HashSet};

use crate::Analysis;
use crate::token::{Kind, Token};

/// The text with shorter names. It must have no errors; a text with f-strings is returned unchanged.
pub(crate) fn shorten(source: &str, tokens: &[Token<'_>], analysis: &Analysis) -> String {
    if tokens.iter().any(|token| token.made && token.kind == Kind::Name) {
        return source.to_owned();
    }
    let mut kept: HashSet<&str> = visible(tokens);
    kept.extend(analysis.free.iter().map(|name| name.name.as_str()));
    kept.extend(analysis.assigned.iter().map(|name| name.name.as_str()));
    let renamed = names(tokens, &kept);
    let mut out = String::with_capacity(source.len());
    let mut from = 0;
    for token in tokens {
        if let (Kind::Name, Some(short)) = (token.kind, renamed.get(token.text)) {
            out.push_str(source.get(from..token.range.start).unwrap_or(""));
            out.push_str(short);
            from = token.range.end;
        }
    }
    out.push_str(source.get(from..).unwrap_or(""));
    out
}

/// The names that code outside of the text may use, found by their position.
fn visible<'s>(tokens: &[Token<'s>]) -> HashSet<&'s str> {
    let mut kept = HashSet::new();
    let (mut blocks, mut depth) = (Vec::new(), 0_usize);
    let (mut importing, mut decorating, mut class_line, mut begins_line) = (false, false, false, true);
    let mut before = Kind::Newline;
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).map_or(Kind::End, |token| token.kind);
        match token.kind {
            Kind::Newline | Kind::Semicolon => (importing, decorating) = (false, false),
            Kind::At if begins_line => decorating = true,
            Kind::Import | Kind::From if before != Kind::Yield => importing = true,
            Kind::Class => class_line = true,
            Kind::Indent => blocks.push(std::mem::take(&mut class_line)),
            Kind::Dedent => drop(blocks.pop()),
            kind if kind.opens() => depth += 1,
            kind if kind.opener().is_some() => depth = depth.saturating_sub(1),
            Kind::Name => {
                let in_class = blocks.last() == Some(&true);
                let member = in_class && (begins_line || before == Kind::Def);
                let keyword = depth > 0 && next == Kind::Equal;
                let import = importing && before != Kind::As;
                if before == Kind::Dot
                    || decorating
                    || member
                    || keyword
                    || import
                    || token.text.starts_with('_')
                {
                    kept.insert(token.text);
                }
            }
            _ => {}
        }
        begins_line = matches!(
            token.kind,
            Kind::Newline | Kind::Semicolon | Kind::Indent | Kind::Dedent
        );
        before = token.kind;
    }
    kept
}

/// The new name of each name: the more often it occurs, the shorter.
fn names<'s>(tokens: &[Token<'s>], kept: &HashSet<&str>) -> HashMap<&'s str, String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for token in tokens.iter().filter(|token| token.kind == Kind::Name) {
        *counts.entry(token.text).or_default() += 1;
    }
    let mut wanted: Vec<(&str, usize)> = counts
        .iter()
        .map(|(name, count)| (*name, *count))
        .filter(|(name, _)| !kept.contains(name))
        .collect();
    wanted.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let free =
        |name: &String| !kept.contains(name.as_str()) && !crate::is_keyword(name) && !crate::is_builtin(name);
    let mut short = candidates().filter(free);
    let renamed = wanted.iter().filter_map(|(name, _)| Some((*name, short.next()?)));
    renamed.collect()
}

/// All names of one letter, then those of two.
fn candidates() -> impl Iterator<Item = String> {
    let one = ('a'..='z').map(String::from);
    let two = ('a'..='z').flat_map(|first| ('a'..='z').map(move |second| format!("{first}{second}")));
    one.chain(two)
}
