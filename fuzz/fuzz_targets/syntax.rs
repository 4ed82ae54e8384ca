//! The parser: any text is parsed or refused, with diagnostics that lie inside it. The minified form of a valid source
//! is valid, too.
#![no_main]

use belay_syntax::{parse_async_body, parse_body, parse_module};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &str| {
    let parsed = [
        parse_module(source),
        parse_body(source, &["x"]),
        parse_async_body(source, &["x"]),
    ];
    for diagnostic in parsed.iter().flat_map(|parsed| &parsed.diagnostics) {
        let range = diagnostic.range;
        assert!(
            range.start <= range.end && range.end <= source.len(),
            "{diagnostic:?}"
        );
    }
    if parsed[0].diagnostics.is_empty() {
        for minified in [parsed[0].rewrite().minify(), parsed[0].rewrite().minify_dense()] {
            let again = parse_module(&minified.code);
            assert!(
                again.diagnostics.is_empty(),
                "{:?} of {:?}",
                again.diagnostics,
                minified.code
            );
        }
    }
});
