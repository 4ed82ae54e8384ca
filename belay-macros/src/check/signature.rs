//! Checks for options and parameters that do not fit together.

use crate::diag::Errors;
use crate::model::{Kind, Method};

pub(super) fn check(method: &Method, errors: &mut Errors) {
    let name = &method.sig.ident;
    let feed = method.params.iter().find(|param| param.feed.is_some());
    match method.kind {
        Kind::Setup if method.options.auto == Some(true) && !method.params.is_empty() => errors.at(
            name,
            "a setup with parameters cannot run by itself, because nobody gives it arguments: remove `auto`",
        ),
        Kind::Teardown if !method.params.is_empty() => errors.at(
            name,
            "a teardown has no parameters: it runs when the device is closed, and nobody gives it arguments",
        ),
        Kind::Event if !method.params.is_empty() => errors.at(
            name,
            "an event has no parameters: what a body calls it with is the item of the stream",
        ),
        Kind::Setup | Kind::Thread if let Some(param) = feed => errors.at(
            &param.ty,
            format!(
                "a {} cannot be given a stream: it can begin again, and what it has read would be gone\n\
                 help: have a `#[task]` read it, or call a `#[host]` method for each item",
                method.kind.attribute()
            ),
        ),
        Kind::Task if feed.is_some() && method.options.idempotent == Some(true) => errors.at(
            name,
            "a task that is given a stream cannot be `idempotent`: what it has read would be gone when it is tried again",
        ),
        Kind::Task if method.stream.is_some() && method.options.idempotent == Some(true) => errors.at(
            name,
            "a stream cannot be `idempotent`: what it has given already would be given again",
        ),
        _ => {}
    }
}
