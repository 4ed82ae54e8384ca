//! Sends random values to a board and holds what comes back against them, to the last bit.

use std::process::ExitCode;

use belay_sim::Board;
use belay_tests::echo::Echo;
use belay_tests::values::{Abilities, Case, cases};
use clap::Parser;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// So many values go to the board at once.
const BATCH: usize = 20;

/// Round trips of random values: to Python, through the `repr` of a real board, and back.
#[derive(Parser)]
struct Options {
    /// How many values.
    #[arg(long, default_value_t = 20_000)]
    count: usize,
    /// Which values: the same seed makes the same ones.
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(|| u64::from(std::process::id()));
    match run(options.count, seed).await {
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

/// How many of the values came back different.
async fn run(count: usize, seed: u64) -> Result<usize, Box<dyn std::error::Error>> {
    println!("seed {seed}");
    let board = Board::unix().start().await?;
    let mut echo = Echo::open(board.port(), None).await?;
    let mut runner = runner(seed);
    let strategy = cases(Abilities::ALL);
    let mut different = 0;
    let mut left = count;
    while left > 0 {
        let batch: Vec<_> = (0..left.min(BATCH))
            .map(|_| {
                Ok::<_, String>(
                    strategy
                        .new_tree(&mut runner)
                        .map_err(|reason| reason.to_string())?
                        .current(),
                )
            })
            .collect::<Result<_, _>>()?;
        left -= batch.len();
        let reprs = echo.reprs(batch.iter().map(Case::literal)).await?;
        for (case, repr) in batch.iter().zip(reprs) {
            if let Some(difference) = case.difference(&repr) {
                different += 1;
                println!(
                    "different, seed {seed}:\n {difference}\n repr {}",
                    String::from_utf8_lossy(&repr)
                );
            }
        }
    }
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
