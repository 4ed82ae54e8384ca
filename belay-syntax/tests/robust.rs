//! Whatever the text is: no panic, no endless loop, ranges that lie in it.

use belay_syntax::{parse_async_body, parse_body, parse_module};

/// Every construct of the language at least once.
const SAMPLE: &str = r#"'''Doc.'''
import a.b as c, d
from ..e.f import (g as h, i,)
from . import *
X = const(1 + 2 * 3 // -4 ** 1 - 0x1f % 5 << 2 | 6 & ~7 ^ 8)
@dec.orate(1, *x, k=2, **y)
async def f(a: int, b=(1, 2), *c: str, d, e=None, **g) -> "r":
    """Doc."""
    global z; nonlocal w
    async with a as b, c: await d.e(f)[1:2, ::3, ...]
    async for i, *j in k: yield
    else: pass
    return a if b else lambda *p, q=1, **r: (yield from s)
class B(A, metaclass=M):
    x: int = 1; y: str
    def m(self): return super().m(*self.a, **self.b)
while (n := next(it)) != 0 and not x or y is not z not in w:
    try:
        if a < b <= c: break
        elif d: continue
        else:
            raise E("x") from None
    except (TypeError, OSError) as e:
        assert e, f"{e!r:>{width}} {{}} {d['k']} {x=}" 'é' "\x41\u20ac\N"
    except: del a[0], b.c, (d, e)
    else: x += 1; y **= 2; z //= 3; w @= m
    finally: [a, *b] = c = {k: v for k, v in x if y for z in w}, {1, 2}, {}, [], ()
for i in range(10): print(t"{a} {b}", rb'\x', br"\d", b'\x00' b"\377", u'', r"\'", 1_0.5e-3j, 0b1, 0o7)
if x:
	y = [(yield) for q in (r for s in t)]; '''
  three
'''
	z = \
    (1,
     # comment
  2)
"#;

fn everything(source: &str) {
    for parsed in [
        parse_module(source),
        parse_body(source, &["a", "b"]),
        parse_async_body(source, &[]),
    ] {
        for found in &parsed.diagnostics {
            let range = found.range;
            assert!(
                range.start <= range.end && range.end <= source.len(),
                "{range:?} in {source:?}"
            );
            assert!(
                source.is_char_boundary(range.start) && source.is_char_boundary(range.end),
                "{range:?} {source:?}"
            );
        }
        let found = parsed.analysis();
        for name in found.free.iter().chain(&found.assigned).chain(&found.globals) {
            assert!(
                source.get(name.range.start..name.range.end).is_some(),
                "{name:?} in {source:?}"
            );
        }
        for import in &found.imports {
            let names = import.names.iter().flatten().map(|name| name.range);
            for range in names.chain([import.range]) {
                assert!(
                    source.get(range.start..range.end).is_some(),
                    "{import:?} in {source:?}"
                );
            }
        }
    }
    let module = parse_module(source);
    for small in [module.rewrite().minify(), module.rewrite().minify_dense()] {
        assert_eq!(
            small.lines.len(),
            small.code.matches('\n').count(),
            "{source:?} becomes {small:?}"
        );
        assert!(small.lines.is_sorted(), "{source:?} becomes {small:?}");
    }
    let stopped = module.rewrite().stop_points("s").text();
    assert_eq!(
        stopped.matches('\n').count(),
        source.matches('\n').count(),
        "{source:?} becomes {stopped:?}"
    );
    let _ = module.rewrite().function("f", &["a"]).text();
}

#[test]
fn every_prefix_and_many_a_suffix_is_survived() {
    for (at, _) in SAMPLE.char_indices() {
        everything(&SAMPLE[..at]);
    }
    for (at, _) in SAMPLE.char_indices().step_by(7) {
        everything(&SAMPLE[at..]);
    }
}

#[test]
fn missing_and_strange_characters_are_survived() {
    let strange = [
        "\0", "\"", "'", "(", "}", "\\", "\n", "\r", "\t ", "{", "é", "#", ":", "f'{", "\u{feff}",
    ];
    for (index, (at, character)) in SAMPLE.char_indices().enumerate().step_by(2) {
        let (before, after) = (&SAMPLE[..at], &SAMPLE[at + character.len_utf8()..]);
        everything(&format!("{before}{after}"));
        // Each of them comes to every kind of place, though not to every place.
        let strange = strange[index / 2 % strange.len()];
        everything(&format!("{before}{strange}{after}"));
    }
}

#[test]
fn the_sample_has_only_the_mistakes_that_are_meant() {
    let found = parse_module(SAMPLE).diagnostics;
    let text: Vec<&str> = found.iter().map(|found| found.range.text(SAMPLE)).collect();
    assert_eq!(text, ["w", r"\N", "(yield)"], "{found:#?}");
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    let repeated = [
        "(",
        "[",
        "{",
        "f(",
        "a[",
        "-",
        "not ",
        "lambda: ",
        "a if b else ",
        "2 ** ",
        "(yield ",
        "[x for x in ",
        "[x for [",
        "for (",
        "{x: ",
        "f'{'{",
        "with x as (",
        "del (",
        "*(",
    ];
    for piece in repeated {
        let source = piece.repeat(50_000);
        assert!(!parse_module(&source).diagnostics.is_empty(), "{piece}");
    }
    let blocks = (0..500).fold(String::new(), |text, depth| {
        text + &" ".repeat(depth)
            + "if x:
"
    });
    assert!(!parse_module(&blocks).diagnostics.is_empty());
    let strings = format!("{}{}", "f\"{".repeat(300), "}\"".repeat(300));
    everything(&strings);
}

/// With work for each line that grows with the text, each of these would take minutes.
#[test]
fn a_mistake_on_each_of_many_lines_is_told_without_looking_at_the_text_again_for_each() {
    let lines = [
        "x = = 1",
        "x = (1",
        "x = 'a",
        "x = f{'a",
        "x = f'{a",
        "x = '''{a",
        "if x = 1:\n  y",
        "raise a, b",
        "$",
        ")",
        "if x:\n  a\n b",
        "try:\n a",
        "return 1",
        "def f():\n x = (y,",
        "print('it's')",
        "x = “a”",
        "é = = 1",
        "f'{a b}'",
        "print(f\"{a\")",
        "f'{(a}'",
    ];
    for line in lines {
        let source = format!("{line}\n").repeat(16_000);
        assert!(!parse_module(&source).diagnostics.is_empty(), "{line}");
    }
}

/// Each level is read again for the one inside it, and 25 kB have room for thousands.
#[test]
fn f_strings_in_f_strings_are_read_to_the_depth_that_is_allowed_and_no_further() {
    let nested = |open: &str, inner: &str, close: &str, depth: usize| {
        format!("x = {}{inner}{}\n", open.repeat(depth), close.repeat(depth))
    };
    let long = "a".repeat(25_000);
    for source in [
        nested("f\"{", "a", "}\"", 6_000),
        nested("f\"{", &long, "}\"", 60),
        nested("f\"{", "", "", 8_000),
        nested("f'{\"", "", "", 8_000),
        nested("f'{f\"{", "a", "}\"}'", 3_000),
        nested("f'''{", "a", "}'''", 3_000),
        nested("f\"{a:{", "b", "}}\"", 4_000),
        nested("t'{", "a", "}'", 6_000),
    ] {
        assert!(!parse_module(&source).diagnostics.is_empty());
    }
    assert_eq!(parse_module(&nested("f\"{", &long, "}\"", 8)).diagnostics, []);
}

#[test]
fn long_texts_without_nesting_are_fine() {
    for source in [
        format!("x = {}1", "1 + ".repeat(50_000)),
        format!("x{}", ".y".repeat(50_000)),
        format!("x{}", "(1)[2]".repeat(20_000)),
        format!("if x: y\n{}", "elif z: w\n".repeat(20_000)),
        format!("x = [{}]", "1, ".repeat(50_000)),
        "x = 1;".repeat(50_000),
        format!("x = {}''", "'a' ".repeat(50_000)),
        format!("x = {}", "f'{a}' ".repeat(5_000)),
        format!("x = f'{}'", "{a}".repeat(10_000)),
        format!("x = {}", "a and ".repeat(50_000) + "b"),
    ] {
        assert_eq!(parse_module(&source).diagnostics, []);
    }
}
