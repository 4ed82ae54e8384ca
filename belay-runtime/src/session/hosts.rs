//! What bodies ask this program: the functions that answer.

use std::collections::HashMap;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use futures_util::FutureExt as _;

use crate::agent::{Question, asking};
use crate::boxed::BoxFuture;
use crate::exception::HostFailure;
use crate::host::{Host, HostFunctionError, Input, Words};
use crate::link::{Answerer, Said};
use crate::python::Arguments;
use crate::spec::DeviceSpec;

tokio::task_local! {
    /// What answers the board that waits for what is done here.
    static ANSWERING: usize;
}

/// What answers the board of a session.
#[derive(Debug)]
pub(super) struct Hosts {
    pub(super) input: Option<Input>,
    /// How long a host function may take that has no time-out of its own.
    patience: Duration,
    /// By the traits' namespaces.
    functions: RwLock<HashMap<&'static str, (&'static DeviceSpec, Host)>>,
    /// Whether the board reads what is apart from JSON.
    pub(super) attaches: OnceLock<bool>,
}

impl Hosts {
    pub(super) fn new(input: Option<Input>, patience: Duration) -> Self {
        Self {
            input,
            patience,
            functions: RwLock::default(),
            attaches: OnceLock::new(),
        }
    }

    pub(super) fn set(&self, device: &'static DeviceSpec, host: Host) {
        let mut functions = self.functions.write().unwrap_or_else(PoisonError::into_inner);
        functions.insert(device.namespace, (device, host));
    }

    fn find(&self, name: &str) -> Option<(Host, &'static str, Duration)> {
        let (namespace, function) = name.rsplit_once('.')?;
        let functions = self.functions.read().unwrap_or_else(PoisonError::into_inner);
        let (device, host) = functions.get(namespace)?;
        let spec = device.hosts.iter().find(|spec| spec.name == function)?;
        Some((host.clone(), spec.name, spec.timeout.unwrap_or(self.patience)))
    }

    /// Stands for these in a task.
    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whether this is done by a host function that a board waits for which these answer.
    pub(super) fn are_answering(&self) -> bool {
        ANSWERING.try_with(|hosts| *hosts == self.id()).unwrap_or(false)
    }

    fn say(&self, answer: Result<Arguments, HostFailure>) -> Said {
        let attaches = self.attaches.get().copied().unwrap_or(false);
        let said = answer.and_then(|value| {
            asking::value(&value, attaches).map_err(|error| HostFunctionError::Returned(error).into())
        });
        said.map_or_else(Said::failed, Said::plain)
    }

    async fn function(&self, name: &str, words: Words) -> Said {
        let Some((host, function, within)) = self.find(name) else {
            return Said::failed(HostFunctionError::Unknown.into());
        };
        let answering = AssertUnwindSafe(async { host.0.answer(function, words).await }).catch_unwind();
        let answer = match tokio::time::timeout(within, answering).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(panic)) => Err(HostFunctionError::Panicked(message_of(&*panic)).into()),
            Err(_) => Err(HostFunctionError::TimedOut { after: within }.into()),
        };
        self.say(answer)
    }

    /// A person may take as long as it likes.
    async fn input(&self, words: Words) -> Said {
        let answer = match (&self.input, words.read::<(String,)>()) {
            (None, _) => return Said::plain(asking::at_end("nobody answers `input`")),
            (_, Err(error)) => Err(error),
            (Some(input), Ok((prompt,))) => {
                let answering = AssertUnwindSafe(async { input.answer(prompt).await }).catch_unwind();
                match answering.await {
                    Ok(Ok(text)) => Ok(Arguments::new().with("text", &text)),
                    Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                        return Said::plain(asking::at_end(&error.to_string()));
                    }
                    Ok(Err(error)) => Err(HostFailure::new(error)),
                    Err(panic) => Err(HostFunctionError::Panicked(message_of(&*panic)).into()),
                }
            }
        };
        self.say(answer)
    }
}

/// What a panic says.
fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it does not say why".to_owned())
}

/// Answers for the sessions of which there is one.
pub(super) struct Answers(pub(super) Arc<Hosts>);

impl Answerer for Answers {
    fn answer(&self, question: Question) -> BoxFuture<'static, Said> {
        let hosts = Arc::clone(&self.0);
        let id = hosts.id();
        let waits = question.place == 0;
        let answering = async move {
            let words = Words::new(question.words, question.exact);
            if question.name == asking::INPUT {
                hosts.input(words).await
            } else {
                hosts.function(&question.name, words).await
            }
        };
        if waits {
            Box::pin(ANSWERING.scope(id, answering))
        } else {
            // A thread waits, and the board takes calls meanwhile.
            Box::pin(answering)
        }
    }
}
