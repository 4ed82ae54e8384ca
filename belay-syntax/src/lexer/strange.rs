//! Characters that MicroPython treats as part of a name, but that nobody means as such.
//!
//! MicroPython treats every byte beyond ASCII as a letter. So a typographic quote or a non-breaking space
//! joins the words around it into a new name, which is undefined at run time.

/// Whether a character beyond ASCII is neither a letter nor a digit nor a combining mark of any script.
pub(super) fn is_strange(character: char) -> bool {
    /// Blocks of punctuation, symbols and invisible characters. The letters in them are excluded below.
    const BLOCKS: [(char, char); 14] = [
        ('\u{80}', '\u{b6}'),
        ('\u{b8}', '\u{bf}'),
        ('\u{d7}', '\u{d7}'),
        ('\u{f7}', '\u{f7}'),
        ('\u{2000}', '\u{203e}'),
        ('\u{2041}', '\u{2053}'),
        ('\u{2055}', '\u{20cf}'),
        ('\u{2100}', '\u{2bff}'),
        ('\u{2e00}', '\u{2e7f}'),
        ('\u{3000}', '\u{303f}'),
        ('\u{e000}', '\u{f8ff}'),
        ('\u{fe00}', '\u{fe1f}'),
        ('\u{fe30}', '\u{fe6f}'),
        ('\u{fe75}', '\u{ffff}'),
    ];
    let in_block = BLOCKS
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&character));
    let is_picture = ('\u{1f000}'..='\u{1faff}').contains(&character) || character > '\u{e0000}';
    (in_block || is_picture) && !character.is_alphabetic()
}

/// Whether it looks like a space, or is invisible.
pub(super) fn is_blank(character: char) -> bool {
    let invisible = matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    invisible || (!character.is_ascii() && character.is_whitespace())
}

/// The name of a character, and what to write in its place.
pub(super) fn describe(character: char) -> (String, String) {
    let code = format!("U+{:04X}", u32::from(character));
    let write = |text: &str| format!("write `{text}`");
    let space = "write an ordinary space".to_owned();
    let remove = "remove it: it cannot be seen, and an editor shows it when it is searched for".to_owned();
    let (what, help) = match character {
        '\u{a0}' | '\u{202f}' => ("a space that does not break", space),
        '\u{feff}' => (
            "a byte order mark",
            "save the file without it: as UTF-8, and not as UTF-8 with a signature".to_owned(),
        ),
        _ if is_blank(character) && character.is_whitespace() => ("a space of another width", space),
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => {
            ("a character without width", remove)
        }
        '“' | '”' | '„' | '‟' | '«' | '»' | '″' => ("a typographic quote", write("\"")),
        '‘' | '’' | '‚' | '‛' | '‹' | '›' | '′' => ("a typographic quote", write("'")),
        '\u{2010}'..='\u{2015}' | '−' => ("a dash, and not the minus sign", write("-")),
        '×' | '·' | '⋅' | '∙' | '∗' => ("a typographic sign for multiplication", write("*")),
        '÷' | '∕' | '⁄' => ("a typographic sign for division", write("/")),
        '≤' | '⩽' => ("a typographic sign", write("<=")),
        '≥' | '⩾' => ("a typographic sign", write(">=")),
        '≠' => ("a typographic sign", write("!=")),
        '→' => ("an arrow", write("->")),
        '…' => ("a typographic sign", write("...")),
        '²' => ("a raised digit", write("** 2")),
        '³' => ("a raised digit", write("** 3")),
        '、' => ("a comma of another width", write(",")),
        '。' => ("a full stop of another width", write(".")),
        '\u{ff01}'..='\u{ff5e}' => {
            let narrow = u32::from(character) - 0xfee0;
            let narrow = char::from_u32(narrow).unwrap_or(' ');
            ("a full-width character", write(&narrow.to_string()))
        }
        _ => (
            "a character that no name has",
            "remove it, or put it between quotes if it is text".to_owned(),
        ),
    };
    let shown = if is_blank(character) || character.is_control() {
        format!("{code}, {what},")
    } else {
        format!("`{character}` (U+{:04X}), {what},", u32::from(character))
    };
    (format!("{shown} has no meaning here"), help)
}
