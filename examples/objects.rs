//! Objects that stay on the board and are used from here: one with a typed trait, and one without.

use belay::prelude::*;
use belay_examples::ExampleBoard;
use futures_util::TryStreamExt as _;

/// A motor: the methods of the board's Python class that the host uses.
#[belay::object]
pub trait Motor {
    /// Turns the motor by this many steps, and returns its new position.
    async fn turn(&self, steps: i32) -> Result<i32>;

    /// The positions on the way.
    fn way(&self, to: i32) -> impl Stream<Item = Result<i32>>;

    /// The current position.
    #[get]
    async fn position(&self) -> Result<i32>;

    /// Sets the position, without turning.
    #[set]
    async fn set_position(&self, position: i32) -> Result<()>;
}

/// A machine with motors.
#[belay::device]
pub trait Machine {
    /// ```python
    /// class Motor:
    ///     def __init__(self, name):
    ///         self.name = name
    ///         self.position = 0
    ///
    ///     def turn(self, steps):
    ///         self.position += steps
    ///         return self.position
    ///
    ///     def way(self, to):
    ///         while self.position != to:
    ///             yield self.turn(1 if to > self.position else -1)
    /// ```
    #[setup]
    async fn classes(&self) -> Result<()>;

    /// ```python
    /// return Motor(name)
    /// ```
    #[task]
    async fn motor(&self, name: &str) -> Result<MotorObject>;

    /// A handle that is passed as an argument is the object itself in the body.
    ///
    /// ```python
    /// return max(motors, key=lambda motor: motor.position)
    /// ```
    #[task]
    async fn foremost(&self, motors: &[MotorObject]) -> Result<Remote>;
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let board = ExampleBoard::from_command_line().await?;
    let machine = MachineDevice::connect(board.port()).await?;
    let (left, right) = (machine.motor("left").await?, machine.motor("right").await?);
    println!("left is at {}", left.turn(40).await?);
    right.set_position(97).await?;
    let way: Vec<i32> = right.way(100).try_collect().await?;
    println!("right comes by {way:?}");

    // An object without a Rust type is used by the names of its attributes and methods.
    let foremost = machine.foremost(&[left, right]).await?;
    println!("foremost is {}", foremost.get::<String>("name").await?);
    let names: Remote = machine.execute_as("[]").await?;
    names.call::<()>("append", (&foremost,)).await?;
    let first: Remote = names.item(&0).await?;
    println!(
        "{} in the list is at {}",
        names.len().await?,
        first.get::<i32>("position").await?
    );
    machine.close().await?;
    Ok(())
}
