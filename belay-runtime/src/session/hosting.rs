//! Installing host functions and streams on the board, before any body that uses them runs there.

use super::connection::Connection;
use super::{SCRATCH, Session};
use crate::agent::{asking, feeds};
use crate::error::{Error, ErrorKind, Result};
use crate::host::Host;
use crate::python::Arguments;
use crate::spec::{DeviceSpec, MethodSpec};

impl Session {
    /// Fails inside a host function for which the board is waiting: calling the same board there would block both.
    pub(crate) fn unless_answering(&self) -> Result<()> {
        if self.inner.hosts.are_answering() {
            return Err(self.error(ErrorKind::Reentered));
        }
        Ok(())
    }

    /// Sets a trait's host functions on the host, and installs them on the board.
    ///
    /// # Errors
    ///
    /// When the board has no way to call the host, or cannot be reached.
    pub(crate) async fn host(&self, device: &'static DeviceSpec, host: Option<Host>) -> Result<()> {
        if let Some(host) = host {
            self.inner.hosts.set(device, host);
        }
        if device.hosts.is_empty() && self.inner.hosts.input.is_none() {
            return Ok(());
        }
        let deadline = self.execute_deadline();
        self.unless_closing(async {
            let _turn = self.shared(deadline).await?;
            let connection = self.connection(deadline).await?;
            let hosted = connection.host(&[device]).await;
            hosted.inspect_err(|error| self.report(&connection, error))
        })
        .await
    }
}

impl Connection {
    /// Installs the host functions of these traits, and `input`, in their namespaces on the board.
    pub(super) async fn host(&self, devices: &[&'static DeviceSpec]) -> Result<()> {
        let has_input = self.hosts.input.is_some();
        let asks = |device: &&&DeviceSpec| has_input || !device.hosts.is_empty();
        if !has_input && devices.iter().filter(asks).count() == 0 {
            return Ok(());
        }
        if !self.link.hello().flavour.asks() {
            // Without host functions this is only about `input`, which raises an `EOFError` on such a board. That is
            // not an error here.
            if devices.iter().all(|device| device.hosts.is_empty()) {
                return Ok(());
            }
            return Err(self.cannot_ask());
        }
        self.begin_to_ask().await?;
        for device in devices.iter().filter(asks) {
            let bind = asking::bind(device.namespace, has_input)?;
            self.ask(bind, self.execute_deadline).await?;
            if !device.hosts.is_empty() {
                let functions = device.hosts.iter().map(|host| (host.name, host.params));
                let source = asking::functions(device.namespace, functions);
                self.run(device.namespace, &source, Some(asking::HOST_FILE))
                    .await?;
            }
        }
        Ok(())
    }

    fn cannot_ask(&self) -> Error {
        self.unsupported("calling the host from the board, which the agent for small boards cannot do,")
    }

    /// Sets up the library for the board's questions, unless that has been done for this connection.
    async fn begin_to_ask(&self) -> Result<()> {
        let mut asks_already = self.asking.lock().await;
        if *asks_already {
            return Ok(());
        }
        let there: bool = self.ask(asking::is_there(), self.execute_deadline).await?.to()?;
        if !there {
            self.run(asking::NAMESPACE, asking::LIBRARY, Some(asking::FILE))
                .await?;
        }
        let (packs, attaches) = self.link.provide_for_questions(self.execute_deadline).await?;
        // The value is the same each time, because the board is.
        let _ = self.hosts.attaches.set(attaches);
        self.ask(asking::begin(packs), self.execute_deadline).await?;
        if self.hosts.input.is_some() {
            self.ask(asking::bind(SCRATCH, true)?, self.execute_deadline)
                .await?;
        }
        *asks_already = true;
        Ok(())
    }

    /// Makes the streams among these arguments readable in the namespace of this method.
    pub(super) async fn provide_for_feeds(
        &self,
        method: &'static MethodSpec,
        arguments: &Arguments,
    ) -> Result<()> {
        if !self.link.hello().flavour.asks() {
            return Err(self.cannot_ask().in_method(method.path));
        }
        self.begin_to_ask().await?;
        let namespace = self.registry.device_of(method)?.namespace;
        let mut fed = self.fed.lock().await;
        if fed.is_empty() {
            self.begin_to_read().await?;
        }
        if !fed.contains(&namespace) {
            // Bind, because the namespace needs the `HostError` that a failing stream raises.
            let bind = asking::bind(namespace, self.hosts.input.is_some())?;
            self.ask(bind, self.execute_deadline).await?;
            fed.push(namespace);
        }
        self.hosts.feed_from(arguments.feeds());
        Ok(())
    }

    /// Installs the library for streams, unless it is there already.
    async fn begin_to_read(&self) -> Result<()> {
        let there: bool = self.ask(feeds::is_there(), self.execute_deadline).await?.to()?;
        if !there {
            self.run(asking::NAMESPACE, feeds::LIBRARY, Some(feeds::FILE))
                .await?;
        }
        let free = self.link.hello().free_memory.map(|(_, free)| free);
        self.hosts.has_room(free);
        Ok(())
    }
}
