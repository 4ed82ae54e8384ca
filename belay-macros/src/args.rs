//! The options of `#[device]`, `#[task]`, `#[setup]`, `#[thread]`, `#[teardown]` and `#[host]`.

mod folder;

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, ExprUnary, Lit, LitStr, Path, Token, UnOp};

use crate::diag::{Errors, closest, list};
use crate::model::{DeviceOptions, Kind, MethodOptions, SourceFile, plain};

/// The implementations of Python that a body can be for, as in `sys.implementation.name`.
pub(crate) const IMPLEMENTATIONS: [&str; 2] = ["micropython", "circuitpython"];

/// How often a thread is started again if `auto_restart` has no number.
const AUTO_RESTARTS: u32 = 5;

/// The error for an option that other versions of belay have, but that no board supports.
const NO_PRIORITY: &str = "`priority` is not supported: no MicroPython board has thread priorities\n\
                           help: leave it out; a thread that should yield to others sleeps, as by `time.sleep_ms(1)`";

const ALL: &[&str] = &["task", "setup", "thread", "teardown"];

/// Defines an enum of the options, with their names, the attributes that accept them, and an example of each.
macro_rules! options {
    ($($option:ident = $name:literal of $owners:expr, as $example:literal;)*) => {
        #[derive(Clone, Copy, PartialEq, Eq)]
        enum Opt { $($option),* }

        impl Opt {
            const ALL: &[Self] = &[$(Self::$option),*];

            fn name(self) -> &'static str {
                match self { $(Self::$option => $name),* }
            }

            fn owners(self) -> &'static [&'static str] {
                match self { $(Self::$option => $owners),* }
            }

            fn example(self) -> &'static str {
                match self { $(Self::$option => $example),* }
            }
        }
    };
}

options! {
    Crate = "crate" of &["device"], as "crate = my_belay";
    Namespace = "namespace" of &["device"], as "namespace = \"thermometer\"";
    Globals = "globals" of &["device"], as "globals(display, wifi)";
    Modules = "modules" of &["device"], as "modules = \"board\"";
    Name = "name" of &["task", "thread"], as "name = \"blink\"";
    TimeoutMs = "timeout_ms" of &["task", "setup", "teardown", "host"], as "timeout_ms = 2_000";
    Cache = "cache" of &["task"], as "cache = false";
    Exclusive = "exclusive" of &["task"], as "exclusive = true";
    Idempotent = "idempotent" of &["task"], as "idempotent = true";
    Order = "order" of &["setup", "teardown"], as "order = 10";
    Critical = "critical" of &["setup", "teardown"], as "critical = false";
    Auto = "auto" of &["setup"], as "auto = false";
    IgnoreErrors = "ignore_errors" of &["setup", "teardown"], as "ignore_errors = true";
    MaxRuntimeMs = "max_runtime_ms" of &["thread"], as "max_runtime_ms = 60_000";
    AutoRestart = "auto_restart" of &["thread"], as "auto_restart = 5";
    Multiple = "multiple" of &["thread"], as "multiple = true";
    Stop = "stop" of &["thread"], as "stop = \"manual\"";
    Implementation = "implementation" of ALL, as "implementation = \"circuitpython\"";
    Minify = "minify" of ALL, as "minify = false";
    File = "file" of ALL, as "file = \"src/blink.py\"";
}

/// One option as it was written.
struct Argument {
    name: Ident,
    value: Value,
}

enum Value {
    /// Only the name.
    Flag,
    /// `name = …`
    Equals(Box<Expr>),
    /// `name(…)`
    List(TokenStream),
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if !input.peek(Ident::peek_any) {
            return Err(input.error("an option begins with its name, such as `timeout_ms = 2_000`"));
        }
        let name = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            if input.is_empty() || input.peek(Token![,]) {
                return Err(syn::Error::new(
                    name.span(),
                    format!("there is no value after `{name} =`"),
                ));
            }
            Value::Equals(Box::new(input.parse()?))
        } else if input.peek(syn::token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            Value::List(content.parse()?)
        } else {
            Value::Flag
        };
        Ok(Self { name, value })
    }
}

impl ToTokens for Argument {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.name.to_tokens(tokens);
        match &self.value {
            Value::Flag => {}
            Value::Equals(value) => value.to_tokens(tokens),
            Value::List(list) => list.to_tokens(tokens),
        }
    }
}

/// Parses the options between the parentheses of an attribute. Unknown, misplaced and repeated options are reported and
/// left out.
fn arguments(attribute: &str, tokens: TokenStream, errors: &mut Errors) -> Vec<(Opt, Argument)> {
    let parsed = Punctuated::<Argument, Token![,]>::parse_terminated.parse2(tokens);
    let parsed = parsed.unwrap_or_else(|error| {
        errors.push(error);
        Punctuated::new()
    });
    let mut known: Vec<(Opt, Argument)> = Vec::new();
    for argument in parsed {
        let name = plain(&argument.name);
        if known.iter().any(|(other, _)| other.name() == name) {
            errors.at(&argument.name, format!("`{name}` is given twice"));
            continue;
        }
        match option(attribute, &name) {
            Ok(option) => known.push((option, argument)),
            Err(message) => errors.at(&argument.name, message),
        }
    }
    known
}

/// The option of an attribute that has this name, or the error message if there is none.
fn option(attribute: &str, name: &str) -> Result<Opt, String> {
    if (attribute, name) == ("thread", "priority") {
        return Err(NO_PRIORITY.to_owned());
    }
    let all = Opt::ALL.iter().copied();
    let has = |option: &Opt| option.owners().contains(&attribute);
    if let Some(option) = all.clone().find(|option| option.name() == name) {
        if has(&option) {
            return Ok(option);
        }
        let owners: Vec<_> = option
            .owners()
            .iter()
            .map(|owner| format!("#[{owner}]"))
            .collect();
        let owners = list(owners.iter().map(String::as_str), "and");
        let mut message = format!("`{name}` is an option of {owners}, not of `#[{attribute}]`");
        if (attribute, name) == ("thread", "timeout_ms") {
            message += "; how long a thread may run is `max_runtime_ms`";
        }
        return Err(message);
    }
    let own = || all.clone().filter(has).map(Opt::name);
    Err(match closest(name, own()) {
        Some(meant) => format!("`#[{attribute}]` has no option `{name}`; did you mean `{meant}`?"),
        None => format!(
            "`#[{attribute}]` has no option `{name}`; it takes {}",
            list(own(), "and")
        ),
    })
}

/// Reports that an option has a value of the wrong kind.
fn wrong(argument: &Argument, what: &str, errors: &mut Errors) {
    let name = plain(&argument.name);
    let option = Opt::ALL.iter().find(|option| option.name() == name);
    let example = option.map_or("", |option| option.example());
    let message = format!("`{name}` is {what}, such as `{example}`");
    match &argument.value {
        Value::Equals(value) => errors.at(value, message),
        _ => errors.at(argument, message),
    }
}

impl Argument {
    fn literal(&self) -> Option<&Lit> {
        match &self.value {
            Value::Equals(value) => match &**value {
                Expr::Lit(ExprLit { lit, .. }) => Some(lit),
                _ => None,
            },
            _ => None,
        }
    }

    fn flag(&self, errors: &mut Errors) -> Option<bool> {
        match (&self.value, self.literal()) {
            (Value::Flag, _) => Some(true),
            (_, Some(Lit::Bool(value))) => Some(value.value),
            _ => {
                wrong(self, "`true` or `false`", errors);
                None
            }
        }
    }

    fn milliseconds(&self, errors: &mut Errors) -> Option<u64> {
        let value = match self.literal() {
            Some(Lit::Int(value)) => value.base10_parse().ok(),
            _ => None,
        };
        match value {
            Some(0) => wrong(self, "a time of at least one millisecond", errors),
            None => wrong(self, "a whole number of milliseconds", errors),
            Some(_) => {}
        }
        value.filter(|value| *value > 0)
    }

    fn order(&self, errors: &mut Errors) -> Option<i32> {
        let value = match &self.value {
            Value::Equals(value) => match &**value {
                Expr::Unary(ExprUnary {
                    op: UnOp::Neg(_),
                    expr,
                    ..
                }) => integer(expr).map(|value| -value),
                value => integer(value),
            },
            _ => None,
        };
        let value = value.and_then(|value| i32::try_from(value).ok());
        if value.is_none() {
            wrong(self, "a whole number", errors);
        }
        value
    }

    fn string(&self, errors: &mut Errors) -> Option<&LitStr> {
        if let Some(Lit::Str(value)) = self.literal() {
            return Some(value);
        }
        wrong(self, "a string", errors);
        None
    }

    /// A value that is a valid Python name.
    fn identifier(&self, errors: &mut Errors) -> Option<String> {
        let value = self.string(errors)?;
        let name = value.value();
        if is_identifier(&name) {
            return Some(name);
        }
        errors.at(
            value,
            format!("`{name}` is no name in Python: letters, digits and `_`, no digit first, no keyword"),
        );
        None
    }

    fn restarts(&self, errors: &mut Errors) -> Option<u32> {
        match (&self.value, self.literal()) {
            (Value::Flag, _) => Some(AUTO_RESTARTS),
            (_, Some(Lit::Bool(value))) => value.value.then_some(AUTO_RESTARTS),
            (_, Some(Lit::Int(value))) if value.base10_parse::<u32>().is_ok() => value.base10_parse().ok(),
            _ => {
                wrong(self, "how many times the thread is started again", errors);
                None
            }
        }
    }

    fn implementation(&self, errors: &mut Errors) -> Option<String> {
        let value = self.string(errors)?;
        implementation(&value.value(), value, errors)
    }

    /// The value of `file = "…"` or `file(micropython = "…", circuitpython = "…")`.
    fn files(&self, errors: &mut Errors) -> Vec<SourceFile> {
        let Value::List(tokens) = &self.value else {
            let path = self.string(errors).cloned();
            return path.map_or_else(Vec::new, |path| {
                vec![SourceFile {
                    implementation: None,
                    path,
                }]
            });
        };
        let parsed = Punctuated::<Argument, Token![,]>::parse_terminated.parse2(tokens.clone());
        let parsed = parsed.unwrap_or_else(|error| {
            errors.push(error);
            Punctuated::new()
        });
        let mut files = Vec::new();
        for argument in parsed {
            let name = plain(&argument.name);
            let implementation = implementation(&name, &argument.name, errors);
            match argument.literal() {
                Some(Lit::Str(path)) if implementation.is_some() => files.push(SourceFile {
                    implementation,
                    path: path.clone(),
                }),
                Some(Lit::Str(_)) => {}
                _ => errors.at(argument, format!("give a path: `{name} = \"src/blink.py\"`")),
            }
        }
        files
    }

    /// The value of `globals(a, b)`.
    fn names(&self, errors: &mut Errors) -> Vec<String> {
        let Value::List(tokens) = &self.value else {
            wrong(self, "a list of names", errors);
            return Vec::new();
        };
        let parsed = Punctuated::<Ident, Token![,]>::parse_terminated.parse2(tokens.clone());
        match parsed {
            Ok(names) => names.iter().map(plain).collect(),
            Err(error) => {
                errors.push(error);
                Vec::new()
            }
        }
    }

    fn path(&self, errors: &mut Errors) -> Option<Path> {
        match &self.value {
            Value::Equals(value) => match &**value {
                Expr::Path(path) if path.qself.is_none() => return Some(path.path.clone()),
                Expr::Lit(ExprLit {
                    lit: Lit::Str(path), ..
                }) if path.parse::<Path>().is_ok() => return path.parse().ok(),
                _ => wrong(self, "the path of the facade", errors),
            },
            _ => wrong(self, "the path of the facade", errors),
        }
        None
    }
}

fn integer(value: &Expr) -> Option<i64> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Int(value), ..
        }) => value.base10_parse().ok(),
        _ => None,
    }
}

/// Whether this is a valid Python name.
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    let first = letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    first
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !belay_syntax::is_keyword(name)
}

/// The name of an implementation of Python, if it is a known one.
pub(crate) fn implementation(name: &str, place: impl ToTokens, errors: &mut Errors) -> Option<String> {
    if IMPLEMENTATIONS.contains(&name) {
        return Some(name.to_owned());
    }
    errors.at(place, unknown_implementation(name));
    None
}

/// The error message for an unknown implementation of Python.
pub(crate) fn unknown_implementation(name: &str) -> String {
    match closest(name, IMPLEMENTATIONS) {
        Some(meant) => format!("there is no implementation `{name}`; did you mean `{meant}`?"),
        None => format!(
            "there is no implementation `{name}`; a body can be for {}",
            list(IMPLEMENTATIONS, "or")
        ),
    }
}

/// Parses the options of `#[device(…)]`.
pub(crate) fn device(tokens: TokenStream, default_namespace: String, errors: &mut Errors) -> DeviceOptions {
    let mut options = DeviceOptions {
        facade: syn::parse_quote!(::belay),
        namespace: default_namespace,
        globals: Vec::new(),
        modules: None,
    };
    for (option, argument) in arguments("device", tokens, errors) {
        match option {
            Opt::Crate => options.facade = argument.path(errors).unwrap_or(options.facade),
            Opt::Namespace => options.namespace = argument.identifier(errors).unwrap_or(options.namespace),
            Opt::Globals => options.globals = argument.names(errors),
            Opt::Modules => options.modules = argument.folder(errors),
            // The options of methods have been refused already.
            Opt::Name
            | Opt::TimeoutMs
            | Opt::Cache
            | Opt::Exclusive
            | Opt::Idempotent
            | Opt::Order
            | Opt::Critical
            | Opt::Auto
            | Opt::IgnoreErrors
            | Opt::MaxRuntimeMs
            | Opt::AutoRestart
            | Opt::Multiple
            | Opt::Stop
            | Opt::Implementation
            | Opt::Minify
            | Opt::File => {}
        }
    }
    options
}

/// Parses the options of `#[task(…)]` and the other attributes of methods.
pub(crate) fn method(kind: Kind, tokens: TokenStream, errors: &mut Errors) -> MethodOptions {
    let mut options = MethodOptions::default();
    let arguments = arguments(kind.attribute(), tokens, errors);
    for (option, argument) in &arguments {
        let errors = &mut *errors;
        match option {
            Opt::Name if kind == Kind::Task => options.name = argument.identifier(errors),
            Opt::Name => options.name = argument.string(errors).map(LitStr::value),
            Opt::TimeoutMs => options.timeout_ms = argument.milliseconds(errors),
            Opt::Cache => options.cache = argument.flag(errors),
            Opt::Exclusive => options.exclusive = argument.flag(errors),
            Opt::Idempotent => options.idempotent = argument.flag(errors),
            Opt::Order => options.order = argument.order(errors),
            Opt::Critical => options.critical = argument.flag(errors),
            Opt::Auto => options.auto = argument.flag(errors),
            Opt::IgnoreErrors => options.ignore_errors = argument.flag(errors),
            Opt::MaxRuntimeMs => options.max_runtime_ms = argument.milliseconds(errors),
            Opt::AutoRestart => options.auto_restart = argument.restarts(errors),
            Opt::Multiple => options.multiple = argument.flag(errors),
            Opt::Stop => match argument.string(errors).map(LitStr::value).as_deref() {
                Some("manual") => options.manual_stop = true,
                Some("auto") | None => {}
                Some(_) => wrong(argument, "`\"auto\"` or `\"manual\"`", errors),
            },
            Opt::Implementation => options.implementation = argument.implementation(errors),
            Opt::Minify => options.minify = argument.flag(errors),
            Opt::File => options.files = argument.files(errors),
            // The options of traits have been refused already.
            Opt::Crate | Opt::Namespace | Opt::Globals | Opt::Modules => {}
        }
    }
    contradictions(&options, &arguments, errors);
    options
}

/// Parses the option of `#[host(…)]`: the time limit in milliseconds.
pub(crate) fn host(tokens: TokenStream, errors: &mut Errors) -> Option<u64> {
    let arguments = arguments("host", tokens, errors);
    let (_, argument) = arguments.iter().find(|(option, _)| *option == Opt::TimeoutMs)?;
    argument.milliseconds(errors)
}

/// Reports options that exclude each other.
fn contradictions(options: &MethodOptions, arguments: &[(Opt, Argument)], errors: &mut Errors) {
    let find = |option: Opt| {
        let mut found = arguments.iter().filter(move |(other, _)| *other == option);
        found.next().map(|(_, argument)| argument)
    };
    if options.critical == Some(true) && options.ignore_errors == Some(true) {
        errors.at(
            find(Opt::IgnoreErrors),
            "`ignore_errors` contradicts `critical`: a failure is either told or only logged",
        );
    }
    if options.implementation.is_some() && options.files.iter().any(|file| file.implementation.is_some()) {
        errors.at(
            find(Opt::Implementation),
            "`implementation` contradicts `file(…)`, which names an implementation for each file",
        );
    }
}

/// The options between the parentheses of an attribute.
pub(crate) fn tokens_of(attr: &syn::Attribute, errors: &mut Errors) -> TokenStream {
    match &attr.meta {
        syn::Meta::Path(_) => TokenStream::new(),
        syn::Meta::List(list) => list.tokens.clone(),
        syn::Meta::NameValue(value) => {
            errors.at_span(
                value.eq_token.span(),
                "options go in parentheses: `#[task(timeout_ms = 2_000)]`",
            );
            TokenStream::new()
        }
    }
}
