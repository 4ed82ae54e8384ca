//! A Python prompt, statement by statement, over Belay's agent. At the board's own prompt the host could not
//! serve the mounted folder.

use std::io::{BufRead as _, Write as _};

use belay::ErrorKind;
use tokio::task::JoinHandle;

use super::typed::goes_on;
use crate::bench::Bench;
use crate::board::Tool as _;
use crate::failure::Failure;
use crate::{drawing, screen};

/// The file name in tracebacks for typed code.
const TYPED: &str = "<stdin>";

/// Reads and runs statements until the end of input.
pub(super) async fn talk(bench: &mut Bench) -> Result<(), Failure> {
    let mut lines = Lines::default();
    let mut text = String::new();
    loop {
        ask(if text.is_empty() { ">>> " } else { "... " })?;
        tokio::select! {
            line = lines.next() => match line? {
                None => {
                    screen::note("\n");
                    return Ok(());
                }
                Some(line) => text.push_str(&line),
            },
            pressed = tokio::signal::ctrl_c() => {
                pressed?;
                text.clear();
                screen::note("\n");
            }
        }
        if text.trim().is_empty() {
            text.clear();
        } else if !goes_on(&text) {
            one(&std::mem::take(&mut text), bench).await?;
        }
    }
}

fn ask(prompt: &str) -> std::io::Result<()> {
    screen::write(prompt)?;
    std::io::stdout().flush()
}

/// Runs a statement until it ends or Ctrl-C is pressed.
async fn one(text: &str, bench: &mut Bench) -> Result<(), Failure> {
    let board = bench.board().await?;
    let tool = board.tool().await?;
    let ran = {
        let running = board.voice.during(tool.typed(text));
        tokio::select! {
            ran = running => ran,
            pressed = tokio::signal::ctrl_c() => {
                pressed?;
                screen::note(&format!("{}\n", screen::red("KeyboardInterrupt")));
                return Ok(());
            }
        }
    };
    match ran {
        Ok(()) => {}
        Err(error) if matches!(error.kind(), ErrorKind::Reset) => {
            screen::note(&screen::faint(
                "(the board was reset, and the folder is mounted again)\n",
            ));
        }
        Err(error) => match drawing::raised(error, TYPED, text) {
            failure if failure.status() == 3 => return Err(failure),
            failure => failure.tell_and_go_on(),
        },
    }
    Ok(())
}

/// Reads lines from the terminal. A line that is being typed while something else happens is kept.
#[derive(Default)]
struct Lines {
    reading: Option<JoinHandle<std::io::Result<Option<String>>>>,
}

impl Lines {
    /// The next line; `None` at the end of input.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    async fn next(&mut self) -> Result<Option<String>, Failure> {
        let reading = self.reading.get_or_insert_with(|| {
            tokio::task::spawn_blocking(|| {
                let mut line = String::new();
                let many = std::io::stdin().lock().read_line(&mut line)?;
                Ok((many > 0).then_some(line))
            })
        });
        let line = reading.await.map_err(std::io::Error::other)?;
        self.reading = None;
        Ok(line?)
    }
}
