//! The executors, the session, the link and the raw REPL of belay.

// docs.rs shows of what is behind a feature that it is; only its compiler can.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod agent;
mod boxed;
mod clock;
mod device;
mod error;
mod exception;
mod executor;
mod feed;
mod files;
mod host;
#[doc(hidden)]
pub mod kept;
pub mod link;
#[cfg(feature = "mount")]
mod mount;
mod polled;
mod printable;
pub mod protocol;
pub mod python;
#[doc(hidden)]
pub mod random;
mod remote;
mod session;
mod signature;
pub mod spec;
pub mod transport;

#[doc(hidden)]
pub use serde::de::DeserializeOwned;
#[doc(hidden)]
pub use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use boxed::{BoxFuture, BoxStream};
pub use device::{Attach, Attached, Device, DeviceBuilder, Hosted, NeedsNoHost};
pub use error::{
    ActionError, BoardState, Error, ErrorKind, EventLoss, FileError, Left, NameProblem, Phase, Result, Stuck,
    ThreadError,
};
#[doc(hidden)]
pub use exception::HostFailure;
pub use exception::{DeviceException, Frame, RustLine};
pub use executor::{
    DefaultExecutors, Executor, ExecutorExt, ExecutorFactory, HostAction, SetupExecutor, Setups,
    TaskExecutor, TaskStream, Tasks, TeardownExecutor, Teardowns, ThreadDouble, ThreadExecutor, ThreadHandle,
    ThreadReport, Threads,
};
#[doc(hidden)]
pub use feed::{Fallible, Plain, StreamItem, with_iterator, with_stream};
pub use files::{
    Entry, EntryKind, FileHash, Files, Progress, Space, Step, Transfer, TransferEvent, TransferEvents,
};
#[cfg(feature = "sync")]
pub use files::{SyncOptions, SyncReport};
pub use host::HostFunctionError;
#[doc(hidden)]
pub use host::{HostFunctions, HostOutput, HostedBy, Words, no_host_function};
pub use link::{CallPath, Deadlines, Output, ResetPolicy};
#[cfg(feature = "mount")]
pub use mount::{Mount, MountOptions};
pub use printable::Printable;
pub use remote::{Object, Remote, RemoteArguments};
pub use session::{
    Capabilities, Clock, ClockEstimate, Connection, DeploymentStats, EventStream, ExclusiveTurn,
    FloatPrecision, Follower, Items, Moment, OnBoard, OutputStream as DeviceOutput, ReconnectPolicy,
    Returned, Session, SessionContext, SessionEvent, SessionEvents, SessionState, SessionStates, SharedTurn,
    ThreadInfo, ThreadState,
};
pub use signature::{
    ActionOutput, CallError, NoneOutput, TaskOutput, ThreadOutput, WithDefault, gives_none, or_default,
};
