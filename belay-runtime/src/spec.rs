//! What the macros know of traits and methods at compile time, as one `static` each: an executor gets these to know
//! what to do.
//!
//! An executor of the program's own works over a [`Connection`](crate::Connection), which it gets from a
//! [`Session`](crate::Session) together with a turn:
//!
//! ```
//! # use belay_runtime as belay;
//! use belay::python::Arguments;
//! use belay::spec::MethodSpec;
//! use belay::{Result, Returned, Session};
//!
//! async fn call(session: &Session, method: &'static MethodSpec, arguments: Arguments) -> Result<Returned> {
//!     let calling = async {
//!         let deadline = session.deadline(method);
//!         let _turn = session.shared(deadline).await?;
//!         let connection = session.connection(deadline).await?;
//!         let answer = connection.call(method, &arguments, deadline).await;
//!         answer.inspect_err(|error| session.report(&connection, error))
//!     };
//!     let answer = session.unless_closing(calling).await;
//!     answer.map_err(|error| session.in_method(error, method))
//! }
//! ```
//!
//! | executor | what it needs |
//! | --- | --- |
//! | tasks | [`Connection::call`](crate::Connection::call), [`Connection::items`](crate::Connection::items); [`Session::exclusive`](crate::Session::exclusive) for exclusive ones |
//! | setups | [`Connection::run_method`](crate::Connection::run_method); a [`Follower`](crate::Follower) to run them again after a reset |
//! | threads | [`Connection::deployed`](crate::Connection::deployed) and [`Connection::call_in`](crate::Connection::call_in) to start them; a [`ThreadReport`](crate::ThreadReport) for the handles |
//! | teardowns | [`Connection::run_method`](crate::Connection::run_method); [`Session::cleaning`](crate::Session::cleaning) for an action that calls the device itself |

use std::time::Duration;

use crate::exception::RustLine;

/// A trait that `#[belay::device]` was put on.
#[derive(Debug)]
pub struct DeviceSpec {
    /// The trait's name.
    pub name: &'static str,
    /// The name of its namespace on the board. Traits with different namespaces may use the same names.
    pub namespace: &'static str,
    /// Its methods, in the order in which they are written.
    pub methods: &'static [&'static MethodSpec],
    /// The modules that its bodies import, in the order of their paths.
    pub modules: &'static [ModuleSpec],
    /// The folder of the board in which the modules are stored; without one they are kept in memory.
    pub modules_to: Option<&'static str>,
    /// Whether the modules are stored as `mpy-cross` compiles them, if that is available.
    pub modules_compiled: bool,
    /// The functions of the host that its bodies call.
    pub hosts: &'static [HostSpec],
}

/// A `#[host]` method: a function that bodies call and that runs on the host.
#[derive(Debug)]
pub struct HostSpec {
    /// The name by which bodies call it.
    pub name: &'static str,
    /// Its parameters.
    pub params: &'static [&'static str],
    /// Its time limit, if it has one of its own.
    pub timeout: Option<Duration>,
}

/// A module that a trait brings: a file of the folder that `modules = …` names.
#[derive(Debug)]
pub struct ModuleSpec {
    /// Its path in the folder, such as `display.py` or `sensors/__init__.py`.
    pub path: &'static str,
    /// Its source as it goes to the board.
    pub source: &'static str,
    /// A hash of its path and source.
    pub hash: u64,
    /// The file, from the crate's root.
    pub file: &'static str,
    /// For each line of `source`, the line in that file.
    pub lines: &'static [u32],
}

impl ModuleSpec {
    /// The dotted name by which it is imported.
    pub fn name(&self) -> String {
        let path = self.path.strip_suffix(".py").unwrap_or(self.path);
        path.strip_suffix("/__init__").unwrap_or(path).replace('/', ".")
    }

    /// The place in the user's file of a line of the source (from 1).
    pub fn rust_line(&self, line: u32) -> Option<RustLine> {
        line_in(self.file, self.lines, line)
    }
}

/// The line of a user's file from which a line of the source was made.
fn line_in(file: &'static str, lines: &'static [u32], line: u32) -> Option<RustLine> {
    let index = usize::try_from(line).ok()?.checked_sub(1)?;
    match lines.get(index) {
        Some(&line) if line > 0 => Some(RustLine { file, line }),
        _ => None,
    }
}

/// A method of such a trait: its Python code and its options.
#[derive(Debug)]
#[non_exhaustive]
pub struct MethodSpec {
    /// `Trait.method`, for messages and logs.
    pub path: &'static str,
    /// The name of its function on the board.
    pub name: &'static str,
    /// The names of its parameters, in order.
    pub params: &'static [&'static str],
    /// Its bodies: one for each implementation of Python for which it is written.
    pub bodies: &'static [Body],
    /// The names of other methods of the trait that its body mentions: they are deployed before it.
    pub uses: &'static [&'static str],
    /// Whether one of its bodies is an `async def`, which has to run in an event loop on the board.
    pub awaits: bool,
    /// The time limit of a call. Without one, the session's default is used.
    pub timeout: Option<Duration>,
    /// What kind of method it is, with the options of that kind.
    pub kind: MethodKind,
}

/// The kind of a method, with the options of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MethodKind {
    /// Called with arguments; returns a result or a stream of results.
    Task(TaskOptions),
    /// Runs at global level when the device is connected.
    Setup(SetupOptions),
    /// Runs in the background on the board.
    Thread(ThreadOptions),
    /// Runs at global level when the device is closed.
    Teardown(TeardownOptions),
    /// Has no body: the bodies of other methods send it to the host by calling its name.
    Event,
}

/// The options of `#[task]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskOptions {
    /// Whether the function stays on the board after the call.
    pub cache: bool,
    /// Whether nothing else may run on the device during a call.
    pub exclusive: bool,
    /// Whether a call may be repeated when it is not known whether it ran.
    pub idempotent: bool,
}

/// The options of `#[setup]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetupOptions {
    /// Setups run from the lowest order to the highest.
    pub order: i32,
    /// Whether a failure fails the connection.
    pub critical: bool,
    /// Whether it runs when the device is connected.
    pub auto: bool,
    /// Whether a failure is only logged.
    pub ignore_errors: bool,
}

/// The options of `#[thread]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadOptions {
    /// The name by which it is listed, and of which only one may be running; the method's path if there is none.
    pub name: Option<&'static str>,
    /// How long it may run before it is asked to stop.
    pub max_runtime: Option<Duration>,
    /// How many times it is started again after an exception.
    pub auto_restart: Option<u32>,
    /// Whether several instances may run at the same time.
    pub multiple: bool,
}

/// The options of `#[teardown]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TeardownOptions {
    /// Teardowns run from the lowest order to the highest.
    pub order: i32,
    /// Whether a failure is only logged.
    pub ignore_errors: bool,
    /// Whether its failure is reported before those of other teardowns.
    pub critical: bool,
}

/// One Python body.
#[derive(Debug)]
pub struct Body {
    /// The implementation that it is for, as in `sys.implementation.name`; for any if there is none.
    pub implementation: Option<&'static str>,
    /// The source as it goes to the board: a whole `def` for tasks and threads, statements at global
    /// level for setups and teardowns.
    pub source: &'static str,
    /// A hash of everything that decides what is deployed: namespace, name, parameters and source.
    pub hash: u64,
    /// The file that contains the body: the Rust file, or the one that `file = …` names.
    pub file: &'static str,
    /// For each line of `source`, the line in that file, 0 where there is none.
    pub lines: &'static [u32],
}

impl Body {
    /// The place in the user's file of a line of the source (from 1).
    pub fn rust_line(&self, line: u32) -> Option<RustLine> {
        line_in(self.file, self.lines, line)
    }
}

impl MethodSpec {
    /// A method with no parameters, no bodies and the session's time-out. `path` is `Trait.method`.
    pub const fn new(path: &'static str, name: &'static str, kind: MethodKind) -> Self {
        Self {
            path,
            name,
            params: &[],
            bodies: &[],
            uses: &[],
            awaits: false,
            timeout: None,
            kind,
        }
    }

    /// The body for a board with this implementation: one for exactly that, or else one for any.
    pub fn body_for(&self, implementation: &str) -> Option<&'static Body> {
        let exact = self
            .bodies
            .iter()
            .find(|body| body.implementation == Some(implementation));
        exact.or_else(|| self.bodies.iter().find(|body| body.implementation.is_none()))
    }
}

impl MethodSpec {
    /// The same method with these parameters.
    #[must_use]
    pub const fn with_params(mut self, params: &'static [&'static str]) -> Self {
        self.params = params;
        self
    }

    /// The same method with these bodies.
    #[must_use]
    pub const fn with_bodies(mut self, bodies: &'static [Body]) -> Self {
        self.bodies = bodies;
        self
    }

    /// The same method, whose body mentions these other methods of its trait.
    #[must_use]
    pub const fn with_uses(mut self, uses: &'static [&'static str]) -> Self {
        self.uses = uses;
        self
    }

    /// The same method, with a body that is an `async def`.
    #[must_use]
    pub const fn with_awaits(mut self) -> Self {
        self.awaits = true;
        self
    }

    /// The same method with this time limit of a call, in milliseconds.
    #[must_use]
    pub const fn with_timeout_ms(mut self, timeout_ms: u64) -> Self {
        self.timeout = Some(Duration::from_millis(timeout_ms));
        self
    }
}

/// Defines the defaults of a struct of options and a `const` setter for each field, for use in a `static`.
macro_rules! options {
    ($options:ident { $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr,)* }) => {
        impl $options {
            /// The defaults.
            pub const fn new() -> Self {
                Self { $($field: $default),* }
            }

            $(
                $(#[$doc])*
                #[must_use]
                pub const fn $field(mut self, value: $type) -> Self {
                    self.$field = value;
                    self
                }
            )*
        }

        impl Default for $options {
            fn default() -> Self {
                Self::new()
            }
        }
    };
}

options!(TaskOptions {
    /// Sets whether the function stays on the board after the call.
    cache: bool = true,
    /// Sets whether nothing else may run on the device during a call.
    exclusive: bool = false,
    /// Sets whether a call may be repeated when it is not known whether it ran.
    idempotent: bool = false,
});

options!(SetupOptions {
    /// Sets its place: setups run from the lowest order to the highest.
    order: i32 = 0,
    /// Sets whether a failure fails the connection.
    critical: bool = true,
    /// Sets whether it runs when the device is connected.
    auto: bool = true,
    /// Sets whether a failure is only logged.
    ignore_errors: bool = false,
});

options!(ThreadOptions {
    /// Sets the name by which it is listed, and of which only one may be running.
    name: Option<&'static str> = None,
    /// Sets how long it may run before it is asked to stop.
    max_runtime: Option<Duration> = None,
    /// Sets how many times it is started again after an exception.
    auto_restart: Option<u32> = None,
    /// Sets whether several instances may run at the same time.
    multiple: bool = false,
});

options!(TeardownOptions {
    /// Sets its place: teardowns run from the lowest order to the highest.
    order: i32 = 0,
    /// Sets whether a failure is only logged.
    ignore_errors: bool = false,
    /// Sets whether its failure is reported before those of other teardowns.
    critical: bool = false,
});
