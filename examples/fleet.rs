//! Sixteen boards behind two servers, and one call on all of them: a live table of what they read. One of them is unplugged
//! and plugged in again meanwhile.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use belay::prelude::*;
use belay_fleet::{Config, Fleet, FleetError, Query, Server};
use belay_sim::Board;
use clap::Parser;
use futures_util::StreamExt as _;

/// A board with a sensor.
#[belay::device]
pub trait Thermometer {
    /// ```python
    /// from machine import ADC
    /// adc = ADC(4)
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// The temperature of the chip, in °C.
    ///
    /// ```python
    /// volts = adc.read_u16() * 3.3 / 65535
    /// return 27 - (volts - 0.706) / 0.001721
    /// ```
    #[task]
    async fn celsius(&self) -> Result<f64>;
}

#[derive(Parser)]
#[command(about = "Sixteen simulated boards behind two servers, and one call on all of them.")]
struct Arguments {
    /// For how many seconds they are read
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

/// The two machines that have the boards. Here both are this computer, at addresses that no other program uses.
const HOSTS: [&str; 2] = ["lab1", "lab2"];
const BOARDS: usize = 16;
/// The board that is unplugged.
const UNPLUGGED: usize = 5;

fn endpoint(host: usize) -> String {
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("tcp/127.{high}.{low}.{}:7447", 101 + host)
}

/// Only these addresses are used, so that other programs on the network are not found.
fn config(listen: &[String], connect: &[String]) -> belay_examples::Result<Config> {
    let mut config = belay_fleet::network(connect, listen)?;
    let mut set = |key, value| config.insert_json5(key, value).map_err(|error| error.to_string());
    set("scouting/multicast/enabled", "false")?;
    if listen.is_empty() {
        set("listen/endpoints", "[]")?;
    }
    Ok(config)
}

/// The machine that a board is on, and the board's name there.
fn place(board: usize) -> (usize, String) {
    (board % HOSTS.len(), format!("pico-{board:02}"))
}

#[tokio::main]
async fn main() -> belay_examples::Result {
    let arguments = Arguments::parse();
    let mut servers = Vec::new();
    for (number, host) in HOSTS.iter().enumerate() {
        servers.push(Server::open(config(&[endpoint(number)], &[])?, host).await?);
    }
    let mut boards = Vec::new();
    for number in 0..BOARDS {
        let board = Board::unix().start().await?;
        announce(&servers, number, &board).await?;
        boards.push(board);
    }

    let fleet = Fleet::open(config(&[], &[endpoint(0), endpoint(1)])?).await?;
    let meant = Query::new().tag("kind", "thermometer");
    let group = fleet.group::<ThermometerDevice>(&meant, "the table").await?;
    let group = group.within(Duration::from_secs(10));
    group.ready(BOARDS).await;
    println!("{BOARDS} boards behind {} servers are ready", HOSTS.len());

    let ends = Instant::now() + Duration::from_secs(arguments.seconds);
    let (mut rounds, mut readings, mut step) = (0, 0, Step::Whole);
    while step != Step::Back || Instant::now() < ends {
        let results: BTreeMap<_, _> = group
            .call(|board| async move { board.celsius().await })
            .collect()
            .await;
        let read = results.values().filter(|reading| reading.is_ok()).count();
        show(&results)?;
        (rounds, readings) = (rounds + 1, readings + read);
        let (host, name) = place(UNPLUGGED);
        match step {
            Step::Whole if rounds == 3 => {
                boards[UNPLUGGED].vanish()?;
                servers[host].withdraw(&name);
                step = Step::Unplugged;
            }
            Step::Unplugged if read == BOARDS - 1 => {
                println!("{}/{name} is away, and the others are read", HOSTS[host]);
                boards[UNPLUGGED].appear()?;
                announce(&servers, UNPLUGGED, &boards[UNPLUGGED]).await?;
                step = Step::Away;
            }
            Step::Away if read == BOARDS => {
                println!("{}/{name} is back, and set up again", HOSTS[host]);
                step = Step::Back;
            }
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    println!("{readings} readings in {rounds} calls on all");
    for (board, error) in group.close().await {
        println!("{board}: {error}");
    }
    fleet.close().await?;
    Ok(())
}

/// The state of the board that is unplugged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Whole,
    Unplugged,
    Away,
    Back,
}

async fn announce(servers: &[Server], number: usize, board: &Board) -> belay_examples::Result {
    let (host, name) = place(number);
    let address: belay::transport::Address = board.port().parse()?;
    servers[host]
        .announce(&name, address, [("kind", "thermometer")])
        .await?;
    Ok(())
}

/// Draws the table; on a terminal each one overwrites the one before.
fn show(results: &BTreeMap<String, std::result::Result<f64, FleetError>>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if out.is_terminal() {
        write!(out, "\x1b[H\x1b[J")?;
    }
    for (number, (board, reading)) in results.iter().enumerate() {
        let board = board.trim_start_matches("belay/");
        match reading {
            Ok(celsius) => write!(out, "{board:<14}{celsius:5.1} °C")?,
            Err(_) => write!(out, "{board:<14}    away")?,
        }
        let ends = number % 4 == 3 || number + 1 == results.len();
        out.write_all(if ends { b"\n" } else { b"    " })?;
    }
    writeln!(out)
}
