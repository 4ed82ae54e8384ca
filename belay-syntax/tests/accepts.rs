//! What MicroPython accepts and refuses. Every line here was tried with mpy-cross; `cargo xtask syntax` does the same
//! with all of MicroPython's own tests and mutations of them.

use belay_syntax::parse_module;

/// Accepted by MicroPython; a part of it not by CPython.
const ACCEPTED: &[&str] = &[
    "",
    "# only a comment",
    "  \nx = 1",
    " # an indented comment\nx = 1",
    "\\\nx = 1",
    "x = 1;",
    "x = 00",
    "x = 1__2",
    "x = 1_",
    "x = .5_",
    "x = 1_000.5j",
    "x = 0x1e+2",
    "x = b'\\u1234'",
    "x = '\\777'",
    "x = b'é'",
    "t''",
    "f''",
    "f'{{}}'",
    "f'{a\n}'",
    "f'{a!=b}'",
    "f'{a:>{b}.{c}}'",
    "rt'\\{a}'",
    "rt'\\\\{a}'",
    "t'\\}'",
    "t'{a=}{b!r:>{c}}'.d",
    "f'{a=}'",
    "f'{a!r:>{w}}'",
    "f'{a:{b}}'",
    "f\"{d['a']}\"",
    "f\"{d[\"a\"]}\"",
    "f'{f\"{x}\"}'",
    "'a'\\\n'b'",
    "f(x for x in y, 1)",
    "f(1, x for x in y)",
    "f(a=1, x for x in y)",
    "f(a=1, **b, c=2)",
    "f(**a, c=2)",
    "f(b=1, a:=1)",
    "f((a)=1)",
    "0 or x = 1",
    "1:int",
    "x, y: int",
    "x.y: int",
    "x: int = 1",
    "if 0: return",
    "while 0: return",
    "if 1: pass\nelse: return",
    "del (a,)",
    "del a, (b, c)",
    "for x.y in b: pass",
    "[] = x",
    "*a, = b",
    "print(*a)",
    "lambda: (yield)",
    "lambda *, a=1, b: 0",
    "def f(*): pass",
    "def f(**k,): pass",
    "async def f():\n async with a as b, c: pass\n async for x in y: pass\n await z",
    "from a import b,",
    "from . import a",
    "from ...a.b import (c as d,)",
    "match = case = type = 1",
    "_X = const(5)\nY = const(_X * 2)",
    "X = const(1 and 2)",
    "X = const(2 ** -1)",
    "X = const(math.pi)",
    "X = const((1, (2, 'a')))",
    "@micropython.native\ndef f(): pass",
    "@micropython.viper\ndef f(x: int, y: ptr8) -> uint: pass",
    "@micropython.asm_thumb\ndef f(r0):\n label(LOOP)\n 'why'\n pass\n mov(r0, 1)",
    "@a.b(c)\nclass D(E, metaclass=F): pass",
    "class A:\n def f(self):\n  super().f()",
    "if x:\n\ta\n        b",
    "if x:\r\n  y\rz",
    "x = (\n1,\n# comment\n2)",
    "def f():\n x = 1\n def g():\n  nonlocal x",
    "def f():\n [y := x for x in z]\n return y",
    "try: a\nexcept (B, C) as d: e\nelse: f\nfinally: g",
    "x = 1 if 2 else 3 if 4 else 5",
    "a[1:2, ::3, ...]",
    "not not a in b is not c",
    "x = -~+1 ** -2",
];

/// Accepted by MicroPython, and done by nobody who means what it does.
const NOT_MEANT: &[&str] = &[
    "f'{}'",
    "f'{ }'",
    "f'}'",
    "f'{a}}'",
    "f'{a:{b}'",
    "f'a' 'b{c}'",
    "'{}' f'{a}'",
    "f'\\{a}'",
    "rf'\\{a}'",
    "f(a=1, a=2)",
    "def f():\n await x",
    "lambda: (await x)",
    "def f():\n yield\n async with a: pass",
    "f'{a)(b}'",
    "x\u{a0}= 1",
    "\u{a0}\u{a0}x = 1",
    "if x:\n\u{a0}\u{a0}y",
    "\u{feff}x = 1",
    "x = 1 – 2",
    "x = “a”",
    "x = a × b",
    "x\u{200b} = 1",
    "f（x）",
    "x = y²",
    "x = a ≤ b",
    "☃ = 1",
];

const REFUSED: &[&str] = &[
    "x = 012",
    "x = 0_1",
    "x = 0x",
    "x = 0b12",
    "x = 1e",
    "x = 1.2.3",
    "x = 1if 1 else 2",
    "x = 0xffj",
    "x = '\\U00110000'",
    "x = b'\\400'",
    "x = '\\xg'",
    "x = '\\N{a}'",
    "'''abc",
    "'abc",
    "'a' b'c'",
    "f'{a'",
    "f'{a b}'",
    "f'{a]}'",
    "f'{(a}'",
    "f'{\"}\"}'",
    "f'{a!z}'",
    "f'{a!a}'",
    "f'{'",
    "f'''{a'''",
    "'a' t'b'",
    "t'a' 'b'",
    "f'a' t'{b}'",
    "t'{a}' t'{b}'",
    "t'{ }'",
    "t'\\{a}'",
    "t'\\x4'",
    "t'\\N{a}'",
    "rt'\\}'",
    "rt'\\'{a}'",
    "f'{a#}'",
    "f'{lambda x:1}'",
    "f'{a}' = 1",
    "t'}'",
    "def f(a, /): pass",
    "def f(a, a): pass",
    "def f(**k, a): pass",
    "def f(a=1, b): pass",
    "lambda *a, *b: 0",
    "@a.b().c\ndef f(): pass",
    "@micropython.foo\ndef f(): pass",
    "@micropython\ndef f(): pass",
    "@micropython.viper\ndef f(x: str): pass",
    "@micropython.asm_thumb\ndef f():\n x = 1",
    "f(**a, *b)",
    "f(a=1, *b)",
    "f(a=1, b)",
    "f(**a, b)",
    "f(a.b=1)",
    "(1) = 2",
    "1: int = 2",
    "f() = 1",
    "() = x",
    "*a = b",
    "*a, *b = c",
    "a = *b",
    "a = *b,",
    "[*a]",
    "{*a}",
    "{**a}",
    "{1, 2: 3}",
    "{1: 2, 3}",
    "a[*b]",
    "a[]",
    "(a, b) += 1",
    "(a.b := 1)",
    "a[x := 1]",
    "x := 1",
    "for *a in b: pass",
    "for 1 in b: pass",
    "del ()",
    "del [a]",
    "del *a",
    "del f()",
    "return",
    "class A:\n return",
    "break",
    "continue",
    "for x in y:\n def f():\n  break",
    "yield",
    "class A:\n x = yield",
    "x = [(yield) for a in b]",
    "x = await y",
    "async x",
    "async with a: pass",
    "async def f():\n def g():\n  async with a: pass",
    "async def f():\n [x async for x in y]",
    "def f():\n x = 1\n global x",
    "def f():\n print(x)\n global x",
    "def f(x):\n global x",
    "nonlocal x",
    "def f():\n nonlocal x",
    "def f():\n from a import *",
    "def f():\n super()",
    "try: a\nelse: b",
    "try: a\nexcept: b\nexcept C: d",
    "try: a\nexcept B, C: d",
    "with (a as b): pass",
    "print 'a'",
    "a if b",
    "x.__debug__",
    "X = const(a)",
    "X = const(1 == 1)",
    "X = const(1,)",
    "X = const(1 / 0)",
    "X: int = const(a)",
    "X = const(5)\nX = 6",
    "match x:\n case 1: pass",
    "  x = 1",
    "a\n b",
    "if 1:\n  a\n b",
    "if 1:\nx",
    "if 1:;",
    ";",
    "(1",
    "1)",
    "(1]",
    "x = $",
    "x = \\ \n1",
    "x\\",
    "a = b\0",
];

#[test]
fn accepts_what_micropython_accepts() {
    for source in ACCEPTED {
        let found = parse_module(source).diagnostics;
        assert!(found.is_empty(), "{source:?} is fine, but: {found:?}");
    }
}

#[test]
fn what_nobody_means_is_told_though_micropython_accepts_it() {
    for source in NOT_MEANT {
        let found = parse_module(source).diagnostics;
        assert!(!found.is_empty(), "{source:?} was accepted");
        assert!(found.iter().all(|found| found.accepted), "{source:?}: {found:?}");
    }
}

#[test]
fn letters_of_every_script_are_names() {
    for name in [
        "é",
        "e\u{301}",
        "größe",
        "температура",
        "温度",
        "π",
        "Δt",
        "ª",
        "наша_2",
    ] {
        let source = format!("{name} = 1\nprint({name}, '“ – ×', \"\u{a0}\") # … ×\n");
        let found = parse_module(&source).diagnostics;
        assert!(found.is_empty(), "{source:?} is fine, but: {found:?}");
    }
}

#[test]
fn refuses_what_micropython_refuses() {
    for source in REFUSED {
        assert!(
            !parse_module(source).diagnostics.is_empty(),
            "{source:?} was accepted"
        );
    }
}

#[test]
fn a_message_has_one_line_and_a_place_in_the_text() {
    for source in REFUSED {
        for found in parse_module(source).diagnostics {
            assert!(
                found.range.start <= found.range.end && found.range.end <= source.len(),
                "{source:?}: {found:?}"
            );
            assert!(
                !found.message.is_empty() && !found.message.contains('\n'),
                "{source:?}: {found:?}"
            );
            assert!(!found.message.ends_with('.'), "{source:?}: {found:?}");
        }
    }
}
