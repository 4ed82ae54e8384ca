//! Deterministic simulation of a link to a board, in virtual time.
//!
//! The host is the real one. The line and the board are models, and everything that can vary follows from one
//! seed: what is called and when, what the line does to the bytes, what the board does meanwhile. So a
//! schedule that shows a fault shows it again.

mod bench;
mod board;
mod by_rote;
mod calls;
mod choices;
mod host;
mod judge;
mod keeping;
mod line;
mod outcome;
mod port;
mod run;
mod schedule;
mod trace;

pub use by_rote::by_rote;
pub use choices::Choices;
pub use outcome::Outcome;
pub use run::{run, run_choices, run_far, run_without_objects};
pub use schedule::{FLAVOURS, Flavour};
pub use trace::Passed;
