//! The board's part of what bodies ask: on the board before anything of the trait runs there.

use super::connection::Connection;
use super::hosts::Hosts;
use super::{SCRATCH, Session};
use crate::agent::asking;
use crate::error::{ErrorKind, Result};
use crate::host::Host;
use crate::spec::DeviceSpec;

impl Session {
    /// Refuses what a host function wants of the very board that waits for it.
    pub(super) fn unless_answering(&self) -> Result<()> {
        if self.inner.hosts.are_answering() {
            return Err(self.error(ErrorKind::Reentered));
        }
        Ok(())
    }

    /// Gives a trait its host functions, on the host and on the board.
    ///
    /// # Errors
    ///
    /// When the board has no way to ask, or cannot be reached.
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
            let hosted = connection.host(&[device], &self.inner.hosts).await;
            hosted.inspect_err(|error| self.report(&connection, error))
        })
        .await
    }
}

impl Connection {
    /// Gives these traits what their bodies ask with.
    pub(super) async fn host(&self, devices: &[&'static DeviceSpec], hosts: &Hosts) -> Result<()> {
        let has_input = hosts.input.is_some();
        let asks = |device: &&&DeviceSpec| has_input || !device.hosts.is_empty();
        if !has_input && devices.iter().filter(asks).count() == 0 {
            return Ok(());
        }
        if !self.link.hello().flavour.asks() {
            // A body that calls `input` there is told so, as one is for which nobody answers.
            if devices.iter().all(|device| device.hosts.is_empty()) {
                return Ok(());
            }
            return Err(self.unsupported(
                "a question of the board's to the host, for which the agent has to read the line itself,",
            ));
        }
        let mut asks_already = self.asking.lock().await;
        if !*asks_already {
            self.begin_to_ask(hosts).await?;
            if has_input {
                self.ask(asking::bind(SCRATCH, true)?, self.execute_deadline)
                    .await?;
            }
            *asks_already = true;
        }
        drop(asks_already);
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

    /// Brings the library, unless it is there.
    async fn begin_to_ask(&self, hosts: &Hosts) -> Result<()> {
        let there: bool = self.ask(asking::is_there(), self.execute_deadline).await?.to()?;
        if !there {
            self.run(asking::NAMESPACE, asking::LIBRARY, Some(asking::FILE))
                .await?;
        }
        let (packs, attaches) = self.link.provide_for_questions(self.execute_deadline).await?;
        // It is the same board each time.
        let _ = hosts.attaches.set(attaches);
        self.ask(asking::begin(packs), self.execute_deadline)
            .await
            .map(drop)
    }
}
