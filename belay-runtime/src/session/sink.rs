//! Writing the board's output to the user's writer.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::link::{Output, OutputSubscription};

/// A writer for what a board prints.
#[derive(Clone)]
pub(crate) struct OutputSink(Arc<Mutex<dyn Write + Send>>);

impl OutputSink {
    pub(crate) fn new(sink: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(sink)))
    }

    /// Writes the board's output until it ends or the writer fails.
    pub(super) async fn write(self, device: Arc<str>, mut output: OutputSubscription) {
        while let Some(piece) = output.next().await {
            let sink = self.clone();
            // The writer may block.
            let written = tokio::task::spawn_blocking(move || sink.write_piece(&piece)).await;
            match written {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(device = %device, %error, "what the board prints could not be written");
                    return;
                }
                // The writer has panicked, which the panic hook has reported, or the runtime has ended.
                Err(_) => return,
            }
        }
    }

    fn write_piece(&self, piece: &Output) -> io::Result<()> {
        let mut sink = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match piece {
            Output::Bytes(bytes) => sink.write_all(bytes)?,
            lost @ Output::Overflow(_) => write!(sink, "{lost}")?,
        }
        sink.flush()
    }
}

impl fmt::Debug for OutputSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputSink").finish_non_exhaustive()
    }
}
