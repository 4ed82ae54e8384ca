//! Every command, run as a separate process on simulated boards.

#![cfg(target_os = "linux")]

mod beside;
mod board;
mod drawing;
mod files;
#[cfg(feature = "fleet")]
mod fleet;
mod harness;
mod help;
mod mount;
mod packages;
mod page;
mod python;
mod shell;
mod terminal;
mod wrong;
