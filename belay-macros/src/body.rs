//! Extracts Python bodies from doc comments and files: without common indentation, and with the origin of each line.

use std::path::{Component, Path};

use proc_macro2::Span;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, parse_quote};

use crate::args::{IMPLEMENTATIONS, unknown_implementation};
use crate::diag::Errors;
use crate::model::{Body, MethodOptions, Origin, SourceFile};

/// The error message for a body without a statement.
pub(crate) const EMPTY: &str =
    "the Python body has no statement in it\nhelp: write `pass` if it has nothing to do";

/// One line of a comment or file.
#[derive(Clone)]
struct Line {
    text: String,
    origin: Origin,
}

/// A fenced code block.
struct Block {
    /// The words after the opening fence.
    info: String,
    opening: Origin,
    closed: bool,
    lines: Vec<Line>,
}

/// Extracts the bodies of a method from its files or its doc comment. If the whole comment is a body, it is replaced by
/// a fenced block, so that rustdoc does not compile it as Rust.
pub(crate) fn read(
    attrs: &mut Vec<Attribute>,
    options: &MethodOptions,
    method: Span,
    errors: &mut Errors,
) -> Vec<Body> {
    let before = errors.count();
    let lines = comment(attrs, errors);
    let blocks = blocks(&lines);
    report_fences(&blocks, errors);
    let python: Vec<_> = blocks.iter().filter(|block| is_python(block)).collect();
    let bodies = match (options.files.as_slice(), python.as_slice()) {
        ([], []) => whole_comment(attrs, &lines, &blocks, options, errors),
        ([], python) => fenced(python, options, errors),
        (files, []) => from_files(attrs, files, options, errors),
        (_, [block, ..]) => {
            errors.at_span(
                block.opening.span,
                "the body is here and in `file = …` as well: keep one of them",
            );
            Vec::new()
        }
    };
    if errors.count() == before {
        report_empty(&bodies, method, errors);
    }
    bodies
}

/// The opening fence of the first Python block in a doc comment.
pub(crate) fn first_block(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Option<Span> {
    let lines = comment(attrs, errors);
    let blocks = blocks(&lines);
    let block = blocks.iter().find(|block| is_python(block))?;
    Some(block.opening.span)
}

fn report_empty(bodies: &[Body], method: Span, errors: &mut Errors) {
    const HELP: &str =
        "put its Python in a ```python block of its doc comment, or in a file with `file = \"…\"`";
    if bodies.is_empty() {
        errors.at_span(method, format!("this method has no Python body\nhelp: {HELP}"));
    }
    for body in bodies {
        if body.text.trim().is_empty() {
            let span = body.lines.first().map_or(method, |line| line.span);
            errors.at_span(span, EMPTY);
        }
    }
}

/// The lines of the doc comment, in whichever syntax it is written.
fn comment(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Vec<Line> {
    let mut lines = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("doc")) {
        // Attributes such as `#[doc(hidden)]` have no text.
        let Meta::NameValue(meta) = &attr.meta else {
            continue;
        };
        match &meta.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text), ..
            }) => lines.extend(lines_of(text)),
            other => errors.at(
                other,
                "a macro in `#[doc = …]` is not expanded yet when the body is read\n\
                 help: name a file that has the body with `file = \"…\"` in the method's attribute",
            ),
        }
    }
    // Remove the refused ones: the compiler would report them a second time.
    attrs.retain(|attr| !matches!(&attr.meta, Meta::NameValue(meta) if !matches!(meta.value, Expr::Lit(_))));
    lines
}

/// The lines of one `#[doc]` attribute.
fn lines_of(text: &LitStr) -> Vec<Line> {
    let value = text.value();
    let span = text.span();
    let (start, end) = (span.start().line, span.end().line);
    // A literal with `\n` escapes takes up fewer source lines than it has lines of text.
    let step = usize::from(end - start == value.matches('\n').count());
    let line = |(index, text): (usize, &str)| Line {
        text: text.strip_suffix('\r').unwrap_or(text).to_owned(),
        origin: Origin {
            line: u32::try_from(start + index * step).unwrap_or(0),
            span,
        },
    };
    let mut lines: Vec<_> = value.split('\n').enumerate().map(line).collect();
    strip_stars(&mut lines);
    lines
}

/// Removes the stars at the left edge of a `/** … */` comment, if every line has one.
fn strip_stars(lines: &mut [Line]) {
    let Some((_, rest)) = lines.split_first_mut() else {
        return;
    };
    // The last line has only the whitespace before `*/`.
    let count = match rest.last() {
        Some(last) if last.text.trim().is_empty() => rest.len() - 1,
        _ => rest.len(),
    };
    let rest = &mut rest[..count];
    let edge = |line: &Line| line.text.trim_start().starts_with('*');
    if !rest.is_empty() && rest.iter().all(edge) {
        for line in rest {
            line.text = line.text.trim_start()[1..].to_owned();
        }
    }
}

/// The fence that a line opens: its character and its length.
fn fence(text: &str) -> Option<(char, usize)> {
    let text = text.trim_start();
    let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let length = text.chars().take_while(|letter| *letter == mark).count();
    let info = &text[length..];
    (length >= 3 && !(mark == '`' && info.contains('`'))).then_some((mark, length))
}

/// The fenced blocks of a comment.
fn blocks(lines: &[Line]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = lines.iter();
    while let Some(line) = rest.next() {
        let Some((mark, length)) = fence(&line.text) else {
            continue;
        };
        let mut block = Block {
            info: line.text.trim_start()[length..].trim().to_owned(),
            opening: line.origin,
            closed: false,
            lines: Vec::new(),
        };
        for line in rest.by_ref() {
            let text = line.text.trim();
            if text.len() >= length && text.chars().all(|letter| letter == mark) {
                block.closed = true;
                break;
            }
            block.lines.push(line.clone());
        }
        blocks.push(block);
    }
    blocks
}

/// The words after the opening fence.
fn words(block: &Block) -> impl Iterator<Item = &str> {
    block.info.split([',', ' ', '\t']).filter(|word| !word.is_empty())
}

fn language(block: &Block) -> &str {
    words(block).next().unwrap_or("")
}

/// Whether a block is Python for the board, including common misspellings of its language.
fn is_python(block: &Block) -> bool {
    let language = language(block).to_ascii_lowercase();
    ["py", "py3", "python", "python3"].contains(&&*language) || IMPLEMENTATIONS.contains(&&*language)
}

fn report_fences(blocks: &[Block], errors: &mut Errors) {
    for block in blocks {
        let language = language(block);
        if is_python(block) && language != "python" {
            let lower = language.to_ascii_lowercase();
            let example = match &*lower {
                "micropython" | "circuitpython" => format!("python,{lower}"),
                _ => "python".to_owned(),
            };
            errors.at_span(
                block.opening.span,
                format!("a block of Python for the board is marked ```{example}, not ```{language}"),
            );
        }
        if (is_python(block) || language.is_empty()) && !block.closed {
            errors.at_span(
                block.opening.span,
                "this block is never closed: a line with ``` is missing",
            );
        }
    }
}

/// The body of a comment without fenced blocks.
fn whole_comment(
    attrs: &mut Vec<Attribute>,
    lines: &[Line],
    blocks: &[Block],
    options: &MethodOptions,
    errors: &mut Errors,
) -> Vec<Body> {
    if let Some(block) = blocks.first() {
        let words = match language(block) {
            "" => "this block says no language".to_owned(),
            language => format!("this block is `{language}`"),
        };
        errors.at_span(
            block.opening.span,
            format!(
                "{words}, and the comment has no Python for the board\n\
                 help: mark the block that is the body ```python"
            ),
        );
        return Vec::new();
    }
    if lines.iter().all(|line| line.text.trim().is_empty()) {
        return Vec::new();
    }
    let body = body(options.implementation.clone(), dedent(lines.to_vec()), true);
    let longest = longest_run(&body.text, '`').max(2) + 1;
    let fence = "`".repeat(longest);
    let doc = format!("{fence}python\n{}\n{fence}", body.text);
    replace_docs(attrs, parse_quote!(#[doc = #doc]));
    vec![body]
}

/// Replaces all `#[doc = …]` attributes by one.
fn replace_docs(attrs: &mut Vec<Attribute>, doc: Attribute) {
    attrs.retain(|attr| !(attr.path().is_ident("doc") && matches!(attr.meta, Meta::NameValue(_))));
    attrs.push(doc);
}

/// The length of the longest run of a character.
fn longest_run(text: &str, mark: char) -> usize {
    text.split(|letter| letter != mark)
        .map(str::len)
        .max()
        .unwrap_or(0)
}

/// The bodies in fenced blocks. All blocks for the same implementation together are one body.
fn fenced(blocks: &[&Block], options: &MethodOptions, errors: &mut Errors) -> Vec<Body> {
    let mut bodies: Vec<(Option<String>, Vec<Line>)> = Vec::new();
    for block in blocks {
        let mut implementation = options.implementation.clone();
        for word in words(block).skip(1) {
            if IMPLEMENTATIONS.contains(&word) {
                implementation = Some(word.to_owned());
            } else {
                errors.at_span(block.opening.span, unknown_implementation(word));
            }
        }
        let lines = dedent(block.lines.clone());
        match bodies.iter_mut().find(|(other, _)| *other == implementation) {
            Some((_, body)) => body.extend(lines),
            None => bodies.push((implementation, lines)),
        }
    }
    bodies
        .into_iter()
        .map(|(implementation, lines)| body(implementation, lines, false))
        .collect()
}

/// The bodies in files. Each file's name and text are appended to the documentation.
fn from_files(
    attrs: &mut Vec<Attribute>,
    files: &[SourceFile],
    options: &MethodOptions,
    errors: &mut Errors,
) -> Vec<Body> {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let mut bodies = Vec::new();
    for file in files {
        let name = file.path.value();
        let text = match text_of(Path::new(&root), &name) {
            Ok(text) => text,
            Err(problem) => {
                errors.at(&file.path, format!("`{name}` {problem}"));
                continue;
            }
        };
        let line = |(index, text): (usize, &str)| Line {
            text: text.to_owned(),
            origin: Origin {
                line: u32::try_from(index + 1).unwrap_or(0),
                span: file.path.span(),
            },
        };
        let lines = text.lines().enumerate().map(line).collect();
        let implementation = file
            .implementation
            .clone()
            .or_else(|| options.implementation.clone());
        let mut body = body(implementation, lines, false);
        body.file = Some(file.path.clone());
        bodies.push(body);
        let fence = "`".repeat(longest_run(&text, '`').max(2) + 1);
        let doc = format!(
            "\n\nIts Python is in `{name}`:\n\n{fence}python\n{}\n{fence}",
            text.trim_end()
        );
        attrs.push(parse_quote!(#[doc = #doc]));
    }
    bodies
}

/// The help message for a wrong path.
pub(crate) const PATHS: &str = "\nhelp: the path starts at the folder of this crate's Cargo.toml";

/// The text of a file inside a crate, or the error message if it cannot be read.
pub(crate) fn text_of(root: &Path, name: &str) -> Result<String, String> {
    if !is_below(Path::new(name)) {
        return Err(format!("is not below this crate{PATHS}"));
    }
    let path = root.join(name);
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}{PATHS}");
    // Reading a pipe would block forever.
    if !std::fs::metadata(&path).map_err(unreadable)?.is_file() {
        return Err(format!("is not a file{PATHS}"));
    }
    let bytes = std::fs::read(&path).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to());
        let line = good.unwrap_or_default().split(|byte| *byte == b'\n').count();
        format!("is not UTF-8, in line {line}\nhelp: save the file as UTF-8: it is in another encoding")
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

/// Whether a relative path stays inside the folder that it starts in.
pub(crate) fn is_below(path: &Path) -> bool {
    let mut depth = 0_usize;
    for component in path.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

fn body(implementation: Option<String>, mut lines: Vec<Line>, whole_comment: bool) -> Body {
    let blank = |line: &Line| line.text.trim().is_empty();
    while lines.last().is_some_and(blank) {
        lines.pop();
    }
    let leading = lines.iter().take_while(|line| blank(line)).count();
    lines.drain(..leading);
    let text: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    Body {
        implementation,
        text: text.join("\n"),
        lines: lines.iter().map(|line| line.origin).collect(),
        file: None,
        whole_comment,
    }
}

/// Removes the indentation that all lines have in common.
fn dedent(mut lines: Vec<Line>) -> Vec<Line> {
    let mut common: Option<String> = None;
    for line in lines.iter().filter(|line| !line.text.trim().is_empty()) {
        let blanks = |letter: &char| matches!(letter, ' ' | '\t');
        let indent = line.text.chars().take_while(blanks);
        common = Some(match common {
            None => indent.collect(),
            Some(common) => common
                .chars()
                .zip(indent)
                .take_while(|(left, right)| left == right)
                .map(|(left, _)| left)
                .collect(),
        });
    }
    let common = common.unwrap_or_default();
    for line in &mut lines {
        line.text = line.text.strip_prefix(&common).unwrap_or("").to_owned();
    }
    lines
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse::Parser;

    use super::*;

    fn read_docs(tokens: proc_macro2::TokenStream) -> (Vec<Body>, Vec<Attribute>, String) {
        let mut attrs = Attribute::parse_outer.parse2(tokens).expect("attributes");
        let mut errors = Errors::new();
        let bodies = read(
            &mut attrs,
            &MethodOptions::default(),
            Span::call_site(),
            &mut errors,
        );
        (bodies, attrs, errors.finish().to_string())
    }

    #[test]
    fn a_fenced_block_is_the_body_and_the_prose_stays_as_it_is() {
        let docs = quote! {
            #[doc = " Reads."]
            #[doc = ""]
            #[doc = " ```python"]
            #[doc = " if x:"]
            #[doc = "     return 1"]
            #[doc = " ```"]
        };
        let (bodies, attrs, errors) = read_docs(docs.clone());
        assert_eq!(errors, "");
        assert_eq!(bodies[0].text, "if x:\n    return 1");
        assert_eq!(quote!(#(#attrs)*).to_string(), docs.to_string());
    }

    #[test]
    fn blocks_that_name_an_implementation_are_bodies_of_their_own() {
        let (bodies, _, errors) = read_docs(quote! {
            #[doc = " ```python"]
            #[doc = " a"]
            #[doc = " ```"]
            #[doc = " ```python,circuitpython"]
            #[doc = " b"]
            #[doc = " ```"]
            #[doc = " ```python"]
            #[doc = " c"]
            #[doc = " ```"]
        });
        assert_eq!(errors, "");
        let found: Vec<_> = bodies
            .iter()
            .map(|body| (body.implementation.as_deref(), &*body.text))
            .collect();
        assert_eq!(found, [(None, "a\nc"), (Some("circuitpython"), "b")]);
    }

    #[test]
    fn a_comment_without_a_fence_is_the_body_and_gets_a_fence_for_rustdoc() {
        let (bodies, attrs, _) = read_docs(quote! {
            #[doc = " led.off()"]
            #[doc(alias = "dark")]
        });
        assert_eq!(bodies[0].text, "led.off()");
        let docs = quote!(#(#attrs)*).to_string();
        assert_eq!(
            docs,
            "# [doc (alias = \"dark\")] # [doc = \"```python\\nled.off()\\n```\"]"
        );
    }

    #[test]
    fn a_body_with_backticks_in_it_gets_a_longer_fence() {
        let (_, attrs, _) = read_docs(quote!(#[doc = " x = '''```'''"]));
        assert!(
            quote!(#(#attrs)*)
                .to_string()
                .contains("\"````python\\nx = '''```'''\\n````\"")
        );
    }

    #[test]
    fn the_stars_of_a_block_comment_are_not_part_of_the_body() {
        let (bodies, _, _) = read_docs(quote!(#[doc = "\n * ```python\n * if x:\n *     y()\n * ```\n "]));
        assert_eq!(bodies[0].text, "if x:\n    y()");
        let (bodies, _, _) = read_docs(quote!(#[doc = "\n    *a, b = x\n    c\n"]));
        assert_eq!(bodies[0].text, "*a, b = x\nc");
    }

    #[test]
    fn a_macro_as_documentation_is_refused() {
        let (_, _, errors) = read_docs(quote!(#[doc = include_str!("blink.py")]));
        assert!(errors.contains("is not expanded yet"), "{errors}");
    }
}
