//! Python from the terminal, a statement after the other, by belay's agent: the board's own prompt would keep the host from
//! answering for the folder.

use std::io::{BufRead as _, Write as _};

use belay::ErrorKind;
use tokio::task::JoinHandle;

use super::typed::goes_on;
use crate::bench::Bench;
use crate::board::Tool as _;
use crate::failure::Failure;
use crate::{drawing, screen};

/// What tracebacks call what was typed.
const TYPED: &str = "<stdin>";

/// Reads and runs until the input is at its end.
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

/// Runs a statement, which Ctrl-C ends.
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

/// The lines of the terminal. One that is being typed while something else happens is not lost.
#[derive(Default)]
struct Lines {
    reading: Option<JoinHandle<std::io::Result<Option<String>>>>,
}

impl Lines {
    /// The next one; nothing at the end.
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
