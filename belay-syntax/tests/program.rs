//! The program: what it prints and how it ends.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_belay-syntax"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // What does not read its input may have ended already.
    let _ = child
        .stdin
        .take()
        .expect("it is piped")
        .write_all(input.as_bytes());
    child.wait_with_output().expect("the program ends")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it is text")
}

#[test]
fn check_points_at_every_mistake_and_ends_with_one() {
    let output = run(&["check", "-"], "def f():\n\tx = = 1\nreturn 'é', $\n");
    assert_eq!(output.status.code(), Some(1));
    let expected = "\
error: `=` assigns and is not allowed here
 --> -:2:6
  |
2 | \tx = = 1
  | \t    ^
  |
  = help: to compare, write `==`

error: `$` has no meaning here
 --> -:3:13
  |
3 | return 'é', $
  |             ^

";
    assert_eq!(text(&output.stderr), expected);
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn check_says_nothing_about_a_good_file() {
    let output = run(&["check", "-"], "x = 1\n");
    assert!(output.status.success());
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("", ""));
}

#[test]
fn check_names_a_file_that_it_cannot_read() {
    let output = run(&["check", "no/such/file.py"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("error: cannot read no/such/file.py: "));
}

#[test]
fn minify_prints_the_smaller_file_or_what_is_wrong_with_it() {
    let source = "def f( a ): # comment\n    b ; c\n    return a\n";
    assert_eq!(
        text(&run(&["minify", "-"], source).stdout),
        "def f(a):\n b;c\n return a\n"
    );
    assert_eq!(
        text(&run(&["minify", "--dense", "-"], source).stdout),
        "def f(a):b;c;return a\n"
    );
    let output = run(&["minify", "-"], "x = (\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    assert!(
        text(&output.stderr).contains("never closed"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn help_goes_to_the_output_and_a_wrong_call_is_an_error() {
    let output = run(&["--help"], "");
    assert!(output.status.success() && text(&output.stdout).contains("belay-syntax check FILE"));
    let output = run(&["--chekc"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("Usage:"));
}
