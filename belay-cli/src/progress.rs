//! Progress of whatever takes longer than a second: a bar if the total is known, otherwise a spinner.

use std::time::Duration;

use belay::{Result, Transfer, TransferEvent};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

/// How long an operation may take before its progress is shown.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(100);

/// Waits for `work`. If it takes long and standard error is a terminal, a spinner shows `what`.
pub(crate) async fn waiting<T>(what: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
        return done;
    }
    let spinner = ProgressBar::new_spinner().with_message(what.to_owned());
    spinner.enable_steady_tick(TICK);
    let done = work.await;
    spinner.finish_and_clear();
    done
}

/// Transfers files. If it takes long and standard error is a terminal, a bar shows the progress.
pub(crate) async fn transfer<T: Unpin>(transfer: Transfer<T>) -> Result<T> {
    let (begun, bar) = (Instant::now(), bar());
    let mut events = transfer.events();
    let outcome = loop {
        match events.next().await {
            Some(Ok(TransferEvent::Done(done))) => break Ok(done),
            Some(Err(error)) => break Err(error),
            Some(Ok(TransferEvent::Progress(progress))) => {
                if begun.elapsed() > PATIENCE && bar.is_hidden() {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                }
                bar.set_length(progress.total);
                bar.set_position(progress.done);
                bar.set_message(progress.path.to_string());
            }
            // The transfer ends with one of the two events above; other events are not about progress.
            Some(Ok(_)) | None => {}
        }
    };
    bar.finish_and_clear();
    outcome
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {msg}");
    // The template is valid, so the default is never used.
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
