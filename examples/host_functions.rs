//! Functions of the program that bodies on the board call: here to store readings, and to ask the user.

use std::sync::{Arc, Mutex};

use belay::prelude::*;
use belay_examples::ExampleBoard;

/// A sensor that reports what it measures, and asks the user something.
#[belay::device]
pub trait Logger {
    /// Stores a reading, and returns how many there are by now.
    #[host(timeout_ms = 2_000)]
    async fn store(&self, sensor: &str, value: u16) -> Result<usize, NoRoom>;

    /// ```python
    /// from machine import ADC
    /// light = ADC(0)
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// Measures until the store is full, and returns how many readings were stored.
    ///
    /// ```python
    /// total = 0
    /// try:
    ///     while True:
    ///         total = store("light", light.read_u16())
    /// except HostError as error:
    ///     print("the host says:", error)
    /// return total
    /// ```
    #[task]
    async fn measure(&self) -> Result<usize>;

    /// Asks the user of the host.
    ///
    /// ```python
    /// name = input("what is your name? ")
    /// return "hello, " + name
    /// ```
    #[task]
    async fn greet(&self) -> Result<String>;
}

/// Why a reading is not stored.
#[derive(Debug)]
pub struct NoRoom;

impl std::fmt::Display for NoRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("there is no room for more readings")
    }
}

impl std::error::Error for NoRoom {}

/// A store for a few readings.
#[derive(Default)]
struct Store(Mutex<Vec<(String, u16)>>);

impl LoggerHost for Store {
    async fn store(&self, sensor: &str, value: u16) -> Result<usize, NoRoom> {
        let mut readings = self.0.lock().map_err(|_| NoRoom)?;
        if readings.len() == 5 {
            return Err(NoRoom);
        }
        readings.push((sensor.to_owned(), value));
        Ok(readings.len())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let board = ExampleBoard::from_command_line().await?;
    let store = Arc::new(Store::default());
    let logger = LoggerDevice::builder(board.port())
        .host(Arc::clone(&store))
        .input(|prompt| async move {
            println!("the board asks: {prompt}");
            Ok("Ada".to_owned())
        })
        .connect()
        .await?;
    println!("{} readings were kept", logger.measure().await?);
    println!("the board says: {}", logger.greet().await?);
    logger.close().await?;
    Ok(())
}
