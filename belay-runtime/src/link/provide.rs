//! What a board is sent when a request first needs it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::{Hello, Link, Payload, Request, Statements};
use crate::agent::clock::CLOCK;
use crate::agent::values::{ATTACHED, Library, PACK};
use crate::agent::{self, expression, objects, small};
use crate::error::{Error, ErrorKind, Result};

/// How long a board may take for what it is sent, should the request itself have to be faster.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a board has been sent.
#[derive(Debug, Default)]
pub(super) struct Provided {
    /// Whether a small board has what it needs to read bytes and arrays.
    bytes: AtomicBool,
    /// Whether it can pack results; nothing until one is wanted.
    packs: OnceCell<bool>,
    /// Whether it has a counter of microseconds.
    clock: OnceCell<bool>,
    /// The same of reading attached arguments.
    reads_attached: OnceCell<bool>,
    /// Whether what it prints of floats is not always just those floats.
    rounds: AtomicBool,
}

impl Link {
    /// What the board prints of floats is not always just those floats: so they are packed wherever one may be.
    pub(crate) fn floats_are_rounded(&self) {
        self.shared.provided.rounds.store(true, Ordering::Relaxed);
    }

    /// Whether it is like that, and can pack them.
    pub(crate) fn packs_floats(&self) -> bool {
        self.shared.hello.flavour.packs() && self.shared.provided.rounds.load(Ordering::Relaxed)
    }

    /// Whether the board packs floats, because what it prints of them is not always just those; it is sent what it needs
    /// for that.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// As [`provide_bytes`](Self::provide_bytes).
    pub(crate) async fn provide_exact_floats(&self, deadline: Duration) -> Result<bool> {
        let provided = &self.shared.provided;
        Ok(self.packs_floats() && self.has(PACK, &provided.packs, deadline).await?)
    }

    /// Sends a board what it needs for this request, unless it has it, and gives the request as the agent is asked it.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// It is sent again the next time when the future is dropped.
    pub(super) async fn provide_for(&self, request: Request, deadline: Duration) -> Result<agent::Request> {
        let mut request = agent::Request::try_from(request)?;
        let provided = &self.shared.provided;
        let flavour = self.shared.hello.flavour;
        if expression::has_bytes(request.literals()) {
            self.provide_bytes(deadline).await?;
        }
        if let Some(result) = request.result_mut() {
            let wanted = match &**result {
                "" => false,
                // A result without its moment would be another one.
                "@" if self.provide_clock(deadline).await? => true,
                "@" => return Err(self.has_no_clock()),
                "E" => self.packs_floats(),
                _ => true,
            };
            // Whoever wants handles has brought what makes them.
            let makes_handles = objects::makes(result);
            let packed = makes_handles
                || wanted && flavour.packs() && self.has(PACK, &provided.packs, deadline).await?;
            if !packed {
                *result = "".into();
            }
        }
        if request.has_attached()
            && flavour.packs()
            && !self.has(ATTACHED, &provided.reads_attached, deadline).await?
        {
            request.write_all();
        }
        Ok(request)
    }

    /// Has the board able to say what its counter of microseconds is, alone and with results. Says whether it has one.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// As [`provide_bytes`](Self::provide_bytes).
    pub(crate) async fn provide_clock(&self, deadline: Duration) -> Result<bool> {
        let provided = &self.shared.provided;
        Ok(self.shared.hello.flavour.packs()
            && self.has(PACK, &provided.packs, deadline).await?
            && self.has(CLOCK, &provided.clock, deadline).await?)
    }

    fn has_no_clock(&self) -> Error {
        let Hello {
            implementation,
            platform,
            ..
        } = &self.shared.hello;
        ErrorKind::Unsupported {
            feature: "the moment of a result, for which the agent has to read a counter of microseconds,"
                .into(),
            firmware: format!("{implementation} on {platform}").into(),
        }
        .into()
    }

    /// Sends a small board what it needs to read bytes and arrays, unless it has it.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// It is sent again the next time when the future is dropped.
    pub(crate) async fn provide_bytes(&self, deadline: Duration) -> Result<()> {
        let has = &self.shared.provided.bytes;
        if self.shared.hello.flavour.lacks_bytes() && !has.load(Ordering::Relaxed) {
            let statements = Statements {
                namespace: "",
                source: small::BYTES,
                file: None,
            };
            // It has nothing to provide for itself.
            Box::pin(self.execute(statements, deadline.max(PATIENCE))).await?;
            has.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Has the board able to send the arguments of its questions, and to read answers to them: whether it packs floats,
    /// as it has to where it prints them rounded, and whether it reads what is apart from JSON.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// It is sent again the next time when the future is dropped.
    pub(crate) async fn provide_for_questions(&self, deadline: Duration) -> Result<(bool, bool)> {
        let provided = &self.shared.provided;
        let packs = self.packs_floats() && self.has(PACK, &provided.packs, deadline).await?;
        let attaches = self.has(ATTACHED, &provided.reads_attached, deadline).await?;
        Ok((packs, attaches))
    }

    /// Has the board able to pack whatever it packs besides objects, where it is.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// As [`provide_bytes`](Self::provide_bytes).
    pub(crate) async fn provide_packing(&self, deadline: Duration) -> Result<()> {
        self.has(PACK, &self.shared.provided.packs, deadline).await?;
        Ok(())
    }

    /// Whether the board has this, after it has been sent it.
    async fn has(&self, library: Library, known: &OnceCell<bool>, deadline: Duration) -> Result<bool> {
        if let Some(known) = known.get() {
            return Ok(*known);
        }
        let deadline = deadline.max(PATIENCE);
        let ask = |expression| self.ask(agent::Request::Evaluate(expression), false, deadline);
        let bring = async || {
            if self.shared.hello.attached {
                let there = ask(library.is_there()).await?;
                if there.payload == Payload::Repr(b"True".to_vec()) {
                    return Ok(true);
                }
            }
            match ask(library.bring()?).await {
                Ok(_) => Ok(true),
                // It lacks a module, or the memory.
                Err(error) if error.exception().is_some() => {
                    tracing::debug!(%error, ?library, "the board does without it");
                    Ok(false)
                }
                Err(error) => Err(error),
            }
        };
        // It is rare, and would make the future of every request large.
        Box::pin(known.get_or_try_init(bring)).await.copied()
    }
}
