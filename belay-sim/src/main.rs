//! Runs a simulated board on a port until Ctrl-C.

use std::process::ExitCode;

use belay_sim::{Board, Builder, Direction, Error, Rates, Report};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// Puts a simulated board on a port that any serial program can open.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The default board: fast, with threads, asyncio and a file system.
    Unix {
        /// The size of its heap in kilobytes.
        #[arg(long, default_value_t = 512)]
        heap_kb: u32,
        /// Gives it floats of 32 bits.
        #[arg(long)]
        single: bool,
        #[command(flatten)]
        cable: CableArguments,
    },
    /// MicroPython with CircuitPython's differences; not CircuitPython.
    #[command(name = "circuitpython-like")]
    CircuitPythonLike {
        /// The size of its heap in kilobytes.
        #[arg(long, default_value_t = 512)]
        heap_kb: u32,
        #[command(flatten)]
        cable: CableArguments,
    },
    /// The default board with sockets and MicroPython's own WebREPL, which a `boot.py` starts.
    #[command(name = "webrepl")]
    WebRepl {
        /// The size of its heap in kilobytes.
        #[arg(long, default_value_t = 512)]
        heap_kb: u32,
        /// On which TCP port it listens.
        #[arg(long, default_value_t = 8266)]
        tcp_port: u16,
        /// Its password, of up to nine characters.
        #[arg(long)]
        password: String,
        #[command(flatten)]
        cable: CableArguments,
    },
    /// A Cortex-M3 in QEMU: a small heap, no Ctrl-C, no time, no threads, no files.
    Mps2 {
        #[command(flatten)]
        cable: CableArguments,
    },
    /// A micro:bit in QEMU with an old MicroPython: a tiny heap, no raw-paste mode.
    Microbit {
        #[command(flatten)]
        cable: CableArguments,
    },
    /// Builds the default board, without starting it.
    Build {
        /// Builds the others, too.
        #[arg(long)]
        all: bool,
    },
    /// Lists the boards and whether they can be started here.
    List,
}

/// What is wrong with the cable.
#[derive(Debug, clap::Args)]
struct CableArguments {
    /// Paces both directions to this many bits per second.
    #[arg(long)]
    baud: Option<u32>,
    /// Probability that a byte is lost, in either direction.
    #[arg(long, default_value_t = 0.0, value_parser = probability)]
    drop: f64,
    /// Probability that a byte arrives twice.
    #[arg(long, default_value_t = 0.0, value_parser = probability)]
    repeat: f64,
    /// Probability that a bit of a byte is inverted.
    #[arg(long, default_value_t = 0.0, value_parser = probability)]
    flip: f64,
    /// The seed of these faults; the same seed gives the same faults.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(probability) if (0.0..=1.0).contains(&probability) => Ok(probability),
        _ => Err("a probability is a number from 0 to 1, such as 0.001 for one byte in a thousand".into()),
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("belay-sim: {error}");
            if let Some(cause) = std::error::Error::source(&error) {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<(), Error> {
    match command {
        Command::Unix {
            heap_kb,
            single,
            cable,
        } => {
            let board = if *single {
                Board::unix_single()
            } else {
                Board::unix()
            };
            keep(board.heap_kb(*heap_kb), cable)
        }
        Command::CircuitPythonLike { heap_kb, cable } => {
            keep(Board::circuitpython_like().heap_kb(*heap_kb), cable)
        }
        Command::WebRepl {
            heap_kb,
            tcp_port,
            password,
            cable,
        } => {
            let boot = format!("import webrepl\nwebrepl.start({tcp_port}, {password:?})\n");
            keep(Board::webrepl().heap_kb(*heap_kb).file("boot.py", boot), cable)
        }
        Command::Mps2 { cable } => keep(Board::mps2(), cable),
        Command::Microbit { cable } => keep(Board::microbit(), cable),
        Command::Build { all } => {
            println!("{}", belay_sim::ensure_unix(Report::Auto)?.display());
            if *all {
                println!(
                    "{}",
                    belay_sim::ensure_circuitpython_like(Report::Auto)?.display()
                );
                println!("{}", belay_sim::ensure_webrepl(Report::Auto)?.display());
                println!("{}", belay_sim::ensure_mps2(Report::Auto)?.display());
            }
            Ok(())
        }
        Command::List => {
            for (name, board) in [
                ("unix", Board::unix()),
                ("circuitpython-like", Board::circuitpython_like()),
                ("webrepl", Board::webrepl()),
                ("mps2", Board::mps2()),
                ("microbit", Board::microbit()),
            ] {
                let state = board
                    .check()
                    .map_or_else(|error| error.to_string(), str::to_owned);
                println!("{name:18} {state}");
            }
            Ok(())
        }
    }
}

/// Runs a board until the program is interrupted.
fn keep(board: Builder, arguments: &CableArguments) -> Result<(), Error> {
    let board = board.start_blocking()?;
    let CableArguments {
        baud,
        drop,
        repeat,
        flip,
        seed,
    } = *arguments;
    let rates = Rates {
        drop,
        repeat,
        flip,
        ..Rates::default()
    };
    for direction in Direction::BOTH {
        board.cable().set_rates(direction, rates, seed)?;
    }
    board.cable().set_baud(baud)?;
    let waiting = |source| Error::Io {
        what: "waiting for Ctrl-C".into(),
        source,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(waiting)?;
    runtime.block_on(async {
        // Handle signals before the port's name is printed: a program that has read it may send one at once.
        let mut interrupt = signal(SignalKind::interrupt()).map_err(waiting)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(waiting)?;
        println!("{}", board.port());
        eprintln!(
            "The board runs until you press Ctrl-C here. To talk to it: mpremote connect {}",
            board.port()
        );
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}
