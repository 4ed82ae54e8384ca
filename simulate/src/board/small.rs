//! The agent for small boards, as in `small.py`.

use super::session::Session;
use super::tasks::{Value, Yielded, iterate, repr_of_bytes};
use super::{Exception, Machine, Python, Raised, raised};

/// The agent's state in a session.
#[derive(Debug)]
pub(super) struct Small {
    pub(super) version: String,
    expected: u8,
    text: Vec<u8>,
    /// The number of the request that is being served.
    number: Option<u8>,
    asked: u8,
    kind: u8,
    key: String,
    credit: usize,
    many: usize,
    kept_number: u8,
    kept: Vec<String>,
    failed: bool,
    fate: u8,
    parts: String,
}

impl Small {
    pub(super) fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            expected: b'0',
            text: Vec::new(),
            number: None,
            asked: 0,
            kind: b'e',
            key: String::new(),
            credit: 0,
            many: 0,
            kept_number: 0,
            kept: Vec::new(),
            failed: false,
            fate: 0,
            parts: String::new(),
        }
    }
}

impl Small {
    /// Reads which stream is meant and how many items of it are requested. Returns the rest: the expression
    /// that makes it.
    fn take_stream<'a>(&mut self, body: &'a str) -> &'a str {
        let mut words = body.splitn(3, ' ');
        words.next().unwrap_or_default().clone_into(&mut self.key);
        self.credit = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        words.next().unwrap_or_default()
    }
}

/// The work that a line leaves for the prompt, to be done when the agent's own stack frames are gone.
pub(super) enum Begun {
    Nothing,
    /// An expression need not be evaluated.
    Plainly,
    Evaluate(String),
    Statements(String),
}

impl Machine {
    fn little(&mut self) -> Python<&mut Small> {
        self.heap
            .small
            .as_mut()
            .ok_or_else(|| raised("NameError", "_belay"))
    }

    pub(super) async fn small_begin(&mut self, nonce: &str, seed: u32) -> Python<()> {
        self.heap.session = Session {
            start: format!("\x02{nonce}"),
            seed: seed & 4_194_303,
            small: true,
        };
        let agent = self.little()?;
        agent.expected = b'0';
        agent.text.clear();
        agent.kept_number = 0;
        self.heap.streams.clear();
        let text = format!(
            "-h9000 {} 9000 {} model",
            self.heap.boot, self.kind.implementation
        );
        self.send(&text).await
    }

    /// Takes a part of a line; more parts follow.
    pub(super) async fn small_part(&mut self, part: &[u8]) -> Python<()> {
        self.little()?.text.extend(part);
        self.send("-r").await
    }

    pub(super) async fn small_line(&mut self, part: &[u8]) -> Python<Begun> {
        let agent = self.little()?;
        agent.number = None;
        agent.asked = 0;
        agent.text.extend(part);
        let whole = std::mem::take(&mut agent.text);
        self.tick().await?;
        if whole.len() < 13 {
            return Err(raised("IndexError", "index out of range"));
        }
        let agent = self.little()?;
        agent.asked = whole[1];
        let (said, sum) = whole.split_at(whole.len() - 8);
        let sum = String::from_utf8_lossy(&sum[..7]).into_owned();
        if format!("{:07x}", self.heap.session.check(said)) != sum {
            return self.small_refuse().await;
        }
        let body = String::from_utf8_lossy(&said[4..]).into_owned();
        self.small_other(whole[2], &body).await
    }

    async fn small_refuse(&mut self) -> Python<Begun> {
        let expected = char::from(self.little()?.expected);
        self.send(&format!("{expected}n")).await?;
        Ok(Begun::Nothing)
    }

    async fn small_other(&mut self, what: u8, body: &str) -> Python<Begun> {
        let agent = self.little()?;
        let asked = agent.asked;
        if what == b'p' {
            let text = format!("{}o{body}", char::from(agent.expected));
            self.send(&text).await?;
            return Ok(Begun::Nothing);
        }
        if asked == agent.kept_number {
            let mut kept = agent.kept.clone();
            if kept.is_empty() {
                let end = if agent.failed {
                    "e(0,1,'MemoryError','',None,None,'')"
                } else {
                    "g"
                };
                kept.push(format!("{}{end}", char::from(asked)));
            }
            for text in kept {
                self.send(&text).await?;
            }
            return Ok(Begun::Nothing);
        }
        if asked != agent.expected || what == b'R' {
            return self.small_refuse().await;
        }
        agent.take(asked);
        agent.kind = what;
        self.tick().await?;
        self.small_begun(body)
    }

    fn small_begun(&mut self, body: &str) -> Python<Begun> {
        let agent = self.little()?;
        agent.fate = u8::from(agent.kind != b'c');
        match agent.kind {
            b'T' | b't' => {
                if agent.kind == b'T' {
                    agent.parts.clear();
                }
                agent.parts.push_str(body);
                Ok(Begun::Plainly)
            }
            b'n' => {
                agent.take_stream(body);
                Ok(Begun::Plainly)
            }
            b'X' => Ok(Begun::Statements(std::mem::take(&mut agent.parts))),
            b'e' | b'c' => Ok(Begun::Evaluate(body.to_owned())),
            _ => Ok(Begun::Evaluate(agent.take_stream(body).to_owned())),
        }
    }

    /// Takes a whole line, or its last part, and handles exceptions as the raw REPL would.
    pub(super) async fn small_whole(&mut self, line: &[u8]) -> Python<()> {
        let done = self.small_attempt(line).await;
        match done {
            Err(Raised::Exception(exception)) => self.small_error(exception).await,
            done => done,
        }
    }

    async fn small_attempt(&mut self, line: &[u8]) -> Python<()> {
        let value = match self.small_line(line).await? {
            Begun::Nothing => return Err(raised("TypeError", "object not an iterator")),
            Begun::Plainly => Value::Repr(format!("'{}'", char::from(self.little()?.kind))),
            Begun::Statements(source) => {
                self.run_statement(&source).await?;
                Value::Repr("None".to_owned())
            }
            Begun::Evaluate(expression) => self.small_evaluate(&expression).await?,
        };
        self.small_value(value).await
    }

    async fn small_evaluate(&mut self, expression: &str) -> Python<Value> {
        let Some((alias, given)) = expression.split_once("(*G(") else {
            return self.evaluate(expression).await;
        };
        let Some(function) = self.heap.names.get(alias).cloned() else {
            return Err(raised("NameError", "name isn't defined"));
        };
        self.little()?.fate = 1;
        self.tick().await?;
        self.call_with(&function, given.trim_end_matches("))")).await
    }

    async fn small_value(&mut self, got: Value) -> Python<()> {
        self.tick().await?;
        let agent = self.little()?;
        let Some(number) = agent.number else { return Ok(()) };
        if b"ecTtX".contains(&agent.kind) {
            self.small_say(format!("{}v{}", char::from(number), got.repr()))
                .await?;
        } else {
            let (key, credit) = (agent.key.clone(), agent.credit);
            if agent.kind == b's' {
                let items = iterate(got)?;
                self.heap.streams.insert(key.clone(), items);
            }
            self.small_batch(number, &key, credit).await?;
        }
        self.little()?.number = None;
        Ok(())
    }

    async fn small_batch(&mut self, number: u8, key: &str, credit: usize) -> Python<()> {
        let mut end = 'p';
        let mut room = 256_i64;
        let number = char::from(number);
        if !self.heap.streams.contains_key(key) {
            return self.small_say(format!("{number}i0")).await;
        }
        while self.little()?.many < credit && room > 0 {
            let many = self.little()?.many;
            let text = match self.next_item(key).await? {
                None => {
                    self.heap.streams.remove(key);
                    end = 'd';
                    break;
                }
                Some(Yielded::Repr(text)) => text,
                Some(Yielded::Bytes(bytes, array)) => repr_of_bytes(&bytes, array),
                // It keeps none for the host.
                Some(Yielded::Thing(_)) => "<Thing object>".to_owned(),
            };
            let text = format!("{number}y{many}:{text}");
            room -= i64::try_from(text.len()).unwrap_or(0) + 40;
            self.small_say(text).await?;
            self.little()?.many += 1;
        }
        let many = self.little()?.many;
        self.small_say(format!("{number}{end}{many}")).await
    }

    async fn small_say(&mut self, text: String) -> Python<()> {
        self.little()?.kept.push(text.clone());
        self.send(&text).await
    }

    async fn small_error(&mut self, exception: Exception) -> Python<()> {
        self.tick().await?;
        let agent = self.little()?;
        let many = agent.many;
        if exception.name == "SystemExit" {
            return Err(Raised::Exception(exception));
        }
        let number = match agent.number {
            Some(number) => number,
            None if agent.asked != agent.expected || exception.name != "MemoryError" => return Ok(()),
            None => {
                let asked = agent.asked;
                agent.take(asked);
                asked
            }
        };
        agent.failed = true;
        if b"sn".contains(&agent.kind) {
            let key = agent.key.clone();
            self.heap.streams.remove(&key);
        }
        let number = char::from(number);
        if exception.name == "KeyboardInterrupt" {
            self.small_say(format!("{number}i{many}")).await?;
        } else {
            let agent = self.little()?;
            if agent.fate == 0 && exception.name == "NameError" {
                agent.fate = 2;
            }
            let fate = agent.fate;
            if b"Tt".contains(&agent.kind) {
                agent.parts.clear();
            }
            self.put(exception.traceback().as_bytes()).await?;
            let Exception {
                name,
                message,
                arguments,
            } = exception;
            let arguments = arguments.replace('\'', "\\'");
            let message = message.replace('\'', "\\'");
            self.small_say(format!(
                "{number}e({many}, {fate}, '{name}', '{message}', '{arguments}', None, None)"
            ))
            .await?;
        }
        self.little()?.number = None;
        Ok(())
    }
}

impl Small {
    fn take(&mut self, asked: u8) {
        self.number = Some(asked);
        self.kept_number = asked;
        self.kept.clear();
        self.many = 0;
        self.failed = false;
        self.fate = 0;
        self.expected = 48 + (asked.wrapping_sub(47) & 63);
    }
}
