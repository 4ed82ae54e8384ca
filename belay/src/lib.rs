//! Drive a MicroPython board from Rust: annotate a trait, write the Python in its doc comments, call async
//! methods.
//!
//! ```sh
//! cargo add belay-rs
//! cargo add tokio --features full
//! ```
//!
//! The first program, for a board at a given port (`auto` finds the board if there is only one):
//!
//! ```no_run
//! use belay::prelude::*;
//!
//! /// A thermometer.
//! #[belay::device]
//! pub trait Thermometer {
//!     /// ```python
//!     /// from machine import ADC
//!     /// adc = ADC(4)
//!     /// ```
//!     #[setup]
//!     async fn open(&self) -> Result<()>;
//!
//!     /// Reads the die temperature, in °C.
//!     ///
//!     /// ```python
//!     /// volts = adc.read_u16() * 3.3 / 65535
//!     /// return 27 - (volts - 0.706) / 0.001721
//!     /// ```
//!     #[task]
//!     async fn celsius(&self) -> Result<f64>;
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     let thermometer = ThermometerDevice::connect("/dev/ttyACM0").await?;
//!     println!("{:.1} °C", thermometer.celsius().await?);
//!     thermometer.close().await
//! }
//! ```
//!
//! Without `use belay::prelude::*` the compiler reports for `Result<f64>` that an "enum takes 2 generic arguments": it
//! is then Rust's own `Result`, and not the one of belay.
//!
//! What the board prints goes to the writer that [`DeviceBuilder::output`] sets, is returned by
//! [`execute`](Device::execute) and [`Device::with_output`], and can be subscribed to:
//!
//! ```no_run
//! # async fn example(device: belay::Device) -> belay::Result<()> {
//! let mut output = device.output();
//! tokio::spawn(async move {
//!     while let Some(belay::Output::Bytes(bytes)) = output.next().await {
//!         print!("{}", String::from_utf8_lossy(&bytes));
//!     }
//! });
//! device.execute("print('hello')").await?;
//! # Ok(())
//! # }
//! ```
//!
//! Without a board, and in tests, use a simulated one: the `belay-sim` crate starts real MicroPython behind a port
//! (`belay_sim::Board::unix().start().await?.port()`). It compiles MicroPython the first time.
//!
//! A body can send events to the host without being asked, see [`macro@event`]. An object can stay on the board and be
//! used from the host, see [`Remote`] and [`macro@object`].
//!
//! The [guide] explains how all this works together, and what to do in cases that the first program does not cover;
//! each capability has a runnable [example].
//!
//! [guide]: https://github.com/belay-rs/belay/blob/main/docs/src/SUMMARY.md
//! [example]: https://github.com/belay-rs/belay/tree/main/examples
//!
//! # What a program works with
//!
//! - [`device`] turns a trait into a type that stands for a board; its page lists every option of the methods.
//! - A [`Device`] is one board. Several traits can be attached to it: `XxxDevice::attach(&device)`. [`Device::builder`]
//!   sets time-outs, the reconnection policy and the other settings.
//! - Its four executors do the work: [`TaskExecutor`] deploys a method once and calls it many times, [`SetupExecutor`]
//!   runs setups once per session and again after a reset, [`ThreadExecutor`] starts, watches and stops threads on the
//!   board, and [`TeardownExecutor`] cleans up when the device is closed, whatever state it is in. A program can
//!   replace any of them with an [`ExecutorFactory`]; what an executor needs is described [with the specs](spec).
//! - [`Device::files`] reads and writes the board's files, each write all or nothing.
//! - They share one [`Session`]: its [state](SessionState), the board's [`Capabilities`], what is
//!   [deployed](DeploymentStats), [events](SessionEvents), and a [context](SessionContext) for values of all kinds.
//!   Whatever a board sends by itself is a [`Stream`], and losses in it are counted.
//! - A board is reached at an [address](transport::Address), such as `/dev/ttyACM0`, `usb:2E8A:0005`, `auto` or
//!   `tcp://10.0.0.7:2323`, or through a [transport] of the program's own.
//! - The firmware is MicroPython or CircuitPython; a page lists [what is different](circuitpython) on the latter.
//! - Every failure is one [`Error`], which knows the device, the method and the phase.
//!
//! # Features
//!
//! | feature | what it is for |
//! | --- | --- |
//! | `pack` | compressing files on their way to boards that can decompress them; on unless `default-features = false` |
//! | `mount` | folders of this machine as file systems of a board, `Device::mount` |
//! | `serial` | boards at serial ports, `usb:` and `auto`; on unless `default-features = false` |
//! | `sync` | synchronising a folder of the board with one of this machine, `Files::sync` |
//! | `tcp` | boards behind a socket, `tcp://` |
//! | `telnet` | boards behind a Telnet server, `telnet://` |
//! | `rfc2217` | serial ports behind a server that speaks RFC 2217, such as ser2net, `rfc2217://` |
//! | `webrepl` | boards that are reached through WebREPL, `ws://` |
//! | `process` | boards that are programs, `exec:` and `pty:`; modules that `mpy-cross` compiles |
//!
//! A transport of the program's own needs none of them.
//!
//! Everything here is `Send + Sync` and may be used from many tasks at once. It needs a tokio runtime with
//! its time and I/O drivers.
//!
//! # What is logged
//!
//! Logs go through [`tracing`](https://docs.rs/tracing). The names of spans and fields stay the same between minor
//! versions.
//!
//! | span | level | fields |
//! | --- | --- | --- |
//! | `belay.connect`, `belay.reconnect`, `belay.close` | info | `device` |
//! | `belay.initialize` | info | `device`, `trait` |
//! | `belay.setup`, `belay.teardown` | info | `device`, `method` |
//! | `belay.deploy` | debug | `device`, `method`, `bytes` |
//! | `belay.call`, `belay.stream` | debug | `device`, `method` |
//! | `belay.thread.start` | info | `device`, `method` |
//! | `belay.thread.stop` | info | `device`, `threads` |
//!
//! Failures that are not returned to any caller are events of level `warn` with the fields `device` and `error`. What a
//! board prints is an event of the target `belay::board` (debug), and the bytes on the line are events of the target
//! `belay::wire` (trace).

// docs.rs shows of what is behind a feature that it is; only its compiler can.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(inline)]
pub use belay_macros::{device, event, host, object, setup, task, teardown, thread};
#[doc(inline)]
pub use belay_runtime::python::Stamped;
/// How a program reaches its board: at an [`Address`](transport::Address), or through a transport of its own.
///
/// # Examples
///
/// Listing the ports of this machine, with what is known about the boards on them:
///
/// ```no_run
/// # #[cfg(feature = "serial")]
/// # fn example() -> belay::Result<()> {
/// for port in belay::transport::ports()? {
///     let board = port.board().unwrap_or("nothing that is known");
///     println!("{port}: {board}, to be found again as `{}`", port.address());
/// }
/// # Ok(())
/// # }
/// ```
///
/// A transport of the program's own: anything that is `AsyncRead + AsyncWrite`, made by a closure that is called again
/// after the connection was lost. In this example the server has to be told first which of its ports is meant.
///
/// ```no_run
/// # async fn example() -> belay::Result<()> {
/// use belay::transport::{Connector, StreamTransport, TransportError};
/// use belay::{DeviceBuilder, ReconnectPolicy};
/// use tokio::io::AsyncWriteExt;
/// use tokio::net::TcpStream;
///
/// let bench = Connector::new("the board on bench 3", || async {
///     let mut stream = TcpStream::connect("boards.example:4000").await?;
///     stream.write_all(b"bench 3\n").await?;
///     // Say so if what is sent too fast is lost there: `.with_flow_control(false)`.
///     Ok::<_, TransportError>(StreamTransport::new(stream, "boards.example, bench 3"))
/// });
/// let device = DeviceBuilder::over(bench)
///     .reconnect(ReconnectPolicy::attempts(5))
///     .connect()
///     .await?;
/// println!("{}", device.execute("print('hello')").await?);
/// device.close().await
/// # }
/// ```
///
/// A type that implements [`Transport`](transport::Transport) itself can also provide modem lines, by which some boards
/// are reset.
#[doc(inline)]
pub use belay_runtime::transport;
#[doc(inline)]
pub use belay_runtime::{
    ActionError, Attach, Attached, BoardState, BoxFuture, BoxStream, CallPath, Capabilities, Clock,
    ClockEstimate, Connection, Deadlines, DefaultExecutors, DeploymentStats, Device, DeviceBuilder,
    DeviceException, DeviceOutput, Entry, EntryKind, Error, ErrorKind, EventLoss, EventStream, ExclusiveTurn,
    Executor, ExecutorExt, ExecutorFactory, FileError, FileHash, Files, FloatPrecision, Follower, Frame,
    HostAction, HostFunctionError, Hosted, Items, Left, Moment, NameProblem, NeedsNoHost, Object, OnBoard,
    Output, Phase, Printable, Progress, ReconnectPolicy, Remote, RemoteArguments, ResetPolicy, Result,
    Returned, RustLine, Session, SessionContext, SessionEvent, SessionEvents, SessionState, SessionStates,
    SetupExecutor, Setups, SharedTurn, Space, Step, Stuck, TaskExecutor, TaskStream, Tasks, TeardownExecutor,
    Teardowns, ThreadDouble, ThreadError, ThreadExecutor, ThreadHandle, ThreadInfo, ThreadReport,
    ThreadState, Threads, Transfer, TransferEvent, TransferEvents, python, spec,
};
#[cfg(feature = "mount")]
#[doc(inline)]
pub use belay_runtime::{Mount, MountOptions};
#[cfg(feature = "sync")]
#[doc(inline)]
pub use belay_runtime::{SyncOptions, SyncReport};
#[doc(no_inline)]
pub use futures_core::Stream;

#[doc = include_str!("circuitpython.md")]
pub mod circuitpython {}

/// The imports that most programs need.
pub mod prelude {
    #[doc(no_inline)]
    pub use belay_macros::{device, event, host, setup, task, teardown, thread};
    #[doc(no_inline)]
    pub use belay_runtime::{Device, Error, ExecutorExt as _, Remote, Result, ThreadHandle};
    #[doc(no_inline)]
    pub use futures_core::Stream;
}

/// What the code that the macros generate refers to. This is not part of the public interface, and can change in any
/// version.
#[doc(hidden)]
pub mod __private {
    pub use belay_runtime::python::Arguments;
    pub use belay_runtime::spec::{
        Body, DeviceSpec, HostSpec, MethodKind, MethodSpec, ModuleSpec, SetupOptions, TaskOptions,
        TeardownOptions, ThreadOptions,
    };
    pub use belay_runtime::transport::{Address, AddressError};
    pub use belay_runtime::{
        ActionOutput, Attach, Attached, BoxFuture, CallError, Deserialize, DeserializeOwned, Deserializer,
        Device, DeviceBuilder, Error, Fallible, HostFailure, HostFunctions, HostOutput, HostedBy,
        NeedsNoHost, NoneOutput, Object, Remote, Result, Serialize, Serializer, TaskOutput, TaskStream,
        ThreadHandle, ThreadOutput, WithDefault, Words, gives_none, no_host_function, or_default,
        with_iterator, with_stream,
    };
    pub use futures_core::Stream;
    pub use std::string::String;
}
