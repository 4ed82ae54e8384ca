//! MicroPython boards of many machines, over [Zenoh](https://zenoh.io).
//!
//! A [`Server`] on each machine announces its boards under `belay/<host>/<board>`. A [`Fleet`] sees them come and go, and
//! [acquires](Fleet::acquire) one that is free: a [`Lease`] is one user's alone, by a name, until it is dropped or its
//! holder has not been heard of for its deadline; nobody can take it away. What travels between the two is the byte stream
//! between Belay's link and the port, so that whatever Belay promises of a board here holds for a board there; the server
//! knows no Python, and opens the ports that it was given and no others.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use belay_fleet::{Fleet, Query, Server};
//!
//! // On the machine with the boards:
//! let server = Server::open(zenoh::Config::default(), "lab1").await?;
//! let address: belay::transport::Address = "/dev/ttyACM0".parse()?;
//! server.announce("pico-E660", address, [("bench", "3")]).await?;
//!
//! // On any other:
//! let fleet = Fleet::open(zenoh::Config::default()).await?;
//! let lease = fleet.acquire(&Query::new().tag("bench", "3"), "nightly tests").await?;
//! let device = lease.builder().connect().await?;
//! println!("{}", device.execute("print('hello')").await?);
//! # Ok(())
//! # }
//! ```
//!
//! Zenoh needs a Tokio runtime with several threads. How machines find each other, TLS and who may do what are matters of
//! its configuration.
//!
//! # What is trusted
//!
//! Nothing that comes over the network is believed about lengths, names or offsets: a request has a longest size, a stream
//! has a window of [64 KB](WINDOW) in either direction that neither side can exceed, and a byte that is missing ends it. Who
//! may send at all is for Zenoh's access control to say.

mod asking;
mod boards;
mod error;
mod fleet;
mod group;
mod lease;
mod network;
mod pump;
mod served;
mod server;
mod task;
mod wire;

pub use boards::{BoardEvent, BoardInfo, Query};
pub use error::FleetError;
pub use fleet::Fleet;
pub use group::{Attachable, Group, Member};
pub use lease::Lease;
pub use network::network;
pub use pump::WINDOW;
pub use server::Server;
/// How this machine is connected to others: what Zenoh is configured with.
pub use zenoh::Config;
