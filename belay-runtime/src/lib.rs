//! The executors, the session, the link and the raw REPL of belay.

mod error;
mod exception;
mod method;
pub mod protocol;
pub mod python;
mod signature;
pub mod transport;

pub use error::{Error, ErrorKind, Phase, Result};
pub use exception::{DeviceException, Frame, RustLine};
pub use method::{
    Body, DeviceSpec, MethodKind, MethodSpec, SetupOptions, TaskOptions, TeardownOptions, ThreadOptions,
};
pub use signature::{ActionOutput, NoneOutput, TaskOutput, ThreadOutput};
