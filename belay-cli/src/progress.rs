//! Whatever takes longer than a second says so: with a bar where it is known how much there is to do.

use std::time::Duration;

use belay::{Result, Transfer, TransferEvent};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

/// How long something may take before it has to say so.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often what turns is turned.
const TICK: Duration = Duration::from_millis(100);

/// Waits for something, and says for what if it takes long and somebody looks.
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

/// Transfers files, with a bar if it takes long and somebody looks.
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
            // It ends with one of the two above, and what else it may tell is not about how far it has got.
            Some(Ok(_)) | None => {}
        }
    };
    bar.finish_and_clear();
    outcome
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {msg}");
    // The template is the one above, which is well-formed.
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
