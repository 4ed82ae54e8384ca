//! The minifier and the stop points. That the result means the same is shown with mpy-cross by `cargo xtask syntax`.

use belay_syntax::{Minified, parse_body, parse_module};

fn minify(source: &str) -> Minified {
    parse_module(source).rewrite().minify()
}

fn minify_dense(source: &str) -> Minified {
    parse_module(source).rewrite().minify_dense()
}

fn insert_stop_points(source: &str, name: &str) -> String {
    parse_module(source).rewrite().stop_points(name).text()
}

fn shorten(source: &str) -> String {
    parse_module(source).shorten()
}

#[test]
fn comments_blanks_and_docstrings_go_and_indentation_shrinks() {
    let source =
        "\"\"\"Doc.\"\"\"\n\n# comment\ndef f( a , b = 1 ):  # why\n    '''Doc.'''\n\n    return a  +  b\n";
    let found = minify(source);
    assert_eq!(found.code, "def f(a,b=1):\n return a+b\n");
    assert_eq!(found.lines, [4, 7]);
}

#[test]
fn a_space_stays_where_tokens_would_run_together() {
    let code = |source: &str| minify(source).code;
    assert_eq!(code("x = 1 if y else 2"), "x=1 if y else 2\n");
    assert_eq!(code("return_ = not x in y"), "return_=not x in y\n");
    assert_eq!(code("x = 1 .real"), "x=1 .real\n");
    assert_eq!(code("x = 1. .real"), "x=1. .real\n");
    assert_eq!(code("x = '' 'a' \"b\" ''"), "x='' 'a'\"b\"''\n");
    assert_eq!(code("x = y if b'' else r''"), "x=y if b''else r''\n");
    assert_eq!(code("from . import a"), "from.import a\n");
    assert_eq!(code("assert - x"), "assert-x\n");
    assert_eq!(code("print( * a , ** b )"), "print(*a,**b)\n");
}

#[test]
fn strings_stay_as_they_are() {
    let source = "x = f'{ a  +  b !r:  > {w}}'  '''\n  two # lines\n'''\ny = 1\n";
    let found = minify(source);
    assert_eq!(
        found.code,
        "x=f'{ a  +  b !r:  > {w}}''''\n  two # lines\n'''\ny=1\n"
    );
    assert_eq!(found.lines, [1, 2, 3, 4]);
}

#[test]
fn a_block_keeps_a_statement() {
    assert_eq!(minify("def f():\n    'doc'\n    pass\n").code, "def f():\n 0\n");
    assert_eq!(minify("class A: pass").code, "class A:0\n");
    assert_eq!(minify("if x: 1; y; 2").code, "if x:y\n");
    assert_eq!(minify("pass").code, "");
}

#[test]
fn every_line_comes_from_one_line() {
    let source = "f(a,\n  # comment\n\n  b)\nx = 1 + \\\n    2\nif x:\n    y; z\n";
    let found = minify(source);
    assert_eq!(found.code, "f(a,\nb)\nx=1+\\\n2\nif x:\n y;z\n");
    assert_eq!(found.lines, [1, 4, 5, 6, 7, 8]);
}

#[test]
fn dense_joins_lines_where_that_is_shorter() {
    let source = "a\nb\ndef f():\n    x\n    y\n    if x:\n        return 1\n    else:\n        for i in z:\n            i\n    w\n";
    let found = minify_dense(source);
    assert_eq!(
        found.code,
        "a\nb\ndef f():\n x;y\n if x:return 1\n else:\n  for i in z:i\n w\n"
    );
    assert_eq!(found.lines, [1, 2, 3, 4, 6, 8, 9, 11]);
}

#[test]
fn dense_leaves_every_instruction_of_an_assembler_on_its_line() {
    let source = "@micropython.asm_thumb\ndef f():\n    mov(r0, 1)\n    mov(r1, 2)\n";
    assert_eq!(
        minify_dense(source).code,
        "@micropython.asm_thumb\ndef f():\n mov(r0,1)\n mov(r1,2)\n"
    );
}

#[test]
fn a_text_with_errors_stays_as_it_is() {
    let source = "x  =  = 1 # comment\n";
    assert_eq!(minify(source).code.trim_end(), source.trim_end());
    assert_eq!(insert_stop_points("while (:\n x", "s"), "while (:\n x");
}

#[test]
fn minifying_twice_changes_nothing() {
    let source =
        "def f(a):\n    '''doc'''\n    for i in a: \n        pass\n    return [ i\n      for i in a ]\n";
    let once = minify(source);
    assert_eq!(minify(&once.code).code, once.code);
    let dense = minify_dense(source);
    assert_eq!(minify_dense(&dense.code).code, dense.code);
}

/// Inserts calls of `s` and expects this, which also has to be valid.
fn stops(source: &str, expected: &str) {
    let found = insert_stop_points(source, "s");
    assert_eq!(found, expected);
    assert_eq!(found.lines().count(), source.lines().count());
    assert_eq!(parse_module(&found).diagnostics, [], "{found}");
}

#[test]
fn a_stop_point_stands_in_front_of_the_first_statement() {
    stops("while True:\n    a()\n", "while True:\n    s();a()\n");
    stops("while True: pass", "while True: s();pass");
    stops("for x in y: a(); b()\n", "for x in y: s();a(); b()\n");
    stops(
        "def f():\n  for x in y:\n    '''doc'''\n    a()\n",
        "def f():\n  for x in y:\n    s();'''doc'''\n    a()\n",
    );
}

#[test]
fn a_stop_point_is_in_the_header_where_a_compound_statement_comes_first() {
    stops(
        "while a:\n  if b:\n    continue\n  c()\n",
        "while s() or(a):\n  if b:\n    continue\n  c()\n",
    );
    stops(
        "while x := a():\n  with b: c()\n",
        "while s() or(x := a()):\n  with b: c()\n",
    );
    stops("while(a):\n  if b: c()\n", "while s() or((a)):\n  if b: c()\n");
    stops("for x in y:\n  if b: c()\n", "for x in y:\n  if s() or(b): c()\n");
    stops(
        "for x in y:\n  while b: c()\n",
        "for x in y:\n  while s() or(b): s();c()\n",
    );
    stops(
        "for x in y:\n  try: a()\n  except: pass\n",
        "for x in (s() or _ for _ in(y)):\n  try: a()\n  except: pass\n",
    );
    stops(
        "for x in 1, 2,:\n  def f(): x\n",
        "for x in (s() or _ for _ in(1, 2,)):\n  def f(): x\n",
    );
}

#[test]
fn a_stop_point_says_whether_its_loop_cleans_up() {
    stops(
        "try:\n  for x in y: a()\nfinally:\n  for x in y: b()\n  while c:\n    if d: e()\nfor x in y: f()\n",
        "try:\n  for x in y: s();a()\nfinally:\n  for x in y: s(1);b()\n  while s(1) or(c):\n    if d: e()\nfor x in y: s();f()\n",
    );
    stops(
        "class A:\n  def __exit__(self, *_):\n    for x in y: a()\n  def f(self):\n    for x in y: a()\n",
        "class A:\n  def __exit__(self, *_):\n    for x in y: s(1);a()\n  def f(self):\n    for x in y: s();a()\n",
    );
    stops(
        "def f():\n  for x in y: a()\ndef g():\n  for x in y: a()\n  f()\ndef h():\n  for x in y: a()\ntry: h()\nfinally: g()\n",
        "def f():\n  for x in y: s(1);a()\ndef g():\n  for x in y: s(1);a()\n  f()\ndef h():\n  for x in y: s();a()\ntry: h()\nfinally: g()\n",
    );
    stops(
        "try: a()\nfinally:\n  try:\n    for x in y: b()\n  except A:\n    for x in y: c()\n",
        "try: a()\nfinally:\n  try:\n    for x in y: s(1);b()\n  except A:\n    for x in y: s(1);c()\n",
    );
}

#[test]
fn native_code_gets_no_stop_points() {
    for emitter in ["native", "viper", "asm_thumb"] {
        let source =
            format!("@micropython.{emitter}\ndef f():\n  for x in y: a()\n  def g():\n    for x in y: a()\n");
        assert_eq!(insert_stop_points(&source, "s"), source);
    }
    stops(
        "@micropython.bytecode\ndef f():\n  for x in y: a()\n",
        "@micropython.bytecode\ndef f():\n  for x in y: s();a()\n",
    );
}

#[test]
fn comprehensions_and_loops_that_never_run_get_no_stop_point() {
    stops("x = [a for a in b]\n", "x = [a for a in b]\n");
    stops("while 0:\n  if a: b\n", "while 0:\n  if a: b\n");
}

#[test]
fn indenting_leaves_the_inside_of_strings_alone() {
    let source = "x = '''\n  a\n'''\nif x:\n\ty(\n1)\n\n";
    let wrapped = parse_body(source, &[]).rewrite().function("f", &[]).text();
    assert_eq!(
        wrapped,
        "def f():\n x = '''\n  a\n'''\n if x:\n         y(\n 1)\n\n"
    );
    assert_eq!(parse_module(&wrapped).diagnostics, []);
}

#[test]
fn names_that_others_can_see_are_kept_when_names_are_shortened() {
    let source = "\
import machine
from time import sleep as pause
table = {}
class Blinker(Base):
    interval = 5
    def start(self, count):
        self.total = count
        print(count, end=table)
def outer(first, *, option=1):
    def inner(second):
        nonlocal first
        first = second.total + machine.freq + injected
        return _private(first)
    start = len(inner)
    return lambda third: third + start + option
";
    let short = shorten(source);
    assert_eq!(
        short,
        "\
import machine
from time import sleep as pause
table = {}
class Blinker(Base):
    interval = 5
    def start(e, b):
        e.total = b
        print(b, end=table)
def outer(a, *, option=1):
    def c(d):
        nonlocal a
        a = d.total + machine.freq + injected
        return _private(a)
    start = len(c)
    return lambda f: f + start + option
"
    );
    assert!(parse_module(&short).diagnostics.is_empty());
}

#[test]
fn the_names_of_decorators_are_kept_when_names_are_shortened() {
    let source = "def outer(mine):\n    @micropython.native\n    def inner(text):\n        return text\n    return inner(mine)\n";
    let short = shorten(source);
    assert!(short.contains("@micropython.native"), "{short}");
    assert_eq!(parse_module(&short).diagnostics, []);
}

#[test]
fn what_cannot_be_followed_keeps_its_names() {
    for source in ["def f(long:\n    pass\n", "def f(long):\n    return f'{long}'\n"] {
        assert_eq!(shorten(source), source);
    }
}

/// What is made of a body in one go is what is made of it step by step.
#[test]
fn stop_points_and_the_head_of_a_function_are_minified_as_if_they_stood_in_the_text() {
    for body in [
        "while True:\n    a()\n    b ( 1 )",
        "while a and \\\n  b:\n  if b:\n    continue\n  c()",
        "while(a\n  or b):\n  if c: d()\n",
        "for x in f(1,\n  2):\n\ttry: a()\n\tfinally:\n\t\twhile b: c()\n",
        "for x in y, z \\\n  :\n  with x: pass",
        "while f\"{x!r:>{w}}\" 'and' \\\n 'more':\n  if f'{y}': z\n",
        "while 1: 'doc'; a()\r\nwhile 0: pass\r\nreturn \"\"\"a\r\n  b\"\"\"",
        "def later():\n  for i in range(3): 'doc'\nlater()",
        "'doc'\npass",
        "async def f():\n  async for x in y:\n    if x: z\n",
    ] {
        let params = ["__stop", "a"];
        let parsed = parse_body(body, &params);
        let rewrite = parsed.rewrite().stop_points("__stop").function("name", &params);
        let (text, minified) = (rewrite.text(), rewrite.minify());
        assert_eq!(parse_module(&text).diagnostics, [], "{text}");
        let steps = minify(&text);
        assert_eq!(minified.code, steps.code, "{body}");
        let lines: Vec<_> = steps.lines.iter().map(|line| line - 1).collect();
        assert_eq!(minified.lines, lines, "{body}");
        assert_eq!(rewrite.minify_dense().code, minify_dense(&text).code, "{body}");
    }
}
