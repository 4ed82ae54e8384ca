//! Sends random values to a board and holds what comes back against them, to the last bit.

use std::process::ExitCode;

use belay_tests::connected;
use belay_tests::values::{Abilities, EchoDevice, cases};
use clap::Parser;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

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
    let (_board, device) = connected().await;
    let echo: EchoDevice = device.attach().await?;
    let mut runner = runner(seed);
    let strategy = cases(Abilities::ALL);
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
