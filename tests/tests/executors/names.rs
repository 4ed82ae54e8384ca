//! Names beyond ASCII, wherever both Rust and Python know them.

use belay::prelude::*;
use belay::python::Value;
use belay_sim::Board;
use belay_tests::{CallPath, connected_with, over_both_paths};

/// On the board each of them has an ASCII name; messages have the name from the source.
#[belay::device(namespace = "groesse")]
trait Größe {
    /// ```python
    /// höhe = 3
    /// ```
    #[setup]
    async fn öffnen(&self) -> Result<()>;

    /// ```python
    /// höhe = start
    /// ```
    #[setup(auto = false)]
    async fn ändern(&self, start: u8) -> Result<()>;

    /// ```python
    /// maß = {"länge": höhe * by, "einheit": "µm"}
    /// return maß
    /// ```
    #[task(name = "messen")]
    async fn maß(&self, by: u8) -> Result<Maß>;

    /// ```python
    /// from collections import namedtuple
    /// return namedtuple("Maß", ("länge", "einheit"))(höhe, "µm")
    /// ```
    #[task(name = "tupel")]
    async fn maß_mit_namen(&self) -> Result<Maß>;

    /// ```python
    /// from collections import namedtuple
    /// return namedtuple("Ärmel", ("über",))(höhe)
    /// ```
    #[task]
    async fn any(&self) -> Result<Value>;

    /// ```python
    /// class Öl:
    ///     pass
    /// raise type("Überlauf", (Exception,), {})("zu hoch")
    /// ```
    #[task(name = "raise_it")]
    async fn überlaufen(&self) -> Result<()>;

    /// ```python
    /// weg = höhe
    /// ```
    #[teardown]
    async fn schließen(&self) -> Result<()>;
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Maß {
    länge: u8,
    einheit: String,
}

async fn what_is_not_ascii_works_where_the_board_knows_it_by_another_name(path: CallPath) {
    let (_board, device) = connected_with(|builder| builder.call_path(path)).await;
    all_names_work(device).await;
}

#[tokio::test]
async fn what_is_not_ascii_works_on_a_microcontroller_too() {
    let board = Board::mps2().start().await.unwrap();
    all_names_work(Device::connect(board.port()).await.unwrap()).await;
}

#[tokio::test]
async fn a_board_that_takes_only_ascii_says_so() {
    let board = Board::microbit().start().await.unwrap();
    let device = Device::connect(board.port()).await.unwrap();
    let error = GrößeDevice::attach(&device).await.unwrap_err();
    let text = format!("{error:?}");
    assert!(
        text.contains(
            "Größe.öffnen: source with characters beyond ASCII is not supported by MicroPython 1.9"
        ),
        "{text}"
    );
    assert_eq!(device.execute_as::<u8>("1 + 1").await.unwrap(), 2);
    let _ = device.close().await;
}

async fn all_names_work(device: Device) {
    let größe = GrößeDevice::attach(&device).await.unwrap();
    let expected = |länge| Maß {
        länge,
        einheit: "µm".to_owned(),
    };
    assert_eq!(größe.maß(2).await.unwrap(), expected(6));
    größe.ändern(5).await.unwrap();
    assert_eq!(größe.maß(2).await.unwrap(), expected(10));
    assert_eq!(größe.maß_mit_namen().await.unwrap(), expected(5));
    let any = größe.any().await.unwrap();
    assert_eq!(any.get("über"), Some(&Value::Int(5)), "{any}");
    assert_eq!(any.to_string(), "Ärmel(über=5)");
    let error = größe.überlaufen().await.unwrap_err();
    assert_eq!(error.method(), Some("Größe.überlaufen"));
    let exception = error.exception().unwrap();
    assert!(exception.is("Überlauf"), "{exception}");
    assert!(
        exception.rust_line().unwrap().file.ends_with("names.rs"),
        "{exception:?}"
    );
    größe.close().await.unwrap();
}

over_both_paths! {
    what_is_not_ascii_works_where_the_board_knows_it_by_another_name
}
