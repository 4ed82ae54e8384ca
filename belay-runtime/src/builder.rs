//! How a device is connected.

use std::sync::Arc;

use crate::device::{Attach, Attached, Device, Inner};
use crate::error::Result;
use crate::executor::{DefaultExecutors, ExecutorFactory};
use crate::session::{Session, unwritten};

/// Settings of a device that is to be connected.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `connect` is called"]
pub struct DeviceBuilder {
    address: String,
    name: Option<Arc<str>>,
    executors: Arc<dyn ExecutorFactory>,
}

impl DeviceBuilder {
    pub(crate) fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            name: None,
            executors: Arc::new(DefaultExecutors),
        }
    }

    /// Gives the device a name for messages and logs. It is the address otherwise.
    pub fn name(mut self, name: impl AsRef<str>) -> Self {
        self.name = Some(Arc::from(name.as_ref()));
        self
    }

    /// Replaces the executors.
    pub fn executors(mut self, factory: impl ExecutorFactory + 'static) -> Self {
        self.executors = Arc::new(factory);
        self
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// When the port cannot be opened or there is no MicroPython on it.
    #[expect(clippy::unused_async, reason = "not written yet")]
    pub async fn connect(self) -> Result<Device> {
        let name = self.name.unwrap_or_else(|| Arc::from(self.address.as_str()));
        let session = Session::new(name);
        if !session.can_execute() {
            return Err(unwritten());
        }
        Ok(Device::from_inner(Inner {
            tasks: self.executors.tasks(&session),
            setups: self.executors.setups(&session),
            threads: self.executors.threads(&session),
            teardowns: self.executors.teardowns(&session),
            session,
        }))
    }

    /// Connects, and attaches a trait.
    ///
    /// # Errors
    ///
    /// As [`connect`](DeviceBuilder::connect), and when a critical setup fails.
    pub async fn attach<A: Attach>(self) -> Result<A> {
        let device = self.connect().await?;
        Attached::attach(&device).await
    }
}
