//! Drive a MicroPython board from Rust: annotate a trait, write the Python in its doc comments, call async methods.

#[doc(inline)]
pub use belay_macros::{device, setup, task, teardown, thread};
#[doc(inline)]
pub use belay_runtime::{
    BoxFuture, BoxStream, CallPath, Capabilities, Deadlines, DefaultExecutors, DeploymentStats, Device,
    DeviceBuilder, DeviceException, DeviceOutput, Error, ErrorKind, Executor, ExecutorExt, ExecutorFactory,
    FloatPrecision, Frame, HostAction, Output, Phase, ReconnectPolicy, ResetPolicy, Result, Returned,
    RustLine, Session, SessionContext, SessionEvent, SessionState, SetupExecutor, Setups, TaskExecutor,
    TaskStream, Tasks, TeardownExecutor, Teardowns, ThreadExecutor, ThreadHandle, ThreadInfo, ThreadState,
    Threads, python, transport,
};
#[doc(no_inline)]
pub use futures_core::Stream;

/// What most programs need.
pub mod prelude {
    #[doc(no_inline)]
    pub use belay_macros::{device, setup, task, teardown, thread};
    #[doc(no_inline)]
    pub use belay_runtime::{Device, Error, ExecutorExt as _, Result, ThreadHandle};
    #[doc(no_inline)]
    pub use futures_core::Stream;
}

/// What the macros' output names. Nothing in here is for people, or stays the same between versions.
#[doc(hidden)]
pub mod __private {
    pub use belay_runtime::python::Arguments;
    pub use belay_runtime::{
        ActionOutput, Attach, Attached, Body, Device, DeviceSpec, Error, MethodKind, MethodSpec, NoneOutput,
        Result, SetupOptions, TaskOptions, TaskOutput, TaskStream, TeardownOptions, ThreadHandle,
        ThreadOptions, ThreadOutput, WithDefault, gives_none, or_default,
    };
    pub use futures_core::Stream;
}
