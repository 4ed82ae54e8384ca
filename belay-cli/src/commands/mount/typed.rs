//! Finds the end of a statement that is being typed, by the rules of MicroPython's own prompt.

/// The words that begin a compound statement, which ends with an empty line.
const COMPOUND: [&str; 9] = [
    "async", "class", "def", "for", "if", "match", "try", "while", "with",
];

/// Whether more lines belong to the statement typed so far.
pub(super) fn goes_on(text: &str) -> bool {
    let first = text.trim_start();
    let word = first
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
        .unwrap_or_default();
    let compound = COMPOUND.contains(&word) || first.starts_with('@');
    if compound && !text.lines().last().is_some_and(|line| line.trim().is_empty()) {
        return true;
    }
    is_open(text)
}

/// Whether a bracket, a triple-quoted string or a continued line is still open.
fn is_open(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let quote = ["\"\"\"", "'''", "\"", "'"]
            .into_iter()
            .find(|quote| rest.starts_with(quote));
        if let Some(quote) = quote {
            match behind(&rest[quote.len()..], quote) {
                Some(behind) => rest = behind,
                // An unterminated string of one line is an error, which the board will report.
                None => return quote.len() == 3,
            }
            continue;
        }
        match next {
            '#' => {
                let line = rest.find('\n').unwrap_or(rest.len());
                rest = &rest[line..];
                continue;
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '\\' if rest.trim_end_matches(['\n', '\r']) == "\\" => return true,
            _ => {}
        }
        rest = &rest[next.len_utf8()..];
    }
    depth > 0
}

/// The text behind the end of a string.
fn behind<'a>(text: &'a str, quote: &str) -> Option<&'a str> {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if text[at..].starts_with(quote) {
            return Some(&text[at + quote.len()..]);
        } else if character == '\n' && quote.len() == 1 {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::goes_on;

    #[test]
    fn a_statement_ends_where_the_boards_prompt_ends_it() {
        for whole in [
            "",
            "1 + 2\n",
            "x = (1,\n2)\n",
            "if x:\n  y\n\n",
            "'it''s' # (\n",
            "'\\'('\n",
            "\"\"\"a\n(\"\"\"\n",
            "form = 1\n",
            "'not closed\n",
            ")\n",
            "if x: y\n\n",
        ] {
            assert!(!goes_on(whole), "{whole:?}");
        }
        for open in [
            "if x:\n",
            "if x: y\n",
            "  for i in x:\n  y\n",
            "@a\n",
            "x = (1,\n",
            "x = '''a\n",
            "x = 1 + \\\n",
            "f(')',\n",
            "async def f():\n",
        ] {
            assert!(goes_on(open), "{open:?}");
        }
    }
}
