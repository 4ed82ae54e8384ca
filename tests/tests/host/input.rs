//! `input(prompt)` asks the host.

use super::*;
use belay::CallPath;

/// Bodies that ask a person.
#[belay::device]
pub trait Person {
    /// ```python
    /// return input("name? ") + input()
    /// ```
    #[task]
    async fn asks(&self) -> Result<String>;

    /// ```python
    /// lines = []
    /// try:
    ///     while True:
    ///         lines.append(input(len(lines)))
    /// except EOFError as error:
    ///     lines.append(str(error))
    /// return lines
    /// ```
    #[task]
    async fn all_lines(&self) -> Result<Vec<String>>;
}

on_both_runtimes! {
    a_line_is_what_the_builder_answers_and_its_end_an_eof_error
}

async fn a_line_is_what_the_builder_answers_and_its_end_an_eof_error() {
    let board = Board::unix().start().await.unwrap();
    let connecting = PersonDevice::builder(board.port())
        .input(|prompt| async move {
            match prompt.as_str() {
                "3" => Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "no more")),
                _ => Ok(format!("<{prompt}>")),
            }
        })
        .connect();
    let person = soon("connecting", connecting).await.unwrap();
    assert_eq!(person.asks().await.unwrap(), "<name? ><>");
    assert_eq!(
        person.all_lines().await.unwrap(),
        ["<0>", "<1>", "<2>", "no more"]
    );
    assert_eq!(
        person.device().execute("print(input('a'))").await.unwrap(),
        "<a>\r\n"
    );
    person.device().reset().await.unwrap();
    assert_eq!(person.asks().await.unwrap(), "<name? ><>");
    person.close().await.unwrap();
}

#[tokio::test]
async fn without_an_answer_it_is_at_its_end_and_says_what_to_do() {
    let board = Board::unix().start().await.unwrap();
    let person = soon("connecting", PersonDevice::connect(board.port()))
        .await
        .unwrap();
    let error = soon("an error", person.asks()).await.unwrap_err();
    let raised = error.exception().unwrap();
    assert!(
        raised.is("EOFError") && raised.message.contains("DeviceBuilder::input"),
        "{error:?}"
    );
    person.close().await.unwrap();
}

#[tokio::test]
async fn a_board_whose_agent_does_not_stay_cannot_ask() {
    let board = Board::unix().start().await.unwrap();
    let store = Arc::new(Store::default());
    let connecting = LoggerDevice::builder(board.port())
        .call_path(CallPath::RawRepl)
        .host(store)
        .connect();
    let error = soon("an error", connecting).await.unwrap_err();
    let ErrorKind::Setup { cause, .. } = error.kind() else {
        panic!("{error:?}");
    };
    assert!(matches!(cause.kind(), ErrorKind::Unsupported { .. }), "{error:?}");
}

#[tokio::test]
async fn who_answers_for_a_board_that_cannot_ask_has_its_programs_told_so() {
    let board = Board::unix().start().await.unwrap();
    let device = Device::builder(board.port())
        .call_path(CallPath::RawRepl)
        .input(|_| async { Ok(String::new()) })
        .connect();
    let device = soon("connecting", device).await.unwrap();
    let error = soon("an error", device.execute("input()")).await.unwrap_err();
    assert!(error.exception().unwrap().is("EOFError"), "{error:?}");
    device.close().await.unwrap();
}
