//! `belay plot`

mod curves;
mod live;
mod picture;
mod reading;

use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use belay::Output;
use serde_json::{Map, json};
use tokio::time::{Instant, MissedTickBehavior};

use super::Json;
use crate::bench::{Bench, Ear, printed};
use crate::board::Tool as _;
use crate::failure::Failure;
use crate::{drawing, json, screen};
use curves::Curves;
use live::Live;
use reading::{Lines, Reading};

/// Shows numbers of the board as live curves
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  belay plot \"import machine; machine.ADC(4).read_u16()\" --every 200\n  \
    belay plot sensor.py --csv log.csv --png picture.png\n\n\
    An expression gives a number, several in a tuple, or a dict of them. A script prints lines with numbers, such as `1.5, 2` \
    or `temperature: 21.5 humidity=40`. q ends it. Where standard output is no terminal, it gets the numbers as CSV."
)]
pub(crate) struct Arguments {
    /// An expression, perhaps with statements and `;` before it; or a script, a file of this machine
    what: String,
    /// The time between two values of an expression, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    every: u64,
    /// How much of the past is seen, in seconds
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    window: u32,
    /// Ends after so many readings
    #[arg(short, long)]
    count: Option<u64>,
    /// Writes the numbers to this file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Draws the curves into this file at the end
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
}

pub(crate) async fn run(arguments: &Arguments, bench: &mut Bench) -> Result<(), Failure> {
    let mut plot = Plot::new(arguments)?;
    let outcome = if Path::new(&arguments.what).is_file() {
        script(arguments, bench, &mut plot).await
    } else {
        expression(arguments, bench, &mut plot).await
    };
    let drawn = plot.end();
    outcome.and(drawn)
}

/// Evaluates an expression again and again.
async fn expression(arguments: &Arguments, bench: &mut Bench, plot: &mut Plot<'_>) -> Result<(), Failure> {
    let board = bench.board().await?;
    board.voice.speak_to(Ear::Nobody);
    let tool = board.tool().await?;
    let (before, code) = super::exec::parted(&arguments.what).unwrap_or(("", &arguments.what));
    let raised = |error| drawing::raised(error, "<stdin>", &arguments.what);
    if !before.is_empty() {
        let _ = tool.statements(before).await.map_err(raised)?;
    }
    let mut ticks = tokio::time::interval(Duration::from_millis(arguments.every));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            left = plot.left() => { left?; return Ok(()); }
        }
        let value = tool.expression(code.trim()).await.map_err(raised)?;
        let Some(reading) = Reading::of_value(&value) else {
            return Err(Failure::failed(format!("`{code}` is {value}, and no number"))
                .with_help("have it give a number, a tuple of numbers, or a dict of them"));
        };
        if plot.take(reading)? {
            return Ok(());
        }
    }
}

/// Runs a script, and reads the numbers that it prints.
async fn script(arguments: &Arguments, bench: &mut Bench, plot: &mut Plot<'_>) -> Result<(), Failure> {
    let path = Path::new(&arguments.what);
    let source = std::fs::read_to_string(path).map_err(|error| Failure::local(path, &error))?;
    let board = bench.board().await?;
    board.voice.speak_to(Ear::Nobody);
    let tool = board.tool().await?;
    let mut output = board.device.output();
    let mut lines = Lines::default();
    let mut running = std::pin::pin!(tool.run(&source, &arguments.what));
    loop {
        tokio::select! {
            biased;
            left = plot.left() => return left,
            piece = output.next() => {
                if let Some(piece) = piece
                    && plot.take_printed(&mut lines, piece)?
                {
                    return Ok(());
                }
            }
            left = &mut running => {
                while let Some(piece) = printed(&mut output) {
                    if plot.take_printed(&mut lines, piece)? {
                        break;
                    }
                }
                return super::run::left(left, &arguments.what, &source);
            }
        }
    }
}

/// Where the numbers go: the curves, the terminal and the CSV file.
struct Plot<'a> {
    arguments: &'a Arguments,
    begun: Instant,
    curves: Curves,
    live: Option<Live>,
    csv: Option<BufWriter<File>>,
    /// The names of the columns, once the first reading is known.
    columns: Vec<String>,
    taken: u64,
}

impl<'a> Plot<'a> {
    fn new(arguments: &'a Arguments) -> Result<Self, Failure> {
        let csv = arguments.csv.as_deref().map(|path| {
            let file = File::create(path).map_err(|error| Failure::local(path, &error));
            file.map(BufWriter::new)
        });
        let watched = std::io::stdout().is_terminal() && !arguments.json.json;
        Ok(Self {
            arguments,
            begun: Instant::now(),
            curves: Curves::default(),
            live: if watched { Some(Live::start()?) } else { None },
            csv: csv.transpose()?,
            columns: Vec::new(),
            taken: 0,
        })
    }

    /// Waits until the user quits; for ever, if there is no terminal.
    async fn left(&mut self) -> Result<(), Failure> {
        match &mut self.live {
            Some(live) => Ok(live.left(&self.curves, self.arguments.window).await?),
            None => std::future::pending().await,
        }
    }

    /// Takes the output of a script. Returns true if no more readings are wanted.
    fn take_printed(&mut self, lines: &mut Lines, piece: Output) -> Result<bool, Failure> {
        let Output::Bytes(bytes) = piece else {
            return Ok(false);
        };
        for reading in lines.of(&bytes) {
            if self.take(reading)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes one reading. Returns true if no more are wanted.
    fn take(&mut self, reading: Reading) -> Result<bool, Failure> {
        let seconds = self.begun.elapsed().as_secs_f64();
        if self.columns.is_empty() {
            self.columns = reading.0.iter().map(|(name, _)| name.clone()).collect();
            let heads: Vec<String> = self.columns.iter().map(|name| quoted(name)).collect();
            self.row(&format!("seconds,{}", heads.join(",")))?;
        }
        let cell = |name: &String| {
            let value = reading.0.iter().find(|(other, _)| other == name);
            value.map(|(_, value)| value.to_string()).unwrap_or_default()
        };
        let cells: Vec<String> = self.columns.iter().map(cell).collect();
        self.row(&format!("{seconds:.3},{}", cells.join(",")))?;
        if self.arguments.json.json {
            let values: Map<_, _> = { reading.0.iter() }
                .map(|(name, value)| (name.clone(), (*value).into()))
                .collect();
            json::line(&json!({ "seconds": seconds, "values": values }))?;
        }
        for (name, value) in reading.0 {
            self.curves.add(&name, seconds, value);
        }
        if let Some(live) = &mut self.live {
            live.draw(&self.curves, self.arguments.window)?;
        }
        self.taken += 1;
        Ok(self.arguments.count.is_some_and(|count| self.taken >= count))
    }

    fn row(&mut self, row: &str) -> Result<(), Failure> {
        if let Some(csv) = &mut self.csv {
            writeln!(csv, "{row}")?;
            csv.flush()?;
        }
        if self.live.is_none() && !self.arguments.json.json {
            screen::line!("{row}")?;
        }
        Ok(())
    }

    /// Restores the terminal, and draws the picture.
    fn end(self) -> Result<(), Failure> {
        drop(self.live);
        match self.arguments.png.as_deref() {
            Some(path) if self.taken > 0 => picture::write(&self.curves, path),
            _ => Ok(()),
        }
    }
}

/// The name of a column, quoted for CSV if necessary.
fn quoted(name: &str) -> String {
    if name.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}
