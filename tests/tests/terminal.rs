//! Whatever a board sends, printing it does no harm to a terminal.

use std::fmt::Debug;
use std::time::Duration;

use belay::prelude::*;
use belay::{DeviceException, Output};
use belay_tests::{connected, connected_with, soon};

#[belay::device]
trait Wild {
    /// ```python
    /// text = "\x1b]0;title\x07\r\nfake line\x7f\u009b31m\u202edrowssap\u2066\u2028"
    ///
    /// class Own:
    ///     def __repr__(self):
    ///         return text
    ///
    /// begun = []
    /// ```
    #[setup]
    async fn prepare(&self) -> Result<()>;

    /// ```python
    /// return len(begun)
    /// ```
    #[task]
    async fn beginnings(&self) -> Result<u32>;

    /// ```python
    /// raise ValueError(text)
    /// ```
    #[task]
    async fn raise_text(&self) -> Result<()>;

    /// ```python
    /// raise type(text, (Exception,), {})(text)
    /// ```
    #[task]
    async fn raise_class(&self) -> Result<()>;

    /// ```python
    /// return text
    /// ```
    #[task]
    async fn give_text(&self) -> Result<u32>;

    /// ```python
    /// return Own()
    /// ```
    #[task]
    async fn give_object(&self) -> Result<u32>;

    /// ```python
    /// return {"a": {text: text}}
    /// ```
    #[task]
    async fn give_key(
        &self,
    ) -> Result<std::collections::BTreeMap<String, std::collections::BTreeMap<String, u8>>>;

    /// ```python
    /// print(text)
    /// while True:
    ///     pass
    /// ```
    #[task(timeout_ms = 100)]
    async fn print_for_ever(&self) -> Result<()>;

    /// ```python
    /// print(text)
    /// ```
    #[task]
    async fn print_text(&self) -> Result<()>;

    /// ```python
    /// import time
    /// begun.append(1)
    /// while True:
    ///     time.sleep_ms(1)
    /// ```
    #[thread(stop = "manual", name = "\u{1b}]0;thread\u{7}\u{202e}")]
    async fn deaf(&self) -> Result<ThreadHandle>;

    /// ```python
    /// raise ValueError(text)
    /// ```
    #[thread(name = "\u{1b}]0;raising\u{7}\u{202e}")]
    async fn failing(&self) -> Result<ThreadHandle>;
}

/// The first control character, or character that changes the direction of text, except line ends and tabs.
fn harm(text: &str) -> Option<char> {
    text.chars().find(|character| match character {
        '\n' | '\t' => false,
        '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => true,
        other => other.is_control(),
    })
}

/// Expects all ways to print an error to be harmless, and its message to be a single line.
fn is_harmless(error: &Error) {
    let mut texts = vec![
        error.to_string(),
        format!("{error:?}"),
        format!("{error:#?}"),
        error.kind().to_string(),
    ];
    texts.extend(error.hint().map(String::from));
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        texts.extend([error.to_string(), format!("{error:?}")]);
        cause = error.source();
    }
    for text in texts {
        assert_eq!(harm(&text), None, "{text:?}");
        assert!(
            !text.lines().any(|line| line.starts_with("fake line")),
            "{text:?}"
        );
    }
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
}

fn exception_is_harmless(exception: &DeviceException) {
    for text in [
        exception.to_string(),
        format!("{exception:?}"),
        format!("{exception:#?}"),
    ] {
        assert_eq!(harm(&text), None, "{text:?}");
    }
}

fn error<T: Debug>(result: Result<T>) -> Error {
    result.expect_err("it goes wrong")
}

#[tokio::test]
async fn what_a_board_raises_returns_or_prints_is_told_without_control_characters() {
    let (_board, device) = connected().await;
    let wild = WildDevice::attach(&device).await.unwrap();
    let raised = error(wild.raise_text().await);
    is_harmless(&raised);
    exception_is_harmless(raised.exception().unwrap());
    assert!(
        raised
            .to_string()
            .contains(r"\x1b]0;title\x07\r\nfake line\x7f\u{9b}31m\u{202e}"),
        "{raised}"
    );
    assert!(
        raised.exception().unwrap().message.contains("\x1b]0;title"),
        "the field has it all"
    );
    let class = error(wild.raise_class().await);
    is_harmless(&class);
    exception_is_harmless(class.exception().unwrap());
    for other in [
        error(wild.give_text().await),
        error(wild.give_object().await),
        error(wild.give_key().await),
        error(wild.print_for_ever().await),
    ] {
        is_harmless(&other);
    }
    device.close().await.unwrap();
}

#[tokio::test]
async fn output_is_shown_in_its_lines_without_control_characters() {
    let (_board, device) = connected().await;
    let wild = WildDevice::attach(&device).await.unwrap();
    let mut output = device.output();
    wild.print_text().await.unwrap();
    let (mut shown, mut raw) = (String::new(), Vec::new());
    while !raw.ends_with(b"\n") || !shown.contains("drow") {
        let piece = soon("the output", output.next()).await.unwrap();
        shown += &piece.to_string();
        if let Output::Bytes(bytes) = &piece {
            raw.extend_from_slice(bytes);
        }
    }
    assert_eq!(harm(&shown), None, "{shown:?}");
    assert_eq!(shown.lines().count(), 2, "{shown:?}");
    assert!(raw.starts_with(b"\x1b]0;title"), "the bytes are as they came");
    device.close().await.unwrap();
}

#[tokio::test]
async fn names_of_threads_are_told_without_control_characters() {
    let (_board, device) = connected_with(|builder| builder.thread_stop(Duration::from_millis(50))).await;
    let mut events = device.session().events();
    let wild = WildDevice::attach(&device).await.unwrap();
    let failing = wild.failing().await.unwrap();
    is_harmless(&error(soon("the end", failing.join()).await));
    let event = soon("the event", events.next()).await.unwrap();
    assert_eq!(harm(&format!("{event:?}")), None, "{event:?}");
    let deaf = wild.deaf().await.unwrap();
    is_harmless(&error(wild.deaf().await));
    // A thread that is stopped before it has begun would end properly.
    let begun = async { while wild.beginnings().await.unwrap() == 0 {} };
    soon("the beginning", begun).await;
    is_harmless(&error(deaf.stop(Duration::from_millis(50)).await));
    assert_eq!(harm(&format!("{deaf:?} {:?}", deaf.info())), None);
    // The error on closing is harmless, too.
    is_harmless(&error(device.close().await));
}
