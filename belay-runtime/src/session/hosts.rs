//! Answers the board's questions, which are its requests to the host: calls of host functions and of `input`, and items
//! of streams.

use std::collections::HashMap;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;

use crate::agent::{Question, asking, feeds};
use crate::boxed::BoxFuture;
use crate::exception::HostFailure;
use crate::host::{Host, HostFunctionError, Input, Words};
use crate::link::{Answerer, Said};
use crate::python::{Arguments, Fed, Feed, ValueError};
use crate::spec::DeviceSpec;

/// How many bytes of items a body is sent at once: the board's free memory divided by this, within these limits.
const PART_OF_MEMORY: u64 = 16;
const LEAST_ROOM: u64 = 256;
const MOST_ROOM: u64 = 12_000;

tokio::task_local! {
    /// Identifies the [`Hosts`] for whose answer a board is waiting in this task.
    static ANSWERING: usize;
}

/// What answers the board's questions in a session.
#[derive(Debug)]
pub(super) struct Hosts {
    pub(super) input: Option<Input>,
    /// The time limit of host functions that have none of their own.
    patience: Duration,
    /// The host functions, by the namespaces of their traits.
    functions: RwLock<HashMap<&'static str, (&'static DeviceSpec, Host)>>,
    /// Whether the board accepts values that are attached to the JSON of a message.
    pub(super) attaches: OnceLock<bool>,
    /// The streams that bodies read, by their numbers.
    feeds: Mutex<HashMap<u64, Weak<dyn Feed>>>,
    /// How many bytes of a stream's items the board is sent at once.
    room: OnceLock<usize>,
}

impl Hosts {
    pub(super) fn new(input: Option<Input>, patience: Duration) -> Self {
        Self {
            input,
            patience,
            functions: RwLock::default(),
            attaches: OnceLock::new(),
            feeds: Mutex::default(),
            room: OnceLock::new(),
        }
    }

    /// Registers these streams, so that the board can ask for their items.
    pub(super) fn feed_from(&self, fed: &[Fed]) {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|_, feed| feed.strong_count() > 0);
        feeds.extend(
            fed.iter()
                .map(|fed| (fed.feed().number(), Arc::downgrade(fed.feed()))),
        );
    }

    /// Derives the size of a batch from the board's free memory, if that is known. It is set once, because the board is
    /// the same.
    pub(super) fn has_room(&self, free: Option<u64>) {
        let room = free.unwrap_or(u64::MAX) / PART_OF_MEMORY;
        let room = usize::try_from(room.clamp(LEAST_ROOM, MOST_ROOM));
        let _ = self.room.set(room.unwrap_or_default());
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

    /// Identifies this value in the task-local [`ANSWERING`].
    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whether the current task answers a question of this session for which the board is waiting.
    pub(super) fn are_answering(&self) -> bool {
        ANSWERING.try_with(|hosts| *hosts == self.id()).unwrap_or(false)
    }

    fn say(&self, answer: Result<Arguments, HostFailure>, text: AnswerText) -> Said {
        let attaches = self.attaches.get().copied().unwrap_or(false);
        let said = answer.and_then(|value| {
            text(&value, attaches).map_err(|error| HostFunctionError::Returned(error).into())
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
        self.say(answer, asking::value)
    }

    /// Answers with the next items of a stream. There is no time limit.
    async fn items(&self, words: Words) -> Said {
        let batch = match words.read::<(u64,)>().map(|(number,)| self.feed(number)) {
            Err(failure) => Err(failure),
            Ok(None) => Err(HostFunctionError::Over.into()),
            Ok(Some(feed)) => {
                let room = self.room.get().copied().unwrap_or_default();
                let batch = AssertUnwindSafe(async { feed.batch(room).await }).catch_unwind();
                match batch.await {
                    Ok(batch) => batch,
                    Err(panic) => Err(HostFunctionError::Panicked(message_of(&*panic)).into()),
                }
            }
        };
        self.say(batch, asking::values)
    }

    fn feed(&self, number: u64) -> Option<Arc<dyn Feed>> {
        let feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.get(&number).and_then(Weak::upgrade)
    }

    /// Answers `input`. There is no time limit, because a person may be answering.
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
        self.say(answer, asking::value)
    }
}

/// Formats an answer. The flag is whether the board accepts values that are attached to the JSON.
type AnswerText = fn(&Arguments, bool) -> Result<String, ValueError>;

/// The message of a panic.
fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it does not say why".to_owned())
}

/// Connects the link's questions with the session's answers.
pub(super) struct Answers(pub(super) Arc<Hosts>);

impl Answerer for Answers {
    fn answer(&self, question: Question) -> BoxFuture<'static, Said> {
        let hosts = Arc::clone(&self.0);
        let id = hosts.id();
        let waits = question.place == 0;
        let answering = async move {
            let words = Words::new(question.words, question.exact);
            match question.name.as_str() {
                asking::INPUT => hosts.input(words).await,
                feeds::NEXT => hosts.items(words).await,
                function => hosts.function(function, words).await,
            }
        };
        if waits {
            Box::pin(ANSWERING.scope(id, answering))
        } else {
            // A thread is waiting, and the board takes calls meanwhile. So the answering function may call the device.
            Box::pin(answering)
        }
    }
}
