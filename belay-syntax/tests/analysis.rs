//! What the analysis says of a body.

use belay_syntax::{Analysis, Name, is_builtin, is_keyword, parse_async_body, parse_body, parse_module};

fn body(source: &str, params: &[&str]) -> Analysis {
    let parsed = parse_body(source, params);
    assert_eq!(parsed.diagnostics, [], "{source}");
    parsed.analysis()
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
    assert_eq!(names(&found.imports), ["time"]);
    let assigned = [
        "time", "volts", "inner", "i", "j", "k", "error", "held", "squares", "Local",
    ];
    assert_eq!(names(&found.assigned), assigned);
    let adc = &found.free[0];
    assert_eq!(adc.range.text(source), "adc");
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
    assert_eq!(names(&found.imports), ["machine"]);
    assert_eq!(names(&found.free), [""; 0]);
    assert!(!found.star_import);
    assert!(
        parse_module("from machine import *\nPin(1)")
            .analysis()
            .star_import
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
    assert!(is_builtin("print") && is_builtin("const") && is_builtin("OSError"));
    assert!(!is_builtin("machine") && !is_builtin("ascii"));
}
