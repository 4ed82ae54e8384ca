//! MicroPython's Python: lexer, parser, diagnostics, analysis and minifier, without dependencies.
