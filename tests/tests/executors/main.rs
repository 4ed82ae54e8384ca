//! The executors and the session, on real boards.

mod boards;
mod closing;
mod concurrency;
mod exits;
mod memory;
mod names;
mod old_board;
mod printed;
mod reconnect;
mod session;
mod settings;
mod setups;
mod stopping;
mod tasks;
mod teardowns;
mod threads;
mod traits;
