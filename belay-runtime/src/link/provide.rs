//! The libraries that a board is sent when a request first needs them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::{Hello, Link, Payload, Request, Statements};
use crate::agent::clock::CLOCK;
use crate::agent::values::{ATTACHED, Library, PACK};
use crate::agent::{self, expression, objects, small};
use crate::error::{Error, ErrorKind, Result};

/// How long a board may take to load a library at least, should the request's own deadline be shorter.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which libraries a board has.
#[derive(Debug, Default)]
pub(super) struct Provided {
    /// Whether a small board has what it needs to read bytes and arrays.
    bytes: AtomicBool,
    /// Whether it can pack results; unset until that is first needed.
    packs: OnceCell<bool>,
    /// Whether it has a counter of microseconds.
    clock: OnceCell<bool>,
    /// Whether it can read attached arguments; unset until that is first needed.
    reads_attached: OnceCell<bool>,
    /// Whether it prints some floats rounded, so that they do not read back as the same values.
    rounds: AtomicBool,
}

impl Link {
    /// Records that the board prints some floats rounded: values that may contain floats are packed from now on.
    pub(crate) fn floats_are_rounded(&self) {
        self.shared.provided.rounds.store(true, Ordering::Relaxed);
    }

    /// Whether the board prints some floats rounded, and can pack them.
    pub(crate) fn packs_floats(&self) -> bool {
        self.shared.hello.flavour.packs() && self.shared.provided.rounds.load(Ordering::Relaxed)
    }

    /// Whether the board packs floats because it prints them rounded. Sends it the library for that first.
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

    /// Sends the board the libraries that this request needs and it lacks. Returns the request in the agent's terms.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the library is sent again the next time.
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
                // A result without the moment that was asked for would be another one: so there is no fallback.
                "@" if self.provide_clock(deadline).await? => true,
                "@" => return Err(self.has_no_clock()),
                "E" => self.packs_floats(),
                _ => true,
            };
            // A caller that wants handles has already sent the library that makes them.
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

    /// Enables the board to report its counter of microseconds, alone and with results. Returns whether it has one.
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

    /// What is told where the board has no counter of microseconds.
    pub(crate) fn has_no_clock(&self) -> Error {
        let Hello {
            implementation,
            platform,
            ..
        } = &self.shared.hello;
        ErrorKind::Unsupported {
            feature: "the time of a result, which takes a counter of microseconds on the board,".into(),
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
    /// When the future is dropped, the library is sent again the next time.
    pub(crate) async fn provide_bytes(&self, deadline: Duration) -> Result<()> {
        let has = &self.shared.provided.bytes;
        if self.shared.hello.flavour.lacks_bytes() && !has.load(Ordering::Relaxed) {
            let statements = Statements {
                namespace: "",
                source: small::BYTES,
                file: None,
            };
            // Boxed because it is recursive. This source needs no library, so the recursion ends here.
            Box::pin(self.execute(statements, deadline.max(PATIENCE))).await?;
            has.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Enables the board to send the arguments of its questions and to read the answers. Returns whether it packs
    /// floats, as it must where it prints them rounded, and whether it reads values that are attached apart from
    /// JSON.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the libraries are sent again the next time.
    pub(crate) async fn provide_for_questions(&self, deadline: Duration) -> Result<(bool, bool)> {
        let provided = &self.shared.provided;
        let packs = self.packs_floats() && self.has(PACK, &provided.packs, deadline).await?;
        let attaches = self.has(ATTACHED, &provided.reads_attached, deadline).await?;
        Ok((packs, attaches))
    }

    /// Enables the board to pack whatever it packs besides objects, if it can.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    ///
    /// # Cancel safety
    ///
    /// It is sent again the next time when the future is dropped.
    pub async fn provide_packing(&self, deadline: Duration) -> Result<()> {
        self.has(PACK, &self.shared.provided.packs, deadline).await?;
        Ok(())
    }

    /// Whether the board has this library. Unless that is known, sends it first.
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
                // The board lacks a module that the library needs, or the memory.
                Err(error) if error.exception().is_some() => {
                    tracing::debug!(%error, ?library, "the board does without it");
                    Ok(false)
                }
                Err(error) => Err(error),
            }
        };
        // Boxed because it is rarely needed, and would make the future of every request large.
        Box::pin(known.get_or_try_init(bring)).await.copied()
    }
}
