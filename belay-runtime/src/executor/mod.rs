//! The four executors, their common base, and the factory that makes them.

mod double;
mod execute;
mod factory;
mod library;
mod pause;
mod report;
mod setup;
mod task;
mod teardown;
mod thread;
mod threads;
mod watching;

pub use double::ThreadDouble;
pub use execute::{Executor, ExecutorExt};
pub use factory::{DefaultExecutors, ExecutorFactory};
pub use report::ThreadReport;
pub use setup::{SetupExecutor, Setups};
pub use task::{TaskExecutor, TaskStream, Tasks};
pub use teardown::{HostAction, TeardownExecutor, Teardowns};
pub use thread::{ThreadExecutor, ThreadHandle};
pub use threads::Threads;
