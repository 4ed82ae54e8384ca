//! What is logged: the spans and fields that the documentation names. It is the only test of its program, because
//! tracing caches for the whole process whether a span is of interest.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use belay::prelude::*;
use belay_tests::{PATIENCE, unix};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::{Layer, registry};

/// Records each span with its name and the names of its fields.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<BTreeSet<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Spans {
    fn on_new_span(&self, span: &tracing::span::Attributes<'_>, _: &tracing::span::Id, _: Context<'_, S>) {
        let metadata = span.metadata();
        if metadata.target().starts_with("belay") {
            let mut text = metadata.name().to_owned();
            for field in metadata.fields() {
                let _ = write!(text, " {field}");
            }
            self.0.lock().unwrap().insert(text);
        }
    }
}

/// The calls that are watched.
#[belay::device]
pub trait Logged {
    /// ```python
    /// x = 1
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// return x
    /// ```
    #[task]
    async fn get(&self) -> Result<u8>;

    /// ```python
    /// yield x
    /// ```
    #[task]
    fn gets(&self) -> impl Stream<Item = Result<u8>>;

    /// ```python
    /// import time
    /// while True:
    ///     time.sleep_ms(1)
    /// ```
    #[thread]
    async fn run(&self) -> Result<ThreadHandle>;

    /// ```python
    /// x = 0
    /// ```
    #[teardown]
    async fn shut(&self) -> Result<()>;
}

#[tokio::test]
async fn spans_have_the_names_and_fields_of_the_documentation() {
    let spans = Spans::default();
    let subscriber = registry().with(spans.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let board = unix().await;
    let logged = LoggedDevice::connect(board.port()).await.unwrap();
    logged.get().await.unwrap();
    drop(futures_util::StreamExt::next(&mut std::pin::pin!(logged.gets())).await);
    logged.run().await.unwrap().stop(PATIENCE).await.unwrap();
    logged.device().reset().await.unwrap();
    logged.close().await.unwrap();
    let seen = spans.0.lock().unwrap().clone();
    let documented = [
        "belay.call device method",
        "belay.close device",
        "belay.connect device",
        "belay.deploy device method bytes",
        "belay.initialize device trait",
        "belay.reconnect device",
        "belay.setup device method",
        "belay.stream device method",
        "belay.teardown device method",
        "belay.thread.start device method",
        "belay.thread.stop device threads",
    ];
    for span in documented {
        assert!(seen.contains(span), "{span} is not among {seen:?}");
    }
}
