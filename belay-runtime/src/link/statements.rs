//! Source code for the board: sent in one request, or in parts where there is no room for all of it at once.

use std::time::Duration;

use super::{Answer, Link, Request};
use crate::agent::{self, Payload, expression};
use crate::error::Result;

/// Statements for the global level of a namespace.
#[derive(Debug, Clone, Copy)]
pub struct Statements<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The statements.
    pub source: &'a str,
    /// The file name that tracebacks give, where the board can be told.
    pub file: Option<&'a str>,
}

impl Link {
    /// Runs statements at the global level of a namespace, and returns what was printed meanwhile, as
    /// [`run`](Self::run) does. Where a board has no room for them in one request they are sent in parts, and have to
    /// be ASCII.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request). `deadline` is for each part.
    ///
    /// # Cancel safety
    ///
    /// As [`request`](Self::request). The board drops parts that it has received when other statements come.
    pub async fn execute(&self, statements: Statements<'_>, deadline: Duration) -> Result<Answer> {
        self.execute_after(None, statements, deadline).await
    }

    /// Like [`execute`](Self::execute), but evaluates `before` first.
    pub(crate) async fn execute_after(
        &self,
        before: Option<String>,
        statements: Statements<'_>,
        deadline: Duration,
    ) -> Result<Answer> {
        let Statements {
            namespace,
            source,
            file,
        } = statements;
        let Some(part) = self.shared.hello.flavour.source_part() else {
            let run = expression::execute(namespace, source, file)?;
            let expression = match before {
                Some(before) => expression::both(&before, &run),
                None => run,
            };
            return self.run(Request::Evaluate(expression), deadline).await;
        };
        if let Some(before) = before {
            self.request(Request::Evaluate(before), deadline).await?;
        }
        self.execute_in_parts(namespace, source, part, deadline).await
    }

    /// Runs the statements that define a function, and binds the function under an id. The board answers with the
    /// alias that it is called by.
    pub(crate) async fn deploy(
        &self,
        id: &str,
        function: &str,
        statements: Statements<'_>,
        deadline: Duration,
    ) -> Result<Payload> {
        let Statements {
            namespace,
            source,
            file,
        } = statements;
        let Some(part) = self.shared.hello.flavour.source_part() else {
            let file = file.unwrap_or_default();
            let request = agent::Request::deploy([id, namespace, function, source, file])?;
            return Ok(self.ask(request, false, deadline).await?.payload);
        };
        self.execute_in_parts(namespace, source, part, deadline).await?;
        let bind = expression::bind(id, namespace, function);
        self.request(Request::Evaluate(bind), deadline).await
    }

    async fn execute_in_parts(
        &self,
        namespace: &str,
        source: &str,
        part: usize,
        deadline: Duration,
    ) -> Result<Answer> {
        let _one_at_a_time = self.shared.parts.lock().await;
        for (at, part) in source.as_bytes().chunks(part).enumerate() {
            let part = String::from_utf8_lossy(part).into_owned();
            let request = agent::Request::Source { first: at == 0, part };
            self.ask(request, false, deadline).await?;
        }
        let namespace = namespace.to_owned();
        self.ask(agent::Request::Execute { namespace }, true, deadline)
            .await
    }
}
