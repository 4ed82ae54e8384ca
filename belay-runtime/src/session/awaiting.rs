//! Installing the board's library for bodies that `await`, before the first such body of a trait is deployed.

use super::connection::Connection;
use crate::agent::awaiting;
use crate::error::Result;

impl Connection {
    /// Makes `await` possible in bodies of this namespace.
    ///
    /// # Errors
    ///
    /// Also when the board has no `asyncio`.
    pub(super) async fn provide_awaiting(&self, namespace: &'static str) -> Result<()> {
        let mut awaiting = self.awaiting.lock().await;
        if awaiting.contains(&namespace) {
            return Ok(());
        }
        if awaiting.is_empty() {
            self.bring_awaiting().await?;
        }
        self.ask(awaiting::bind(namespace), self.execute_deadline).await?;
        awaiting.push(namespace);
        Ok(())
    }

    async fn bring_awaiting(&self) -> Result<()> {
        const FEATURE: &str = "`await` in a body, for which a board needs the module `asyncio`,";
        if !self.link.hello().flavour.packs() {
            return Err(self.unsupported(FEATURE));
        }
        let there: bool = self
            .ask(awaiting::is_there(), self.execute_deadline)
            .await?
            .to()?;
        if there {
            return Ok(());
        }
        let brought = self
            .run(awaiting::NAMESPACE, awaiting::LIBRARY, Some(awaiting::FILE))
            .await;
        match brought {
            Err(error) if error.exception().is_some_and(|raised| raised.is("ImportError")) => {
                Err(self.unsupported(FEATURE))
            }
            brought => brought.map(drop),
        }
    }
}
