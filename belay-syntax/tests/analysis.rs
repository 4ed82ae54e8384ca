//! What the analysis says of a body.

use belay_syntax::{
    Analysis, Import, Name, advice, is_builtin, is_circuitpython_builtin, is_keyword, parse_async_body,
    parse_body, parse_module,
};

fn body(source: &str, params: &[&str]) -> Analysis {
    let parsed = parse_body(source, params);
    assert_eq!(parsed.diagnostics, [], "{source}");
    parsed.analysis().clone()
}

fn modules(list: &[Import]) -> Vec<&str> {
    list.iter().map(|import| import.module.as_str()).collect()
}

fn names(list: &[Name]) -> Vec<&str> {
    list.iter().map(|name| name.name.as_str()).collect()
}

#[test]
fn a_yield_counts_only_in_the_bodys_own_scope() {
    assert!(body("yield 1", &[]).is_generator());
    assert!(body("x = [1]\nyield from x", &[]).is_generator());
    assert!(body("for i in r:\n if i:\n  x = yield", &[]).is_generator());
    assert!(!body("def f():\n yield 1\nreturn f", &[]).is_generator());
    assert!(!body("return lambda: (yield)", &[]).is_generator());
}

#[test]
fn a_returned_value_is_found_and_none_is_no_value() {
    let source = "if x:\n    return\nif y:\n    return None\ndef f():\n    return 1\nreturn 27 - z";
    let found = body(source, &["x", "y", "z"]);
    assert_eq!(found.returns.len(), 3);
    let values: Vec<&str> = found
        .returns
        .iter()
        .filter_map(|it| it.value)
        .map(|value| value.text(source))
        .collect();
    assert_eq!(values, ["27 - z"]);
    assert!(found.returns_value());
    assert!(!body("return", &[]).returns_value());
}

#[test]
fn the_end_is_reachable_unless_every_way_returns_raises_or_loops_for_ever() {
    let reachable = |source: &str| body(source, &["a", "b"]).end_reachable;
    for source in [
        "",
        "a()",
        "if a:\n return 1",
        "while a:\n return 1",
        "for x in a:\n return 1",
        "while True:\n if a:\n  break",
        "try:\n return 1\nexcept E:\n pass",
        "try:\n return a()\nexcept E:\n b()\nfinally:\n a()",
        "for x in a:\n if b:\n  break\nelse:\n return 1",
        "if a:\n return 1\nelif b:\n pass\nelse:\n return 2",
    ] {
        assert!(reachable(source), "{source}");
    }
    for source in [
        "return 1",
        "raise E",
        "if a:\n return 1\nelse:\n raise E",
        "if 1:\n return 1",
        "while True:\n a()",
        "while 1:\n for x in b:\n  break",
        "try:\n return a()\nexcept E:\n return 1",
        "try:\n a()\nfinally:\n return 1",
        "with a as x:\n return x",
        "for x in a:\n b()\nelse:\n return 1",
    ] {
        assert!(!reachable(source), "{source}");
    }
}

#[test]
fn loops_are_listed_with_their_bodies() {
    let source = "for i in a:\n    while True:\n        b()\ndef f():\n    while 1:\n        c()\n";
    let found = body(source, &["a"]);
    let bodies: Vec<(&str, bool)> = found
        .loops
        .iter()
        .map(|it| (it.body.text(source), it.endless))
        .collect();
    assert_eq!(bodies, [("while True:\n        b()", false), ("b()", true)]);
    assert_eq!(
        found.loops[0].range.text(source),
        "for i in a:\n    while True:\n        b()"
    );
}

#[test]
fn free_names_are_those_that_nothing_in_the_text_binds() {
    let source = "\
import time
volts = adc.read_u16() * 3.3 / full
def inner(y):
    global counter
    counter += step
    return y + volts
for i, (j, *k) in pairs:
    print(i, j, k)
try:
    risky()
except OSError as error:
    log(error)
with lock as held:
    held.use()
squares = [n * scale for n in values if n]
class Local:
    size = 1
    other = size
";
    let found = body(source, &["pairs"]);
    let free = [
        "adc", "full", "step", "print", "risky", "OSError", "log", "lock", "scale", "values",
    ];
    assert_eq!(names(&found.free), free);
    assert_eq!(names(&found.globals), ["counter"]);
    assert_eq!(modules(&found.imports), ["time"]);
    let assigned = [
        "time", "volts", "inner", "i", "j", "k", "error", "held", "squares", "Local",
    ];
    assert_eq!(names(&found.assigned), assigned);
    let adc = &found.free[0];
    assert_eq!(adc.range.text(source), "adc");
}

#[test]
fn an_import_says_what_is_taken_out_of_the_module_and_whether_it_may_fail() {
    let source = "\
import a.b as c, d
try:
    from .e import f as g, h
except ImportError:
    import i
else:
    from .. import j
def k():
    from l import m
from n import *
";
    let parsed = parse_module(source);
    assert_eq!(parsed.diagnostics, []);
    let imports = &parsed.analysis().imports;
    let said = imports.iter().map(|import| {
        let names = import.names.as_deref().map(names);
        (import.module.as_str(), names, import.attempted)
    });
    let expected = [
        ("a.b", Some(vec![]), false),
        ("d", Some(vec![]), false),
        (".e", Some(vec!["f", "h"]), true),
        ("i", Some(vec![]), true),
        ("..", Some(vec!["j"]), false),
        ("n", None, false),
        ("l", Some(vec!["m"]), false),
    ];
    assert_eq!(said.collect::<Vec<_>>(), expected);
    assert_eq!(imports[2].range.text(source), ".e");
    assert!(parsed.analysis().has_star_import());
}

#[test]
fn names_in_f_strings_have_their_place_in_the_string() {
    let source = "return f'{degrees:.1f} °C, {names[0]!r}'";
    let found = body(source, &[]);
    assert_eq!(names(&found.free), ["degrees", "names"]);
    assert_eq!(found.free[1].range.text(source), "names");
}

#[test]
fn unused_parameters_are_those_that_neither_the_body_nor_a_function_in_it_reads() {
    let unused = |source: &str| body(source, &["a", "b", "c"]).unused_params;
    assert_eq!(unused("return a + b"), ["c"]);
    assert_eq!(unused("return lambda: a + [b for _ in c][0]"), [""; 0]);
    assert_eq!(unused("a = 1\nreturn lambda a: a"), ["a", "b", "c"]);
    assert_eq!(unused("a += 1\nreturn f'{b} {c}'"), [""; 0]);
}

#[test]
fn a_module_defines_what_it_assigns_and_what_its_functions_declare_global() {
    let source = "from machine import Pin, ADC as Converter\nled = Pin(25)\ndef setup():\n    global ready\n    ready = led\n";
    let parsed = parse_module(source);
    assert_eq!(parsed.diagnostics, []);
    let found = parsed.analysis();
    assert_eq!(names(&found.assigned), ["Pin", "Converter", "led", "setup"]);
    assert_eq!(names(&found.globals), ["ready"]);
    assert_eq!(modules(&found.imports), ["machine"]);
    assert_eq!(names(&found.free), [""; 0]);
    assert!(!found.has_star_import());
    assert!(
        parse_module("from machine import *\nPin(1)")
            .analysis()
            .has_star_import()
    );
}

#[test]
fn awaiting_is_seen_and_async_loops_need_an_async_body() {
    let source = "async for x in y:\n    await x";
    assert_eq!(parse_async_body(source, &[]).diagnostics, []);
    assert_eq!(parse_async_body(source, &[]).analysis().awaits.len(), 2);
    assert_eq!(parse_body(source, &[]).diagnostics.len(), 1);
}

#[test]
fn what_stands_under_a_condition_that_is_never_true_does_not_count() {
    let found = body("if 0:\n x = missing\nreturn x", &[]);
    assert_eq!(names(&found.free), ["x"]);
}

#[test]
fn emptiness_is_having_no_statement() {
    assert!(parse_body("\n  # nothing\n", &[]).is_empty());
    assert!(!parse_body("pass", &[]).is_empty());
}

#[test]
fn keywords_and_builtins_are_those_of_micropython() {
    assert!(is_keyword("async") && is_keyword("nonlocal") && is_keyword("__debug__"));
    assert!(!is_keyword("match") && !is_keyword("print"));
    assert!(is_builtin("print") && is_builtin("execfile") && is_builtin("OSError"));
    assert!(!is_builtin("machine") && !is_builtin("ascii") && !is_builtin("const"));
    for missing in [
        "FileNotFoundError",
        "TimeoutError",
        "PermissionError",
        "IOError",
        "aiter",
        "anext",
    ] {
        assert!(!is_builtin(missing), "{missing}");
        assert!(
            advice(missing).is_some_and(|advice| advice.contains("MicroPython has no")),
            "{missing}"
        );
    }
    assert!(is_circuitpython_builtin("TimeoutError") && !is_circuitpython_builtin("FileNotFoundError"));
}

#[test]
fn an_await_outside_an_async_def_is_told_though_micropython_runs_it_as_a_generator() {
    for source in [
        "await pause(5)",
        "def inner():\n await pause(5)",
        "return lambda: (await pause(5))",
        "yield 1\nasync with lock:\n pass",
        "async def outer():\n def inner():\n  await pause(5)",
    ] {
        let found = parse_body(source, &[]).diagnostics;
        let [found] = found.as_slice() else {
            panic!("{source:?} gives {found:#?}");
        };
        assert!(
            found.accepted && found.message.contains("outside an `async def`"),
            "{found:?}"
        );
        assert!(
            ["await", "async"].contains(&found.range.text(source)),
            "{source:?}: {found:?}"
        );
    }
    let right = "async def main():\n await pause(5)\n async with lock:\n  pass\nasyncio.run(main())";
    assert_eq!(parse_body(right, &[]).diagnostics, []);
}

#[test]
fn a_yield_is_received_where_its_value_is_used() {
    let received = |source: &str| {
        let ranges = body(source, &["x"]).received;
        ranges
            .iter()
            .map(|range| range.text(source).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(received("y = yield x\nyield y"), ["yield x"]);
    assert_eq!(received("print((yield x))"), ["(yield x)"]);
    assert_eq!(received("while (yield):\n pass"), ["(yield)"]);
    for unused in [
        "yield x",
        "(yield x)",
        "y = yield from x",
        "def f():\n y = yield\n f().send(y)\nyield x",
    ] {
        assert_eq!(received(unused), [""; 0], "{unused}");
    }
}

#[test]
fn what_an_assignment_makes_local_is_told_from_what_only_passes() {
    let locals = |source: &str| {
        let found = body(source, &["x"]);
        (names(&found.locals).join(" "), found.passing.join(" "))
    };
    let expect = |source: &str, set: &str, passing: &str| {
        assert_eq!(locals(source), (set.to_owned(), passing.to_owned()), "{source}");
    };
    expect("mode = x", "mode", "");
    expect("counter += 1", "counter", "");
    expect("(total := x)\n[a, b] = x\nx = 5", "total a b", "");
    expect("global mode\nmode = x", "", "");
    expect(
        "for i in x:\n pass\nwith x as f:\n pass\ntry:\n x()\nexcept OSError as e:\n pass",
        "",
        "i f e",
    );
    expect("for i in x:\n i = i + 1", "i", "");
    expect("import time\ndef f():\n pass\nclass A:\n size = 1", "", "");
    // In a function inside, only what cannot have been meant to be local.
    expect(
        "def f(p):\n count += 1\n level = p\n y = p\n return y",
        "count level",
        "",
    );
    expect("z = x\ndef f():\n return z", "z", "");
    let setup = parse_module("count = 0\ndef pressed(pin):\n count += 1\n");
    let setup = setup.analysis();
    assert_eq!(names(&setup.locals), ["count"]);
}

#[test]
fn a_name_read_before_it_is_assigned_in_a_function_inside_is_local_there() {
    let found = body("x = 1\ndef f():\n x += 1\nreturn x", &[]);
    assert_eq!(names(&found.assigned), ["x", "f"]);
    for (source, accepted) in [
        ("x=1\ndef g():\n nonlocal x\n x=2", true),
        ("x=1\ndef g():\n print(x)\n nonlocal x", false),
        ("x=1\ndef g():\n x=2\n nonlocal x", false),
        ("class A:\n y=[x:=1 for _ in z]", false),
        ("x=0\nclass A:\n y=[x:=1 for _ in z]", false),
        ("y=[[x:=1 for _ in z] for _ in w]", true),
    ] {
        assert_eq!(
            parse_body(source, &[]).diagnostics.is_empty(),
            accepted,
            "{source}"
        );
    }
}

#[test]
fn a_constant_of_a_module_needs_its_import() {
    assert_eq!(names(&body("return math.pi", &[]).free), ["math"]);
    assert_eq!(names(&body("import math\nreturn math.pi", &[]).free), [""; 0]);
}

#[test]
fn a_const_with_an_underscore_defines_nothing_outside_of_its_text() {
    let found = parse_module("_ADDR = const(0x40)\nREG = const(_ADDR + 1)\nprint(_ADDR)");
    let found = found.analysis();
    assert_eq!(names(&found.private_constants), ["_ADDR"]);
    assert_eq!(names(&found.assigned), ["REG"]);
    assert_eq!(names(&found.free), ["print"]);
}

#[test]
fn the_words_of_state_machines_and_of_viper_are_known_in_their_functions_only() {
    let machine = "\
import rp2
@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW)
def square():
    wrap_target()
    set(pins, 1) [7]
    label('again')
    jmp(x_dec, 'again')
    in_(pins, 1).side(0)
    push(noblock)
    mov(y, invert(osr))
    nop() [UNDEFINED]
    wrap()
wrap()
@micropython.viper
def fill(to: ptr8, n: int) -> uint:
    p = ptr16(to)
    return uint(p[n])
";
    let parsed = parse_module(machine);
    let found = parsed.analysis();
    assert_eq!(names(&found.free), ["UNDEFINED", "wrap"]);
}
