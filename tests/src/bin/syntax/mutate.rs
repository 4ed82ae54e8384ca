//! Mutations: files with a few mistakes in them, always the same ones for a seed.

use fastrand::Rng;

use super::File;

pub(crate) struct Mutant {
    pub(crate) source: String,
    file: String,
    seed: u64,
    index: usize,
}

impl Mutant {
    pub(crate) fn name(&self) -> String {
        format!(
            "mutant {} of seed {}, made of {}",
            self.index, self.seed, self.file
        )
    }
}

/// Tokens that can be inserted anywhere.
const TOKENS: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ";",
    ":",
    ".",
    "=",
    "==",
    "!=",
    "+",
    "-",
    "*",
    "**",
    "/",
    "//",
    "%",
    "@",
    "&",
    "|",
    "^",
    "~",
    "<",
    ">",
    "<<",
    ">>",
    "<=",
    ">=",
    "+=",
    "**=",
    ":=",
    "->",
    "...",
    "0",
    "1",
    "0x1f",
    "1.5",
    "1e3",
    "2j",
    "x",
    "self",
    "_",
    "''",
    "b''",
    "f'{x}'",
    "f\"{x!r:>{y}}\"",
    "r'\\'",
    "'''",
    "\"",
    "\\",
    "\n",
    "\n    ",
    "# x\n",
    "const",
    "False",
    "None",
    "True",
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
    "super()",
    "__debug__",
    "*a",
    "**a",
    "a=1",
    "(yield)",
    "x if y else z",
    "lambda: 0",
    "\t",
    "é",
    "$",
    "?",
    "!",
];

/// The mutant with this number.
pub(crate) fn mutant(files: &[File], seed: u64, index: usize) -> Mutant {
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::try_from(index).unwrap_or(0);
    let mut rng = Rng::with_seed(mixed);
    let file = files.get(rng.usize(..files.len()));
    let (mut source, name) =
        file.map_or_else(Default::default, |file| (file.source.clone(), file.name.clone()));
    for _ in 0..rng.usize(1..=3) {
        source = match rng.u8(..10) {
            0..=5 => change_tokens(&source, &mut rng),
            6 | 7 => change_lines(&source, &mut rng),
            _ => change_characters(&source, &mut rng),
        };
    }
    Mutant {
        source,
        file: name,
        seed,
        index,
    }
}

/// Deletes, doubles, swaps, replaces or inserts a token.
fn change_tokens(source: &str, rng: &mut Rng) -> String {
    let mut tokens = split(source);
    if tokens.is_empty() {
        return source.to_owned();
    }
    let at = rng.usize(..tokens.len());
    let other = rng.usize(..tokens.len());
    let new = rng.choice(TOKENS).copied().unwrap_or("x");
    match rng.u8(..6) {
        0 => {
            tokens.remove(at);
        }
        1 => {
            let double = tokens.get(at).copied().unwrap_or("");
            tokens.insert(at, double);
        }
        2 if at + 1 < tokens.len() => tokens.swap(at, at + 1),
        2 | 3 => tokens.swap(at, other),
        4 => {
            if let Some(token) = tokens.get_mut(at) {
                *token = new;
            }
        }
        _ => tokens.insert(at, new),
    }
    tokens.concat()
}

/// Deletes, doubles, swaps, joins or indents lines.
fn change_lines(source: &str, rng: &mut Rng) -> String {
    let mut lines: Vec<String> = source.split_inclusive('\n').map(str::to_owned).collect();
    if lines.is_empty() {
        return String::new();
    }
    let at = rng.usize(..lines.len());
    let other = rng.usize(..lines.len());
    match rng.u8(..8) {
        0 => {
            lines.remove(at);
        }
        1 => {
            let double = lines.get(at).cloned().unwrap_or_default();
            lines.insert(at, double);
        }
        2 => lines.swap(at, other),
        3 => {
            if let Some(line) = lines.get_mut(at) {
                *line = line.trim_end_matches('\n').to_owned();
            }
        }
        4 => {
            if let Some(line) = lines.get_mut(at) {
                *line = line.trim_start_matches([' ', '\t']).to_owned();
            }
        }
        5 => {
            if let Some(line) = lines.get_mut(at) {
                let shorter = line.strip_prefix("    ").unwrap_or(line).to_owned();
                *line = shorter;
            }
        }
        kind => {
            let blanks = [" ", "    ", "\t", "  "]
                .get(rng.usize(..4))
                .copied()
                .unwrap_or(" ");
            // Sometimes a line, sometimes all that follow.
            let end = if kind == 6 { at + 1 } else { lines.len() };
            for line in lines.get_mut(at..end).unwrap_or_default() {
                line.insert_str(0, blanks);
            }
        }
    }
    lines.concat()
}

/// Deletes, inserts, replaces or swaps a character.
fn change_characters(source: &str, rng: &mut Rng) -> String {
    let mut characters: Vec<char> = source.chars().collect();
    if characters.is_empty() {
        return String::new();
    }
    let at = rng.usize(..characters.len());
    let new = if rng.u8(..20) == 0 {
        rng.char('\u{80}'..='\u{2fff}')
    } else {
        char::from(rng.u8(9..127))
    };
    match rng.u8(..4) {
        0 => {
            characters.remove(at);
        }
        1 => characters.insert(at, new),
        2 => {
            if let Some(character) = characters.get_mut(at) {
                *character = new;
            }
        }
        _ => {
            if at + 1 < characters.len() {
                characters.swap(at, at + 1);
            }
        }
    }
    characters.into_iter().collect()
}

/// Splits into words, numbers, blanks and single characters. It does not use the lexer, so that a fault of the lexer
/// cannot hide here.
fn split(source: &str) -> Vec<&str> {
    let kind = |character: char| match character {
        '_' => 0,
        _ if character.is_alphanumeric() => 0,
        ' ' | '\t' => 1,
        _ => 2,
    };
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut previous = None;
    for (at, character) in source.char_indices() {
        let now = kind(character);
        if previous.is_some_and(|before| before != now || now == 2) {
            tokens.push(source.get(start..at).unwrap_or(""));
            start = at;
        }
        previous = Some(now);
    }
    tokens.push(source.get(start..).unwrap_or(""));
    tokens
}
