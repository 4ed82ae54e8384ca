//! What calls do on the board: a few functions, and the expressions by which the host calls them.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::time::Instant;

use super::asking::Query;
use super::{Exception, Heap, Machine, Python, Raised, raised};
use crate::by_rote::{FUNCTIONS, OLD_FUNCTIONS};

/// The value of an expression.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Any value, by its `repr`.
    Repr(String),
    /// Bytes, or a `bytearray`.
    Bytes(Vec<u8>, bool),
    /// Like `Repr`, for a value whose `repr` is too large for one string.
    Huge(String),
    /// Something that can be iterated over.
    Items(Generator),
    /// Objects of these names.
    Things(Vec<u32>),
}

/// A generator with a given number of items.
#[derive(Debug, Clone)]
pub(super) struct Generator {
    call: u32,
    next: u32,
    count: u32,
    pause: Duration,
    /// If its items are answers of the host: how long the host takes for each.
    asks: Option<u32>,
    /// Whether its items are objects.
    things: bool,
    /// What they are packed as.
    pub(super) result: String,
}

/// An item of a generator: now and then it is bytes, or a `bytearray`.
pub(crate) enum Yielded {
    Repr(String),
    Bytes(Vec<u8>, bool),
    /// An object of this name.
    Thing(u32),
}

/// The item at this position of this call's generator.
pub(crate) fn item(call: u32, at: u32) -> Yielded {
    let data = || (0..60 + at % 90).map(|i| (i + at).to_le_bytes()[0]).collect();
    match at % 11 {
        5 => Yielded::Bytes(data(), false),
        8 => Yielded::Bytes(data(), true),
        _ => Yielded::Repr((u64::from(call) * 1_000_000 + u64::from(at)).to_string()),
    }
}

/// The result of `data(call, n)`.
pub(crate) fn data(call: u32, n: u32) -> Vec<u8> {
    (0..n).map(|i| (i + call).to_le_bytes()[0]).collect()
}

/// The result of `numbers(call, n)`.
pub(crate) fn numbers(call: u32, n: u32) -> String {
    let all: Vec<String> = (0..n).map(|i| (i + call).to_string()).collect();
    format!("[{}]", all.join(", "))
}

#[derive(Debug, Clone)]
pub(super) enum Argument {
    Number(i64),
    Text(String),
}

fn number_at(arguments: &[Argument], at: usize) -> i64 {
    match arguments.get(at) {
        Some(Argument::Number(number)) => *number,
        _ => 0,
    }
}

fn small_at(arguments: &[Argument], at: usize) -> u32 {
    u32::try_from(number_at(arguments, at)).unwrap_or(0)
}

/// The function's name, given as a name or as a number.
pub(super) fn function_named(word: serde_json::Value) -> Option<String> {
    match word {
        serde_json::Value::String(name) => Some(name),
        number => number.as_u64().map(|number| format!("f{number}")),
    }
}

/// Parses a call with attached arguments: the code for the result, the function, and the arguments.
pub(super) fn attached(text: &str) -> Option<(String, String, Vec<serde_json::Value>)> {
    use serde_json::Value as Json;
    let (length, rest) = text.split_at_checked(6)?;
    let (head, mut data) = rest.split_at_checked(length.parse().ok()?)?;
    let mut words = serde_json::from_str::<Vec<Json>>(head).ok()?.into_iter();
    let Some(Json::String(result)) = words.next() else {
        return None;
    };
    let function = function_named(words.next()?)?;
    let places = words.next()?;
    let mut words: Vec<Json> = words.collect();
    for place in places.as_array()? {
        let [at, how, length, _] = &place.as_array()?[..] else {
            return None;
        };
        let one;
        (one, data) = data.split_at_checked(usize::try_from(length.as_u64()?).ok()?)?;
        // The only things that are attached here are plain text and rows of ints.
        let at = usize::try_from(at.as_u64()?).ok()?;
        *words.get_mut(at)? = match how.as_str()? {
            "s" => Json::String(one.to_owned()),
            "LB" => row(one, 1)?,
            "LH" => row(one, 2)?,
            _ => return None,
        };
    }
    Some((result, function, words))
}

/// A row of ints of so many bytes each.
fn row(data: &str, size: usize) -> Option<serde_json::Value> {
    let bytes = BASE64_STANDARD.decode(data).ok()?;
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0_u32, |all, byte| all << 8 | u32::from(*byte))
    };
    Some(bytes.chunks(size).map(number).collect())
}

/// What a row of ints is packed as where one of these type codes holds them, and its bytes. Short ones are not.
pub(crate) fn pack(repr: &str, codes: &str) -> Option<(u8, Vec<u8>)> {
    let numbers: Vec<u32> = { repr.strip_prefix('[')?.strip_suffix(']')?.split(", ") }
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    let code = codes.bytes().find(|code| match code {
        b'H' => numbers.iter().all(|number| *number < 1 << 16),
        code => *code == b'I',
    })?;
    let bytes = |number: &u32| {
        number
            .to_le_bytes()
            .into_iter()
            .take(if code == b'H' { 2 } else { 4 })
    };
    (numbers.len() > 7).then(|| (code, numbers.iter().flat_map(bytes).collect()))
}

/// Splits the text between a call's parentheses into arguments.
fn arguments(text: &str) -> Option<Vec<Argument>> {
    let one = |word: &str| {
        let word = word.trim();
        if let Ok(number) = word.parse() {
            return Some(Argument::Number(number));
        }
        let word = word.strip_prefix("str(b").unwrap_or(word);
        let text = word.strip_prefix('\'')?.strip_suffix('\'')?;
        Some(Argument::Text(text.to_owned()))
    };
    let words = text.split(',').filter(|word| !word.is_empty());
    // The encoding with which bytes are decoded into text belongs to the argument before it.
    words.filter(|word| *word != "'utf8')").map(one).collect()
}

fn name_error(name: &str) -> Raised {
    raised("NameError", &format!("name {name} isn't defined"))
}

impl Machine {
    /// Evaluates an expression.
    pub(super) async fn evaluate(&mut self, expression: &str) -> Python<Value> {
        let expression = expression.trim();
        self.tick().await?;
        let none = || Value::Repr("None".to_owned());
        if let Some(rest) = expression.strip_prefix("D('") {
            return self.deploy(rest);
        }
        let Heap { events, objects, .. } = &mut self.heap;
        if let Some(given) = { events.evaluate(expression) }.or_else(|| objects.evaluate(expression)) {
            self.tell_objects();
            return Ok(Value::Repr(given));
        }
        if let Some(asking) = expression.strip_prefix("N('_asking')['") {
            return self.ask_library(asking).map(|()| none());
        }
        if let Some(rest) = expression.strip_prefix("K('") {
            self.heap.streams.remove(rest.trim_end_matches("')"));
            return Ok(none());
        }
        let heap = &mut self.heap;
        for (is_there, bring, library) in [
            ("'P' in globals()", "(X(str(b'_values','utf8'),", &mut heap.packs),
            (
                "'J' in globals()",
                "(X(str(b'_attached','utf8'),",
                &mut heap.reads_attached,
            ),
        ] {
            if expression == is_there {
                return Ok(Value::Repr(if *library { "True" } else { "False" }.to_owned()));
            }
            if expression.starts_with(bring) {
                *library = true;
                return Ok(none());
            }
        }
        // Boards that run Python need the libraries of these.
        let libraries = ["'_asking'", "'_events'", "'_objects'", "def twice("];
        if expression.starts_with("X(") && libraries.iter().any(|known| expression.contains(known)) {
            return Ok(none());
        }
        if expression.contains("['claim'](") {
            return Ok(Value::Repr("True".to_owned()));
        }
        if expression.starts_with("X(") {
            return self.run_statement(expression).await.map(|()| none());
        }
        if expression == "1+1" {
            return Ok(Value::Repr("2".to_owned()));
        }
        let call = expression
            .strip_prefix("N('sim')['")
            .and_then(|rest| rest.split_once("']("));
        let deployed = expression.split_once('(');
        let deployed = deployed.and_then(|(alias, given)| Some((self.heap.names.get(alias)?.clone(), given)));
        let call = call.map(|(name, given)| (name.to_owned(), given)).or(deployed);
        let Some((name, given)) = call else {
            return Err(name_error(expression));
        };
        let Some(arguments) = given.strip_suffix(')').and_then(arguments) else {
            return Err(raised("SyntaxError", "invalid syntax"));
        };
        self.do_call(&name, &arguments).await
    }

    /// Evaluates the host's calls to the library for questions.
    fn ask_library(&mut self, call: &str) -> Python<()> {
        let asking = &mut self.heap.asking;
        if let Some(answer) = call.strip_prefix("told'](") {
            let text = { answer.strip_prefix("b'") }.and_then(|text| text.strip_suffix("')"));
            asking.told(text.ok_or_else(|| name_error(call))?);
        } else if call.starts_with("begin'](") {
            asking.begun = true;
        } else if !call.starts_with("bind'](") {
            return Err(name_error(call));
        }
        Ok(())
    }

    fn deploy(&mut self, rest: &str) -> Python<Value> {
        let mut words = rest.split("','");
        let (Some(key), Some(_), Some(function)) = (words.next(), words.next(), words.next()) else {
            return Err(raised("TypeError", "function missing arguments"));
        };
        let function = function.trim_end_matches("')").to_owned();
        let heap = &mut self.heap;
        let next = format!("f{}", heap.aliases.len());
        let alias = heap.aliases.entry(key.to_owned()).or_insert(next).clone();
        heap.names.insert(alias.clone(), function);
        Ok(Value::Repr(format!("'{alias}'")))
    }

    /// Runs a statement: one that counts a call, or the one that defines the functions on a board that runs
    /// real Python.
    pub(super) async fn run_statement(&mut self, statement: &str) -> Python<()> {
        self.tick().await?;
        if statement == FUNCTIONS || statement == OLD_FUNCTIONS {
            return Ok(());
        }
        let number = statement
            .split_once("hit(")
            .and_then(|(_, rest)| rest.split(')').next());
        let Some(call) = number.and_then(|number| number.parse().ok()) else {
            return Err(raised("SyntaxError", "invalid syntax"));
        };
        self.hit(call);
        self.witness.facts().ended.insert(call, Instant::now());
        Ok(())
    }

    /// The name of the function with this alias.
    pub(super) fn function(&self, alias: &str) -> Python<String> {
        self.heap
            .names
            .get(alias)
            .cloned()
            .ok_or_else(|| raised("KeyError", alias))
    }

    /// Calls a function with the arguments between its parentheses.
    pub(super) async fn call_with(&mut self, name: &str, given: &str) -> Python<Value> {
        match arguments(given) {
            Some(arguments) => self.do_call(name, &arguments).await,
            None => Err(raised("SyntaxError", "invalid syntax")),
        }
    }

    /// Calls a function with the arguments in a list of JSON.
    pub(super) async fn call_with_all(&mut self, name: &str, given: Vec<serde_json::Value>) -> Python<Value> {
        let argument = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => Some(Argument::Text(text)),
            value => value.as_i64().map(Argument::Number),
        };
        match given.into_iter().map(argument).collect::<Option<Vec<_>>>() {
            Some(arguments) => self.do_call(name, &arguments).await,
            None => Err(raised("TypeError", "")),
        }
    }

    pub(super) fn hit(&mut self, call: u32) {
        let mut facts = self.witness.facts();
        *facts.ran.entry(call).or_default() += 1;
        facts.begun.insert(call, Instant::now());
        drop(facts);
        self.line.note(&format_args!("call {call} begins"));
    }

    async fn do_call(&mut self, name: &str, arguments: &[Argument]) -> Python<Value> {
        let (call, n) = (small_at(arguments, 0), small_at(arguments, 1));
        self.hit(call);
        let given = self.run_function(name, call, n, arguments).await;
        self.witness.facts().ended.insert(call, Instant::now());
        let given = given?;
        self.tick().await?;
        Ok(given)
    }

    async fn run_function(&mut self, name: &str, call: u32, n: u32, arguments: &[Argument]) -> Python<Value> {
        let number = |at: usize| number_at(arguments, at);
        let time = Duration::from_millis(u64::from(n));
        Ok(match name {
            "add" => Value::Repr((number(1) + number(2)).to_string()),
            "numbers" => Value::Repr(numbers(call, n)),
            "huge" => Value::Huge(numbers(call, n)),
            "data" => Value::Bytes(data(call, n), false),
            "array" => Value::Bytes(data(call, n), true),
            "size" => match arguments.get(1) {
                Some(Argument::Text(text)) => {
                    let last = &text[text.len().saturating_sub(3)..];
                    Value::Repr(format!("({}, '{last}')", text.len()))
                }
                _ => return Err(raised("TypeError", "a text is needed")),
            },
            "fail" => {
                return Err(Raised::Exception(Exception {
                    name: "ValueError",
                    message: n.to_string(),
                    arguments: format!("({n},)"),
                }));
            }
            "items" => Value::Items(Generator {
                call,
                next: 0,
                count: n,
                pause: Duration::from_millis(u64::from(small_at(arguments, 2))),
                asks: None,
                things: false,
                result: String::new(),
            }),
            "each" => Value::Items(Generator {
                call,
                next: 0,
                count: n,
                pause: Duration::ZERO,
                asks: None,
                things: true,
                result: String::new(),
            }),
            "things" => Value::Things((call * 1_000..).take(n as usize).collect()),
            "asked" => Value::Items(Generator {
                call,
                next: 0,
                count: n,
                pause: Duration::ZERO,
                asks: Some(small_at(arguments, 2)),
                things: false,
                result: String::new(),
            }),
            "ask" => {
                let mut total = 0;
                for nth in 0..n {
                    let slow = small_at(arguments, 2);
                    total += self.ask_and_catch(Query { call, nth, slow }).await?;
                }
                Value::Repr(total.to_string())
            }
            "emit" => {
                for at in 0..n {
                    self.tell_event(0, call * 1_000 + at).await?;
                    self.tick().await?;
                }
                Value::Repr(n.to_string())
            }
            "spin" => {
                self.pause(time, true).await?;
                Value::Repr(n.to_string())
            }
            "deaf" => {
                self.pause(time, false).await?;
                Value::Repr(n.to_string())
            }
            "tidy" => {
                let slept = self.pause(Duration::from_secs(30), true).await;
                if matches!(slept, Err(Raised::Exception(_))) {
                    self.pause(time, true).await?;
                }
                slept?;
                Value::Repr(n.to_string())
            }
            "stubborn" => self.be_stubborn(n).await?,
            "say" => {
                for at in 0..n {
                    self.put(format!("<{call}:{at}>\r\n").as_bytes()).await?;
                    self.tick().await?;
                }
                Value::Repr(n.to_string())
            }
            "quit" => return Err(raised("SystemExit", "")),
            _ => return Err(raised("KeyError", name)),
        })
    }

    /// Swallows `n` interrupts.
    async fn be_stubborn(&mut self, n: u32) -> Python<Value> {
        for _ in 0..n {
            match self.pause(Duration::from_secs(20), true).await {
                Err(Raised::Power) => return Err(Raised::Power),
                Ok(()) | Err(Raised::Exception(_)) => {}
            }
        }
        Ok(Value::Repr(n.to_string()))
    }

    /// The next item of a stream; `None` at its end.
    pub(super) async fn next_item(&mut self, stream: &str) -> Python<Option<Yielded>> {
        let Some(generator) = self.heap.streams.get(stream).cloned() else {
            return Err(raised("KeyError", stream));
        };
        self.tick().await?;
        if generator.next >= generator.count {
            return Ok(None);
        }
        if !generator.pause.is_zero() {
            self.pause(generator.pause, true).await?;
        }
        let Generator { call, next: nth, .. } = generator;
        let item = match generator.asks {
            Some(slow) => {
                let answer = self.ask_plainly(Query { call, nth, slow }).await?;
                Yielded::Repr(answer.to_string())
            }
            None if generator.things => Yielded::Thing(call * 1_000 + nth),
            None => item(call, nth),
        };
        if let Some(generator) = self.heap.streams.get_mut(stream) {
            generator.next += 1;
        }
        Ok(Some(item))
    }
}

/// `iter(value)`.
pub(super) fn iterate(value: Value) -> Python<Generator> {
    match value {
        Value::Items(generator) => Ok(generator),
        _ => Err(raised("TypeError", "object isn't iterable")),
    }
}

impl Value {
    /// `repr(value)`.
    pub(super) fn repr(&self) -> String {
        match self {
            Self::Repr(text) | Self::Huge(text) => text.clone(),
            Self::Bytes(bytes, array) => repr_of_bytes(bytes, *array),
            Self::Items(_) | Self::Things(_) => "<generator object>".to_owned(),
        }
    }
}

/// The literal that Python prints for bytes.
pub(crate) fn repr_of_bytes(data: &[u8], array: bool) -> String {
    let quote = if data.contains(&b'\'') && !data.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    let mut text = String::from("b");
    text.push(quote);
    for byte in data {
        match byte {
            b'\\' => text.push_str("\\\\"),
            byte if char::from(*byte) == quote => text.extend(['\\', quote]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.extend(format!("\\x{byte:02x}").chars()),
        }
    }
    text.push(quote);
    if array { format!("bytearray({text})") } else { text }
}
