//! The executors and the session, on real boards.

mod boards;
mod concurrency;
mod memory;
mod reconnect;
mod session;
mod setups;
mod tasks;
mod teardowns;
mod threads;
