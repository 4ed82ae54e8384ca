//! Tokens: their kinds and spellings.

use crate::range::Range;

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
pub(crate) enum Kind {
    End, Newline, Indent, Dedent,
    /// A mistake that the lexer has already reported.
    Error,
    Name, Int, Float, Str, Bytes,
    False, None, True, And, As, Assert, Async, Await, Break, Class, Continue, Def, Del, Elif, Else, Except,
    Finally, For, From, Global, If, Import, In, Is, Lambda, Nonlocal, Not, Or, Pass, Raise, Return, Try, While,
    With, Yield,
    LParen, RParen, LBracket, RBracket, LBrace, RBrace, Comma, Semicolon, Tilde, Colon, Walrus,
    Less, LessEqual, LeftShift, LeftShiftEqual, More, MoreEqual, RightShift, RightShiftEqual,
    Star, StarEqual, Power, PowerEqual, Plus, PlusEqual, Minus, MinusEqual, Arrow, Ampersand, AmpersandEqual,
    Pipe, PipeEqual, Slash, SlashEqual, Floor, FloorEqual, Percent, PercentEqual, Caret, CaretEqual,
    At, AtEqual, Equal, EqualEqual, NotEqual, Dot, Ellipsis,
}

/// MicroPython compiles `__debug__` to a constant, like `True`.
pub(crate) const KEYWORDS: [(&str, Kind); 36] = [
    ("False", Kind::False),
    ("None", Kind::None),
    ("True", Kind::True),
    ("__debug__", Kind::True),
    ("and", Kind::And),
    ("as", Kind::As),
    ("assert", Kind::Assert),
    ("async", Kind::Async),
    ("await", Kind::Await),
    ("break", Kind::Break),
    ("class", Kind::Class),
    ("continue", Kind::Continue),
    ("def", Kind::Def),
    ("del", Kind::Del),
    ("elif", Kind::Elif),
    ("else", Kind::Else),
    ("except", Kind::Except),
    ("finally", Kind::Finally),
    ("for", Kind::For),
    ("from", Kind::From),
    ("global", Kind::Global),
    ("if", Kind::If),
    ("import", Kind::Import),
    ("in", Kind::In),
    ("is", Kind::Is),
    ("lambda", Kind::Lambda),
    ("nonlocal", Kind::Nonlocal),
    ("not", Kind::Not),
    ("or", Kind::Or),
    ("pass", Kind::Pass),
    ("raise", Kind::Raise),
    ("return", Kind::Return),
    ("try", Kind::Try),
    ("while", Kind::While),
    ("with", Kind::With),
    ("yield", Kind::Yield),
];

/// Longest first, so that the first match is the right one.
const OPERATORS: [(&str, Kind); 49] = [
    ("...", Kind::Ellipsis),
    ("**=", Kind::PowerEqual),
    ("//=", Kind::FloorEqual),
    ("<<=", Kind::LeftShiftEqual),
    (">>=", Kind::RightShiftEqual),
    ("!=", Kind::NotEqual),
    ("%=", Kind::PercentEqual),
    ("&=", Kind::AmpersandEqual),
    ("**", Kind::Power),
    ("*=", Kind::StarEqual),
    ("+=", Kind::PlusEqual),
    ("-=", Kind::MinusEqual),
    ("->", Kind::Arrow),
    ("//", Kind::Floor),
    ("/=", Kind::SlashEqual),
    (":=", Kind::Walrus),
    ("<<", Kind::LeftShift),
    ("<=", Kind::LessEqual),
    ("==", Kind::EqualEqual),
    (">=", Kind::MoreEqual),
    (">>", Kind::RightShift),
    ("@=", Kind::AtEqual),
    ("^=", Kind::CaretEqual),
    ("|=", Kind::PipeEqual),
    ("(", Kind::LParen),
    (")", Kind::RParen),
    ("[", Kind::LBracket),
    ("]", Kind::RBracket),
    ("{", Kind::LBrace),
    ("}", Kind::RBrace),
    (",", Kind::Comma),
    (";", Kind::Semicolon),
    ("~", Kind::Tilde),
    (":", Kind::Colon),
    ("<", Kind::Less),
    (">", Kind::More),
    ("*", Kind::Star),
    ("+", Kind::Plus),
    ("-", Kind::Minus),
    ("&", Kind::Ampersand),
    ("|", Kind::Pipe),
    ("/", Kind::Slash),
    ("%", Kind::Percent),
    ("^", Kind::Caret),
    ("@", Kind::At),
    ("=", Kind::Equal),
    (".", Kind::Dot),
    // Not lexed as operators, since names are lexed first. They are listed so that messages can spell them.
    ("a name", Kind::Name),
    ("the end of the line", Kind::Newline),
];

impl Kind {
    /// The keyword that is spelled like this.
    pub(crate) fn keyword(text: &str) -> Option<Self> {
        let first = text.as_bytes().first()?;
        // Fast check that rules out most names.
        let similar = |word: &str| word.len() == text.len() && word.as_bytes().first() == Some(first);
        let found = KEYWORDS.iter().find(|(word, _)| similar(word) && *word == text);
        found.map(|(_, kind)| *kind)
    }

    /// The operator that begins with these characters, and its length.
    pub(crate) fn operator(next: [u8; 3]) -> Option<(Self, usize)> {
        let [first, second, third] = next;
        let fits = |(text, _): &&(&str, Kind)| match *text.as_bytes() {
            [one] => one == first,
            [one, two] => one == first && two == second,
            [one, two, three] => one == first && two == second && three == third,
            _ => false,
        };
        OPERATORS
            .iter()
            .find(fits)
            .map(|(text, kind)| (*kind, text.len()))
    }

    /// The spelling of the token, if all tokens of this kind are spelled alike.
    pub(crate) fn spelling(self) -> Option<&'static str> {
        OPERATORS
            .iter()
            .chain(&KEYWORDS)
            .find(|(_, kind)| *kind == self)
            .map(|(text, _)| *text)
    }

    pub(crate) fn opens(self) -> bool {
        matches!(self, Self::LParen | Self::LBracket | Self::LBrace)
    }

    /// The opening bracket for this closing one.
    pub(crate) fn opener(self) -> Option<Self> {
        match self {
            Self::RParen => Some(Self::LParen),
            Self::RBracket => Some(Self::LBracket),
            Self::RBrace => Some(Self::LBrace),
            _ => None,
        }
    }

    /// The spelling of the closing bracket for this opening one.
    pub(crate) fn closer(self) -> &'static str {
        match self {
            Self::LParen => ")",
            Self::LBracket => "]",
            _ => "}",
        }
    }

    /// Whether an expression can begin with this.
    pub(crate) fn begins_expression(self) -> bool {
        matches!(
            self,
            Self::Name
                | Self::Int
                | Self::Float
                | Self::Str
                | Self::Bytes
                | Self::Ellipsis
                | Self::None
                | Self::True
                | Self::False
                | Self::LParen
                | Self::LBracket
                | Self::LBrace
                | Self::Plus
                | Self::Minus
                | Self::Tilde
                | Self::Not
                | Self::Lambda
                | Self::Await
        )
    }

    /// Whether this can only begin a statement, so that it cannot occur inside brackets.
    pub(crate) fn begins_only_statements(self) -> bool {
        matches!(
            self,
            Self::Assert
                | Self::Break
                | Self::Class
                | Self::Continue
                | Self::Def
                | Self::Del
                | Self::Elif
                | Self::Except
                | Self::Finally
                | Self::Global
                | Self::Import
                | Self::Nonlocal
                | Self::Pass
                | Self::Raise
                | Self::Return
                | Self::Try
                | Self::While
                | Self::With
        )
    }

    /// Whether a statement that begins with this has a block.
    pub(crate) fn begins_compound(self) -> bool {
        matches!(
            self,
            Self::If
                | Self::While
                | Self::For
                | Self::Try
                | Self::With
                | Self::Def
                | Self::Class
                | Self::At
                | Self::Async
        )
    }

    pub(crate) fn is_augmented_assignment(self) -> bool {
        matches!(
            self,
            Self::PlusEqual
                | Self::MinusEqual
                | Self::StarEqual
                | Self::AtEqual
                | Self::SlashEqual
                | Self::PercentEqual
                | Self::AmpersandEqual
                | Self::PipeEqual
                | Self::CaretEqual
                | Self::LeftShiftEqual
                | Self::RightShiftEqual
                | Self::PowerEqual
                | Self::FloorEqual
        )
    }
}

/// One token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    /// Its place. A token that was invented for an f-string has the place that it was invented for.
    pub(crate) range: Range,
    /// Its text. For a string this is only its first literal, since only whether it is empty matters.
    pub(crate) text: &'a str,
    /// Whether it was made from the inside of an f-string: `f"{x}"` becomes `"{}".format((x),)`.
    pub(crate) made: bool,
    /// Whether it is not in the source, like everything in that call except the `x`.
    pub(crate) invented: bool,
}
