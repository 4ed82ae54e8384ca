//! Signatures of every sensible shape.

#![allow(dead_code, reason = "that it compiles is the test")]

use std::collections::HashMap;
use std::fmt::Debug;

use belay::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Colour {
    red: u8,
    green: u8,
}

/// The user's own error type.
#[derive(Debug)]
enum AppError {
    Board(Error),
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        Self::Board(error)
    }
}

type Reading<T = f64> = Result<T>;

/// Borrowed, generic, optional and otherwise unusual parameters and results.
#[belay::device(namespace = "shapes", globals(board_led))]
trait Shapes: Debug + Clone + Send + Sync + 'static {
    /// How many there are.
    const COUNT: usize = 3;

    /// ```python
    /// return [text, data, colour, numbers, table]
    /// ```
    #[task]
    async fn borrowed(
        &self,
        text: &str,
        data: &[u8],
        colour: &Colour,
        numbers: &[f32],
        table: &HashMap<String, u8>,
    ) -> Result<Vec<String>>;

    /// ```python
    /// return text
    /// ```
    #[task]
    async fn lifetimes<'a, 'b: 'a>(&'a self, text: &'b str) -> Result<String>;

    /// ```python
    /// return value
    /// ```
    #[task]
    async fn generic<T, R>(&self, value: T) -> Result<R>
    where
        T: Serialize + Send,
        R: DeserializeOwned + Send + 'static;

    /// ```python
    /// return value
    /// ```
    #[task]
    async fn argument(&self, value: impl Serialize + Send) -> Result<u8>;

    /// ```python
    /// board_led.value(level)
    /// ```
    #[task]
    async fn with_default(&self, #[default = 1] level: Option<u8>) -> Result<()>;

    /// ```python
    /// return None
    /// ```
    #[task]
    async fn nothing(&self) -> Result<Option<Colour>>;

    /// ```python
    /// return type
    /// ```
    #[task]
    async fn r#match(&self, r#type: u8) -> Result<u8>;

    /// ```python
    /// return 5
    /// ```
    #[task]
    async fn own_error(&self) -> Result<u8, AppError>;

    /// ```python
    /// return 5
    /// ```
    #[task]
    async fn alias(&self) -> Reading;

    /// ```python
    /// yield 5
    /// ```
    #[task]
    fn stream(&self) -> impl Stream<Item = Result<u8, AppError>> + Send + Unpin;

    /// ```python
    /// return 5
    /// ```
    #[task]
    #[must_use = "it takes a while"]
    #[doc(alias = "slow")]
    async fn forwarded(&self) -> Result<u8>;

    /// A body in Rust, written with the methods of the board.
    async fn twice(&self) -> Result<u8> {
        Ok(self.argument(1).await? + self.argument(2).await?)
    }

    /// Neither asynchronous nor for the board.
    fn name(&self) -> String {
        format!("{self:?}")
    }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

/// The futures of all methods are `Send`, whatever the arguments are.
fn futures_are_send(board: &ShapesDevice) {
    drop(is_send(board.borrowed(
        "",
        b"",
        &Colour { red: 1, green: 2 },
        &[],
        &HashMap::new(),
    )));
    drop(is_send(board.lifetimes("")));
    drop(is_send(board.generic::<_, u8>(5)));
    drop(is_send(board.with_default(None)));
    drop(is_send(board.stream()));
    drop(is_send(board.twice()));
}

/// A type parameter on the trait itself.
#[belay::device]
trait Store<T: Serialize + DeserializeOwned + Send + 'static> {
    /// ```python
    /// global kept
    /// kept = value
    /// ```
    #[task]
    async fn put(&self, value: T) -> Result<()>;

    /// ```python
    /// return kept
    /// ```
    #[task]
    async fn get(&self) -> Result<T>;
}

async fn stores(store: &StoreDevice) -> Result<u8> {
    Store::<u8>::put(store, 5).await?;
    store.get().await
}

/// A trait that is disabled as a whole.
#[belay::device]
#[cfg(any())]
trait Absent {
    /// ```python
    /// return nowhere
    /// ```
    #[task]
    async fn never(&self, value: NoSuchType) -> Result<u8>;
}

/// Methods that are disabled, or exist in one of two variants.
#[belay::device]
trait Conditional {
    /// ```python
    /// return 1
    /// ```
    #[cfg(any())]
    #[task]
    async fn never(&self, value: NoSuchType) -> Result<u8>;

    /// ```python
    /// return 2
    /// ```
    #[cfg(not(any()))]
    #[task]
    async fn either(&self) -> Result<u8>;

    /// ```python
    /// return "2"
    /// ```
    #[cfg(any())]
    #[task]
    async fn either(&self) -> Result<String>;
}

async fn conditional(board: &ConditionalDevice) -> Result<u8> {
    board.either().await
}

#[test]
fn a_trait_inside_a_function_works_as_well() {
    /// Local.
    #[belay::device]
    trait Local {
        /// ```python
        /// return 1
        /// ```
        #[task]
        async fn one(&self) -> Result<u8>;
    }

    fn takes<T: Local>() {}
    takes::<LocalDevice>();
    assert_eq!(<ShapesDevice as Shapes>::COUNT, 3);
}
