//! Drive a MicroPython board from Rust: annotate a trait, write the Python in its doc comments, call async methods.
