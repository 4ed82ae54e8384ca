//! What the tests share: boards to run on, and ways to wait for events.

pub mod cost;
mod disk;
pub mod far;
mod puppet;
pub mod rows;
mod servers;
mod tap;
pub mod tool;
pub mod values;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use belay::CallPath;
use belay::transport::{Address, Connector};
use belay::{Device, DeviceBuilder, SessionState};
use belay_sim::Board;

pub use disk::{set_disk, with_disk};
pub use puppet::{Asked, Puppet, Secrets};
pub use servers::{Server, webrepl_board};
pub use tap::{Tap, tapped};

/// A `main.py` that exposes the agent's inside to a test: in `__main__`, `names` is the dictionary in which the agent
/// evaluates expressions, and the next `failures` calls of `compile` raise a `MemoryError`. It replaces `__import__`,
/// the one thing against which an agent cannot protect itself.
pub const AGENT_LAID_OPEN: &str = "\
import builtins
names = None
failures = 0
def failing(*arguments):
    global failures
    if failures:
        failures -= 1
        raise MemoryError
    return compile(*arguments)
def noted(*arguments):
    global names
    made = dict(*arguments)
    names = names or made
    return made
class Shown:
    def __getattr__(self, name):
        if name in shown:
            return shown[name]
        return getattr(builtins, name)
shown = {'compile': failing, 'dict': noted, '__dict__': {}}
def imports(name, *rest):
    return Shown() if name == 'builtins' else real(name, *rest)
real = builtins.__import__
builtins.__import__ = imports
";

/// How long a test waits for an event before it fails. Nothing takes that long on a machine that is not overloaded.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A fresh `unix` board.
///
/// # Panics
///
/// When it cannot be started.
pub async fn unix() -> Board {
    Board::unix().start().await.expect("the unix board starts")
}

/// A fresh `unix` board and a device that is connected to it.
///
/// # Panics
///
/// When it cannot be started or connected.
pub async fn connected() -> (Board, Device) {
    connected_with(|builder| builder).await
}

/// A fresh `unix` board and a device that is connected to it with these settings.
///
/// # Panics
///
/// When it cannot be started or connected.
pub async fn connected_with(settings: impl FnOnce(DeviceBuilder) -> DeviceBuilder) -> (Board, Device) {
    let board = unix().await;
    let builder = settings(Device::builder(board.port()));
    let device = builder.connect().await.expect("the board answers");
    (board, device)
}

/// Generates two tests from each of these functions, which get the call path as an argument: one in the module `agent`,
/// one in `raw_repl`.
#[macro_export]
macro_rules! over_both_paths {
    ($($test:ident)*) => {
        mod agent {
            $(#[tokio::test] async fn $test() { super::$test($crate::CallPath::Agent).await; })*
        }
        mod raw_repl {
            $(#[tokio::test] async fn $test() { super::$test($crate::CallPath::RawRepl).await; })*
        }
    };
}

/// Generates two tests from each of these functions: one in the module `on_one_thread`, where tasks take turns, and one
/// in `on_many_threads`, where the device's own tasks can run beside the test at any time. With `over both paths` there
/// are twice as many, and the functions get the call path as an argument.
#[macro_export]
macro_rules! on_both_runtimes {
    (over both paths: $($test:ident)*) => {
        mod on_one_thread {
            use super::*;
            $crate::over_both_paths! { $($test)* }
        }
        mod on_many_threads {
            mod agent {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() { super::super::$test($crate::CallPath::Agent).await; })*
            }
            mod raw_repl {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() { super::super::$test($crate::CallPath::RawRepl).await; })*
            }
        }
    };
    ($($test:ident)*) => {
        mod on_one_thread {
            $(#[tokio::test] async fn $test() { super::$test().await; })*
        }
        mod on_many_threads {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { super::$test().await; })*
        }
    };
}

/// Waits for something that has to happen, and gives its result.
///
/// # Panics
///
/// When it does not.
pub async fn soon<T>(what: &str, happening: impl Future<Output = T>) -> T {
    let happened = tokio::time::timeout(PATIENCE, happening).await;
    happened.unwrap_or_else(|_| panic!("{what} did not happen within {PATIENCE:?}"))
}

/// A builder for a board that can change its port: it is looked up again for each connection.
pub fn following(port: &Arc<Mutex<String>>) -> DeviceBuilder {
    let port = Arc::clone(port);
    DeviceBuilder::over(Connector::new("the board", move || {
        let port = port.lock().unwrap_or_else(PoisonError::into_inner);
        let address: Result<Address, _> = port.parse();
        async move {
            match address {
                Ok(address) => address.open().await,
                Err(error) => Err(error.into()),
            }
        }
    }))
}

/// Waits until the session is in this state.
///
/// # Panics
///
/// When it does not get there.
pub async fn until_state(device: &Device, wanted: SessionState) {
    let mut states = device.session().states();
    let reached = async { while states.next().await.expect("the session is not closed") != wanted {} };
    soon(&format!("{wanted:?}"), reached).await;
}

/// The resources of this process: open file descriptors, and tasks of the tokio runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    files: usize,
    tasks: usize,
}

impl Held {
    /// The resources in use now. Other tests in the same process count as well: only one of them may run at a time.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, or where there is no `/proc`.
    pub fn now() -> Self {
        let files = std::fs::read_dir("/proc/self/fd").expect("there is a /proc");
        Self {
            files: files.count(),
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        }
    }

    /// Whether there are no more than these.
    fn is_within(self, other: Self) -> bool {
        self.files <= other.files && self.tasks <= other.tasks
    }

    /// Waits until there are no more than these again: whatever was opened since then is closed, and its tasks have
    /// ended.
    ///
    /// # Errors
    ///
    /// When something stays open; the message has the numbers before and now.
    pub async fn settled(self) -> Result<(), String> {
        let settled = async {
            while !Self::now().is_within(self) {
                tokio::task::yield_now().await;
            }
        };
        let settled = tokio::time::timeout(PATIENCE, settled).await;
        settled.map_err(|_| format!("before there was {self:?}, now {:?}", Self::now()))
    }

    /// The same in a test.
    ///
    /// # Panics
    ///
    /// When something stays open.
    pub async fn again(self, what: &str) {
        if let Err(stays) = self.settled().await {
            panic!("{what}: {stays}");
        }
    }
}

#[cfg(doctest)]
mod guide;

/// The programs in documents, which have to compile: those of the README, and those of the macros' own pages, whose
/// crate cannot depend on the facade.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;

    #[doc = include_str!("../../belay-macros/src/device.md")]
    #[doc = include_str!("../../belay-macros/src/task.md")]
    #[doc = include_str!("../../belay-macros/src/setup.md")]
    #[doc = include_str!("../../belay-macros/src/thread.md")]
    #[doc = include_str!("../../belay-macros/src/teardown.md")]
    #[doc = include_str!("../../belay-macros/src/event.md")]
    #[doc = include_str!("../../belay-macros/src/object.md")]
    struct Macros;
}
