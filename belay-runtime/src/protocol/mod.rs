//! Raw REPL, raw-paste mode and the frames of the agent: bytes in, events out; no clock, no port.
//!
//! [`RawRepl`] is the whole conversation with a board's raw REPL. The owner of the port hands it what the board sent,
//! takes events out of it, and writes the bytes that it wants written. It never waits and never looks at a clock:
//! deadlines are up to its owner, and so is what happens when one passes.
//!
#![doc = include_str!("facts.md")]

mod checksum;
mod frame;
mod raw_repl;
mod scan;
mod signs;

pub use checksum::Checksum;
pub use frame::{Deframer, Frame, NONCE, Piece};
pub use raw_repl::{
    Abort, Event, Execution, Insistence, Mode, Operation, Options, Pacing, RawRepl, Refusal, Stage,
    StartError, Write, is_out_of_memory,
};
pub use signs::Sign;

pub(crate) use checksum::checksum;
pub(crate) use signs::{PROMPT, RAW_BANNER};
