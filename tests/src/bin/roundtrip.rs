//! Sends random values to a board and compares what comes back, to the last bit.

use std::process::ExitCode;

use belay::Device;
use belay_sim::Board;
use belay_tests::values::{self, Abilities, EchoDevice, cases};
use clap::Parser;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Round trips of random values: to Python, through the `repr` of a real board, and back.
#[derive(Parser)]
struct Options {
    /// How many values.
    #[arg(long, default_value_t = 20_000)]
    count: usize,
    /// Which floats the board has.
    #[arg(long, value_enum, default_value_t = Floats::Double)]
    floats: Floats,
    /// Which values: the same seed makes the same ones.
    #[arg(long)]
    seed: Option<u64>,
}

/// The floats of a board.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Floats {
    /// Those of 64 bits.
    Double,
    /// Those of 32 bits, as on most microcontrollers.
    Single,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(|| u64::from(std::process::id()));
    match run(options.count, options.floats, seed).await {
        Ok(different) => {
            println!("roundtrip: {} values, {different} different", options.count);
            ExitCode::from(u8::from(different > 0))
        }
        Err(error) => {
            eprintln!("roundtrip, seed {seed}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Gives how many of the values came back changed.
async fn run(count: usize, floats: Floats, seed: u64) -> Result<usize, Box<dyn std::error::Error>> {
    println!("seed {seed}");
    let (board, floats) = match floats {
        Floats::Double => (Board::unix(), values::Floats::Double),
        Floats::Single => (Board::unix_single(), values::Floats::Single),
    };
    let board = board.start().await?;
    let device = Device::connect(board.port()).await?;
    let echo: EchoDevice = device.attach().await?;
    let mut runner = runner(seed);
    let strategy = cases(Abilities {
        floats,
        ..Abilities::ALL
    });
    let mut different = 0;
    for number in 0..count {
        let case = strategy
            .new_tree(&mut runner)
            .map_err(|reason| reason.to_string())?
            .current();
        if let Some(difference) = case.difference(&echo).await {
            different += 1;
            println!("value {number} of seed {seed} came back different:\n {difference}");
        }
    }
    device.close().await?;
    Ok(different)
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(RngAlgorithm::ChaCha, &bytes),
    )
}
