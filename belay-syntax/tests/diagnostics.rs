//! Messages: they point at the mistake, say what to write, and one mistake gives one message.

use belay_syntax::{LineIndex, parse_body, parse_module};

/// The text that is underlined, the message and the help, for every complaint.
fn complaints(source: &str) -> Vec<(&str, String, String)> {
    let found = parse_module(source).diagnostics;
    found
        .into_iter()
        .map(|found| {
            (
                found.range.text(source),
                found.message,
                found.help.unwrap_or_default(),
            )
        })
        .collect()
}

/// Expects a single complaint, about this piece of text, with these words in it.
fn expect(source: &str, text: &str, message: &str, help: &str) {
    let found = complaints(source);
    let [(at, said, advice)] = found.as_slice() else {
        panic!("{source:?} gives {found:#?}");
    };
    assert_eq!(*at, text, "{source:?} is underlined elsewhere: {said}");
    assert!(said.contains(message), "{source:?}: {said}");
    assert!(advice.contains(help), "{source:?}: {advice}");
}

#[test]
fn common_mistakes_have_messages_of_their_own() {
    expect("if x = 1:\n pass", "=", "assigns", "==");
    expect(
        "for i in range(3)\n  i",
        ")",
        "`:` at the end of the `for` line",
        "write `:`",
    );
    expect("if a: b\nelse if c: d", "if", "`elif`", "write `elif`");
    expect("print 'x'", "'x'", "is a function", "print(…)");
    expect("x = a && b", "&", "`&&`", "write `and`");
    expect("x = a || b", "|", "`||`", "write `or`");
    expect("x++", "+", "`++`", "+= 1");
    expect("x = 012", "012", "not a number", "`0o12`");
    expect("x = 2x", "2x", "not a number", "2 * x");
    expect("x = 'abc", "'abc", "never closed", "'''");
    expect("class = 1", "=", "`class` is a keyword", "class_");
    expect("def lambda(): pass", "lambda", "is a keyword", "");
    expect(
        "try:\n a\nexcept B, C:\n d",
        ",",
        "parentheses",
        "(First, Second)",
    );
    expect("x = {**a}", "**", "unpack", "dict(…)");
    expect("f'{}'", "{", "no expression", "{{");
    expect("whlie True:\n  break", "whlie", "`whlie` is no word", "`while`");
    expect("retrun 5", "retrun", "`retrun` is no word", "`return`");
    expect("let x = 1", "let", "no `let`", "`x = …`");
    expect("raise X, 'm'", ",", "one value", "raise Error(message)");
    expect("x = 'it's here", "s", "string has ended", "in front of a quote");
    expect("x = {1: 2 3: 4}", "3", "expected `}`", "`,` between");
    expect("f(a b)", "b", "expected `)`", "`,` between");
    expect("foo bar", "bar", "end of the statement", "");
    expect("return 1", "return 1", "outside a function", "move it");
    expect("def f(a, b, a): pass", "a", "two parameters `a`", "another name");
    expect(
        "match x:\n  case 1:\n    pass\n  case _:\n    pass\ny = 1",
        "x",
        "no `match`",
        "elif",
    );
    expect(
        "X = const(f())",
        "f()",
        "known when the code is compiled",
        "leave `const()` out",
    );
}

#[test]
fn a_bracket_that_is_never_closed_is_the_only_complaint() {
    expect(
        "x = (1,\ny = 2\ndef f():\n  return 1\n",
        "(",
        "never closed",
        "`)`",
    );
    expect(
        "f(a, [1, 2)\ny = 1",
        ")",
        "does not close the `[`",
        "close the `[`",
    );
    expect("x = [1, 2", "[", "never closed", "`]`");
}

#[test]
fn a_broken_line_does_not_make_the_lines_around_it_wrong() {
    // The block of the broken line has words that would be wrong outside a loop or a function.
    expect("while x = 1:\n  break\nelse:\n  pass\n", "=", "assigns", "");
    expect("def f(1):\n  return 2\n", "1", "expected", "");
    expect("if x:\n    a\n  b\n  c\nd", "  ", "indented like none", "by 4");
    expect("x = 1\n  y = 2\n  z = 3\nw = 4", "  ", "indented", "");
    expect(
        "if x:\ny = 1\nz = 2",
        ":",
        "block of this `if` is missing",
        "pass",
    );
}

#[test]
fn every_mistake_of_a_text_is_found_in_one_run() {
    let source = "x = = 1\ny = 2\nif z\n  w = 3 +\nreturn\nfor i in 1 2: pass\nbreak\n";
    let lines = LineIndex::new(source);
    let found = parse_module(source).diagnostics;
    let at: Vec<usize> = found.iter().map(|found| lines.line(found.range.start)).collect();
    assert_eq!(at, [1, 3, 4, 5, 6, 7], "{found:#?}");
}

#[test]
fn a_body_may_return_and_yield_while_a_module_may_not() {
    let body = "yield x\nreturn\n";
    assert!(parse_body(body, &["x"]).diagnostics.is_empty());
    assert_eq!(parse_module(body).diagnostics.len(), 2);
}

#[test]
fn a_body_cannot_declare_its_parameter_global() {
    let found = parse_body("global x\nx = 1", &["x"]).diagnostics;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(parse_body("global x\nx = 1", &[]).diagnostics.is_empty());
}

#[test]
fn lines_and_columns_count_characters_from_one() {
    let source = "é = 1\r\nü$\rx";
    let lines = LineIndex::new(source);
    assert_eq!(lines.lines(), 3);
    let at = |text: &str| {
        let found = lines.line_column(source.find(text).expect("it is there"));
        (found.line, found.column)
    };
    assert_eq!(at("="), (1, 3));
    assert_eq!(at("$"), (2, 2));
    assert_eq!(at("x"), (3, 1));
    assert_eq!(lines.line_text(2), "ü$");
}
