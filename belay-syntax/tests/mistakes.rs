//! The table of mistakes in the documentation says what is really said.

use belay_syntax::{advice, parse_module};

/// The cells of each row of the table, without what makes them code.
fn rows() -> Vec<Vec<String>> {
    let table = include_str!("../src/mistakes.md");
    let cells = |line: &str| -> Option<Vec<String>> {
        let inner = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let mut cells: Vec<String> = inner.split(" | ").map(str::to_owned).collect();
        for code in cells.iter_mut().take(2) {
            *code = code.strip_prefix('`')?.strip_suffix('`')?.to_owned();
        }
        Some(cells)
    };
    table.lines().filter_map(cells).collect()
}

#[test]
fn each_mistake_is_told_with_the_words_of_the_table() {
    let rows = rows();
    assert!(rows.len() >= 40, "{} rows could be read", rows.len());
    for row in rows {
        let [written, underlined, message, help] = row.as_slice() else {
            panic!("not four cells: {row:?}");
        };
        let source = written.replace("\\n", "\n");
        let found = parse_module(&source).diagnostics;
        let [found] = found.as_slice() else {
            panic!("{written} gives {found:#?}");
        };
        assert_eq!(found.range.text(&source), underlined, "{written}");
        assert_eq!(&found.message, message, "{written}");
        assert_eq!(found.help.as_deref().unwrap_or(""), help.trim(), "{written}");
    }
}

#[test]
fn names_that_beginners_expect_are_told_where_they_are() {
    for (name, help) in [
        ("true", "`True`"),
        ("none", "`None`"),
        ("null", "`None`"),
        ("self", "has no `self`"),
        ("ADC", "`from machine import ADC`"),
        ("Pin", "`from machine import Pin`"),
        ("sleep", "`from time import sleep`"),
        ("delay", "sleep_ms"),
        ("math", "`import math`"),
        ("pi", "`from math import pi`"),
        ("randint", "`from random import randint`"),
        ("const", "`from micropython import const`"),
        ("FileNotFoundError", "errno.ENOENT"),
        ("digitalWrite", "Pin.OUT"),
    ] {
        let advice = advice(name).unwrap_or_default();
        assert!(advice.contains(help), "{name}: {advice:?}");
    }
}
