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
    expect("import a from b", "from", "comes before", "from b import a");
    expect("from a import b c", "c", "two names", "`,`");
    expect("del f()", "f()", "delete the result", "delete a name");
    expect(
        "x = {\"a\" 1}",
        "1",
        "expected `:` or `,`",
        "between a key and its value",
    );
    expect("a => b", ">", "no `=>`", "lambda");
    expect("x <> y", ">", "no `<>`", "`!=`");
    expect("if (x) {", "{", "no braces", "`:`");
    expect("if x: y else: z", "else", "line of its own", "");
    expect("f(a=1, a=2)", "a", "given twice", "");
    expect("return 1", "return 1", "outside a function", "move it");
    expect("def f(a, b, a): pass", "a", "two parameters `a`", "another name");
    expect(
        "match x:\n  case 1:\n    pass\n  case _:\n    pass\ny = 1",
        "match",
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
fn what_other_languages_write_is_told_as_python_writes_it() {
    expect("if (1) {\n    print(1);\n}", "{", "no braces", "`:`");
    expect("for i in range(3) {\n  x\n}", "{", "no braces", "`:`");
    expect("loop {\n  x\n}", "loop", "no `loop`", "while True:");
    expect(
        "for (i = 0; i < 3; i++):\n  pass",
        "=",
        "goes through",
        "for i in range(3):",
    );
    expect(
        "for i = 1 to 10:\n  pass",
        "=",
        "goes through",
        "for i in range(3):",
    );
    expect(
        "for (int i = 0; i < 3; i++) {\n  x\n}",
        "i",
        "goes through",
        "for i in range(3):",
    );
    expect("if x then:\n  y", "then", "no `then`", "`:`");
    expect("unless x:\n  y", "unless", "no `unless`", "if not");
    expect("use machine", "use", "no `use`", "import");
    expect("x = new Foo()", "Foo", "no `new`", "`Foo(…)`");
    expect("let mut x = 1", "let", "no `let`", "`x = …`");
    expect("x := 3", ":=", "inside an expression", "`x = …`");
    expect("x = y := 3", ":=", "parentheses", "(name := value)");
    expect("x = a->b", "->", "no `->` between values", "`a.b`");
    expect("p->x = 1", "->", "no `->` between values", "`a.b`");
    expect("f = lambda x -> x", "->", "no `->`", "lambda x: …");
    expect("a::b()", ":", "no `::`", "`a.b`");
    expect("println!(\"x\")", "!", "no `!` in a call", "`print(…)`");
    expect("x = vec![1]", "!", "no `!` in a call", "`[…]`");
    expect("for i in 0..5:\n  pass", "0..5", "not a number", "range(0, 5)");
    expect("x = 1L", "1L", "not a number", "write `1`");
    expect("x = 5u32", "5u32", "not a number", "write `5`");
    expect("x = 1.5f", "1.5f", "not a number", "write `1.5`");
    expect("async blink():\n  pass", "blink", "`async`", "async def blink():");
    expect("f = async lambda: 1", "async", "cannot be `async`", "async def");
    expect("x = a ?? b", "?", "has no meaning here", "if a is not None");
    let found = complaints("switch x:\n  case 1: f()\n  case 2: g()");
    assert!(
        found.iter().all(|(_, _, help)| help.contains("`if`")),
        "{found:#?}"
    );
}

#[test]
fn an_await_at_the_top_of_a_module_is_sent_to_an_async_def() {
    expect(
        "import asyncio\nawait asyncio.sleep(1)",
        "await",
        "outside an `async def`",
        "asyncio.run(…)",
    );
    expect(
        "class A:\n  await x",
        "await",
        "outside an `async def`",
        "asyncio.run(…)",
    );
    expect(
        "yield 1",
        "yield 1",
        "outside a function",
        "move it into a function",
    );
}

#[test]
fn the_inside_of_an_f_string_is_spoken_of_as_it_is_written() {
    expect(
        "x = f\"{a\"",
        "{",
        "`{` is never closed",
        "`}` after the expression",
    );
    expect("print(f\"{a\")\ny = {}", "{", "`{` is never closed", "");
    expect("f'{a:{b}'", "{", "`{` is never closed", "{{");
    expect("f'{a[}'", "[", "`[` is never closed", "`]`");
    expect("f'{(a}'", "(", "`(` is never closed", "`)`");
    expect("f'{a]}'", "]", "closes nothing", "");
    expect("f'{a b}'", "b", "expected `}` after the expression", "operator");
    expect("f'{a!z}'", "!z", "no conversion `!z`", "!r");
    expect("f'{a = }'", "=", "directly before", "{a=}");
    expect("f'{a.b[0] = :>3}'", "=", "directly before", "{a.b[0]=}");
    expect("f'{a = b}'", "=", "assigns", "==");
    expect("f'{a!}'", "!", "has no meaning here", "`!r`");
    expect("f'{a +}'", "}", "the expression in the f-string ends", "");
    expect("f'{a.}'", "}", "the expression in the f-string ends", "");
    expect(
        "f'{lambda x: 1}'",
        ":",
        "ends an expression in an f-string",
        "parentheses",
    );
    expect("f'{a#}'", "#", "begins a comment", "");
    expect("f'{\"a}'", "\"a", "string is never closed", "");
    expect("f'{a}' = 1", "f'{a}'", "assign to an f-string", "");
    expect("del f'{a}'", "f'{a}'", "delete an f-string", "delete a name");
    expect("f'a}'", "}", "closes nothing", "}}");
    expect("x = '{}' f'{a}'", "{", "one of the f-string", "{{");
    expect("x = f'\\{a}'", "\\{", "takes the brace", "");
    expect("x = t'a' b", "b", "here is `b`", "");
    expect("x = y t'a'", "t'a'", "here is a string", "");
    expect("'a' t'b'", "t'b'", "cannot be joined", "one literal");
}

#[test]
fn a_string_that_is_never_closed_is_the_mistake_and_not_the_bracket_around_it() {
    expect(
        "print('it's')\ny = 1",
        "s",
        "string has ended",
        "in front of a quote",
    );
    expect(
        "print('abc)\ny = 1",
        "'abc)",
        "string is never closed",
        "several lines",
    );
    expect("print('abc\ny = 1", "'abc", "string is never closed", "");
    expect("x = [a, ('b, c)]\ny = 1", "'b, c)]", "string is never closed", "");
    let found = complaints("print('abc)\nif x = 1: y");
    assert_eq!(found.len(), 2, "{found:#?}");
}

#[test]
fn strange_characters_are_told_by_their_code_and_place() {
    expect("x\u{a0}= 1", "\u{a0}", "U+00A0", "ordinary space");
    expect(
        "if x:\n\u{a0}\u{a0}y\nz",
        "\u{a0}\u{a0}",
        "U+00A0",
        "ordinary space",
    );
    expect("x\u{200b} = 1", "\u{200b}", "U+200B", "remove it");
    expect("\u{feff}x = 1", "\u{feff}", "U+FEFF, a byte order mark", "");
    expect("x = ‘a’", "‘", "`‘` (U+2018)", "write `'`");
    expect("f（x）", "（", "`（` (U+FF08)", "write `(`");
    expect("x = a × b", "×", "`×` (U+00D7)", "write `*`");
    expect("x = y²", "²", "`²` (U+00B2)", "write `** 2`");
    expect("x = 5°", "°", "`°` (U+00B0)", "between quotes");
    expect("def f(x, ☃):\n pass", "☃", "`☃` (U+2603)", "");
}

#[test]
fn what_micropython_has_not_is_told_by_its_name() {
    for source in [
        "match (x):\n  case 1: y",
        "match [a]:\n  case [b]: y",
        "match -x:\n  case _: y",
        "match \"a\":\n  case _: y",
        "match x, y:\n  case (1, 2): z",
    ] {
        expect(source, "match", "no `match` statement", "elif");
    }
    assert_eq!(
        complaints("match = case = 1\nmatch[case]\nmatch(case)\nmatch: int = 1"),
        []
    );
    expect("with (a as b): pass", "as", "no parentheses around", "");
    expect("with (a as b, c as d): pass", "as", "no parentheses around", "");
    expect("def f[T](x): pass", "[", "no type parameters", "");
    expect("class A[T]: pass", "[", "no type parameters", "");
    expect("try:\n a\nexcept* B:\n c", "*", "no exception groups", "");
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
    expect("x = [1, 2)\ny = 1", ")", "does not close the `[`", "");
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
