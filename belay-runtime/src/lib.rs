//! The executors, the session, the link and the raw REPL of belay.

mod builder;
mod device;
mod error;
mod exception;
mod executor;
pub mod link;
mod method;
pub mod protocol;
pub mod python;
mod session;
mod signature;
pub mod transport;

pub use builder::DeviceBuilder;
pub use device::{Attach, Attached, Device};
pub use error::{Error, ErrorKind, Phase, Result};
pub use exception::{DeviceException, Frame, RustLine};
pub use executor::{
    BoxFuture, BoxStream, DefaultExecutors, Executor, ExecutorExt, ExecutorFactory, HostAction,
    SetupExecutor, Setups, TaskExecutor, TaskStream, Tasks, TeardownExecutor, Teardowns, ThreadExecutor,
    ThreadHandle, ThreadInfo, ThreadState, Threads,
};
pub use link::{CallPath, Deadlines, Output, ResetPolicy};
pub use method::{
    Body, DeviceSpec, MethodKind, MethodSpec, SetupOptions, TaskOptions, TeardownOptions, ThreadOptions,
};
pub use session::{
    Capabilities, DeploymentStats, FloatPrecision, OutputStream as DeviceOutput, ReconnectPolicy, Returned,
    Session, SessionContext, SessionEvent, SessionState,
};
pub use signature::{
    ActionOutput, NoneOutput, TaskOutput, ThreadOutput, WithDefault, gives_none, or_default,
};
