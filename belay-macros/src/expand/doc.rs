//! The documentation that is appended to what the author of a method wrote.

use quote::ToTokens;

use crate::model::{Kind, Method, MethodOptions};

/// A paragraph: the kind of the method, its time limit, and the other options that are set.
pub(super) fn of_method(method: &Method) -> String {
    let mut sentences = vec![kind(method)];
    sentences.extend(time(method));
    sentences.extend(method.params.iter().filter_map(|param| {
        let default = param.default.as_ref()?.to_token_stream().to_string();
        Some(format!("`None` for `{}` stands for `{default}`.", param.name))
    }));
    sentences.extend(others(&method.options).into_iter().map(str::to_owned));
    format!("\n\n{}", sentences.join(" "))
}

fn kind(method: &Method) -> String {
    let options = &method.options;
    let order = options
        .order
        .map_or_else(String::new, |order| format!(", in order {order}"));
    match method.kind {
        Kind::Event => {
            "**An event**: bodies on the board send it by calling its name. The stream has the events from this call on.".to_owned()
        }
        Kind::Task if method.stream.is_some() => {
            "**A task**: a generator on the board, whose items the stream gives.".to_owned()
        }
        Kind::Task => "**A task**: it runs on the board when it is called.".to_owned(),
        Kind::Setup if options.auto == Some(false) || !method.params.is_empty() => format!(
            "**A setup**: it runs on the board when it is called, and again when a connection is restored{order}."
        ),
        Kind::Setup => format!(
            "**A setup**: it runs on the board when the device is connected, and again when a connection is \
             restored{order}."
        ),
        Kind::Thread => {
            let name = options.name.as_ref();
            let name = name.map_or_else(String::new, |name| format!(", by the name `{name}`"));
            format!("**A thread**: it runs in the background on the board until it ends or is stopped{name}.")
        }
        Kind::Teardown => format!("**A teardown**: it runs on the board when the device is closed{order}."),
    }
}

fn time(method: &Method) -> Option<String> {
    let options = &method.options;
    match (method.kind, options.timeout_ms, options.max_runtime_ms) {
        (Kind::Thread, _, Some(ms)) => Some(format!("It is asked to stop after {ms} ms.")),
        (Kind::Thread | Kind::Event, ..) => None,
        (_, Some(ms), _) => Some(format!("It may take {ms} ms.")),
        (_, None, _) => Some("It may take as long as the device's time-out says.".to_owned()),
    }
}

/// Sentences about the options that differ from the defaults.
fn others(options: &MethodOptions) -> Vec<&'static str> {
    let said = [
        (
            options.cache == Some(false),
            "It is sent to the board for each call.",
        ),
        (
            options.exclusive == Some(true),
            "Nothing else runs on the device meanwhile.",
        ),
        (
            options.idempotent == Some(true),
            "It is called again when it is not known whether it ran.",
        ),
        (
            options.critical == Some(false),
            "A failure of it does not fail the connection.",
        ),
        (
            options.critical == Some(true),
            "A failure of it is told before others.",
        ),
        (
            options.ignore_errors == Some(true),
            "A failure of it is only logged.",
        ),
        (
            options.auto_restart.is_some(),
            "It is started again after it raised.",
        ),
        (options.multiple == Some(true), "Several of it may run at once."),
        (
            options.manual_stop,
            "It stops only where its body calls `__stop()`.",
        ),
    ];
    let said = said.into_iter().filter(|(so, _)| *so);
    said.map(|(_, sentence)| sentence).collect()
}
