//! The resident agent, as in `resident.py`: its state, and how it answers a request.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::tasks::{Value, Yielded, attached, function_named, iterate, pack, repr_of_bytes};
use super::{Exception, Machine, Python, Raised, raised};

/// The agent's state in a session.
#[derive(Debug)]
pub(super) struct Resident {
    pub(super) version: String,
    pub(super) expected: u8,
    pub(super) kept: Vec<Kept>,
    /// How many characters it reads at once.
    pub(super) block: i64,
    /// What was sent over the raw REPL for the line that follows.
    pub(super) brought: Vec<u8>,
    /// The last ping, and what has been discarded since because it was no line.
    pub(super) asked: String,
    pub(super) odd: Vec<u8>,
    /// Whether a Ctrl-C has ended a call.
    pub(super) stopped: bool,
}

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) number: u8,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Frames(Vec<String>),
    Bytes(Vec<u8>, bool),
    Packed(u8, Vec<u8>),
    Parts(String),
}

impl Resident {
    pub(super) fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            expected: b'0',
            kept: Vec::new(),
            block: 0,
            brought: Vec::new(),
            asked: "0".to_owned(),
            odd: Vec::new(),
            stopped: false,
        }
    }
}

pub(super) fn char_of(byte: u8) -> char {
    char::from(byte)
}

/// The number in a field of a line.
pub(super) fn number_in(text: &[u8]) -> usize {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

/// The body of a line: between its head and its checksum.
pub(super) fn body(line: &[u8]) -> &[u8] {
    line.get(4..line.len().saturating_sub(8)).unwrap_or_default()
}

pub(super) fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Machine {
    pub(super) fn agent(&mut self) -> Python<&mut Resident> {
        self.heap
            .resident
            .as_mut()
            .ok_or_else(|| raised("NameError", "_belay"))
    }

    pub(super) fn expected(&self) -> char {
        self.heap
            .resident
            .as_ref()
            .map_or('0', |agent| char_of(agent.expected))
    }

    pub(super) async fn send(&mut self, text: &str) -> Python<()> {
        self.tick().await?;
        match self.heap.session.frame(text) {
            Some(frame) => self.put(&frame).await,
            None => Ok(()),
        }
    }

    /// Sends a frame of the current answer, and keeps it.
    async fn say(&mut self, text: String) -> Python<()> {
        if let Some(Kept {
            what: What::Frames(frames),
            ..
        }) = self.agent()?.kept.last_mut()
        {
            frames.push(text.clone());
        }
        self.send(&text).await
    }

    pub(super) fn said(&mut self) -> usize {
        match self.heap.resident.as_ref().and_then(|agent| agent.kept.last()) {
            Some(Kept {
                what: What::Frames(frames),
                ..
            }) => frames.len(),
            _ => 0,
        }
    }

    pub(super) async fn fail(&mut self, number: u8, exception: &Exception, fate: u8) -> Python<()> {
        let many = self.said();
        let number = char_of(number);
        if exception.name == "KeyboardInterrupt" {
            self.say(format!("{number}i{many}")).await?;
            self.agent()?.stopped = true;
            return Ok(());
        }
        let Exception {
            name,
            message,
            arguments,
        } = exception;
        let arguments = arguments.replace('\'', "\\'");
        let message = message.replace('\'', "\\'");
        let trace = "Traceback (most recent call last):\\n";
        self.say(format!(
            "{number}e({many}, {fate}, '{name}', '{message}', '{arguments}', None, '{trace}{name}: {message}\\n')"
        ))
        .await
    }

    async fn batch(&mut self, number: u8, stream: &str, credit: usize) -> Python<()> {
        let mut size = 0;
        let mut at = 0;
        let mut end = 'p';
        while at < credit && size < 2048 {
            let Some(item) = self.next_item(stream).await? else {
                end = 'd';
                self.heap.streams.remove(stream);
                break;
            };
            let number = char_of(number);
            let text = match item {
                Yielded::Bytes(bytes, array) if bytes.len() > 40 => {
                    let kind = if array { 'k' } else { 'z' };
                    format!("{number}{kind}{at}:{}", BASE64_STANDARD.encode(bytes))
                }
                Yielded::Bytes(bytes, array) => format!("{number}y{at}:{}", repr_of_bytes(&bytes, array)),
                Yielded::Repr(text) => format!("{number}y{at}:{text}"),
                Yielded::Thing(name) => {
                    let generator = self.heap.streams.get(stream);
                    let result = generator.map_or(String::new(), |generator| generator.result.clone());
                    let (code, data) = self.pack_objects(&result, &[name]).await?;
                    format!("{number}Y{at}:{}{}", char_of(code), BASE64_STANDARD.encode(data))
                }
            };
            size += text.len();
            self.say(text).await?;
            at += 1;
            if !self.ring.is_empty() {
                break;
            }
        }
        self.say(format!("{}{end}{at}", char_of(number))).await
    }

    /// Serves a line that is intact and is the next request.
    pub(super) async fn serve(&mut self, line: &[u8], text: &[u8]) -> Python<()> {
        let (number, kind, keep) = (line[1], line[2], usize::from(line[3].wrapping_sub(b'0')));
        self.tick().await?;
        let agent = self.agent()?;
        let gone = agent.kept.len().saturating_sub(keep);
        agent.kept.drain(..gone);
        agent.kept.push(Kept {
            number,
            what: What::Frames(Vec::new()),
        });
        agent.expected = 48 + (number.wrapping_sub(47) & 63);
        let text = text_of(text);
        let mut fate = 0;
        let done = self.perform(number, kind, &text, &mut fate).await;
        let Err(Raised::Exception(exception)) = done else {
            return done;
        };
        if exception.name == "SystemExit" {
            return Err(Raised::Exception(exception));
        }
        if fate == 0 && ["KeyError", "NameError"].contains(&exception.name) {
            fate = 2;
        }
        self.fail(number, &exception, fate).await?;
        if exception.name == "KeyboardInterrupt" {
            return Err(Raised::Exception(exception));
        }
        Ok(())
    }

    async fn perform(&mut self, number: u8, kind: u8, text: &str, fate: &mut u8) -> Python<()> {
        self.tick().await?;
        let mut result = String::new();
        let value = match kind {
            b'c' | b'w' => {
                let mut words = serde_json::from_str::<Vec<serde_json::Value>>(text)
                    .map_err(|_| raised("ValueError", "syntax error in JSON"))?
                    .into_iter();
                let mut word = || {
                    words
                        .next()
                        .ok_or_else(|| raised("IndexError", "pop from empty list"))
                };
                if kind == b'w' {
                    word()?.as_str().unwrap_or_default().clone_into(&mut result);
                }
                let function = function_named(word()?);
                self.call_named(&function.unwrap_or_default(), words.collect(), fate)
                    .await?
            }
            b'j' => {
                if !self.heap.reads_attached {
                    return Err(raised("KeyError", "J"));
                }
                let (wanted, alias, words) =
                    attached(text).ok_or_else(|| raised("ValueError", "syntax error in JSON"))?;
                result = wanted;
                self.call_named(&alias, words, fate).await?
            }
            b'a' => {
                let (alias, given) = text.trim_end().split_once(',').unwrap_or((text, ""));
                let function = self.function(alias)?;
                *fate = 1;
                self.call_with(&function, given).await?
            }
            b'm' => return Err(raised("MemoryError", "")),
            b'e' => {
                *fate = 1;
                self.evaluate(text).await?
            }
            b'x' => {
                self.heap.streams.remove(text.trim());
                Value::Repr("None".to_owned())
            }
            _ => {
                *fate = 1;
                return self.serve_stream(number, kind, text).await;
            }
        };
        self.respond(number, value, &result).await
    }

    async fn call_named(
        &mut self,
        alias: &str,
        words: Vec<serde_json::Value>,
        fate: &mut u8,
    ) -> Python<Value> {
        match alias {
            "O" => {
                *fate = 1;
                self.act(&words).await
            }
            "Y" => {
                *fate = 1;
                self.release(&words).await
            }
            _ => {
                let function = self.function(alias)?;
                *fate = 1;
                self.call_with_all(&function, words).await
            }
        }
    }

    async fn serve_stream(&mut self, number: u8, kind: u8, text: &str) -> Python<()> {
        let mut words = text.splitn(3, ' ');
        let (Some(stream), Some(credit), Some(rest)) = (words.next(), words.next(), words.next()) else {
            return Err(raised("ValueError", "need more than 2 values to unpack"));
        };
        if kind == b's' || kind == b'S' {
            let (result, rest) = match kind {
                b'S' => rest.split_once(' ').unwrap_or(("", rest)),
                _ => ("", rest),
            };
            let value = self.evaluate(rest).await?;
            let mut items = iterate(value)?;
            result.clone_into(&mut items.result);
            self.heap.streams.insert(stream.to_owned(), items);
        } else if !self.heap.streams.contains_key(stream) {
            return self.say(format!("{}i0", char_of(number))).await;
        }
        let credit = credit
            .parse()
            .map_err(|_| raised("ValueError", "invalid syntax"))?;
        let done = self.batch(number, stream, credit).await;
        if done.is_err() {
            self.heap.streams.remove(stream);
        }
        done
    }

    async fn respond(&mut self, number: u8, value: Value, result: &str) -> Python<()> {
        self.tick().await?;
        if !result.is_empty() && !self.heap.packs {
            return Err(raised("KeyError", "P"));
        }
        let packed = match &value {
            Value::Things(names) => Some(self.pack_objects(result, names).await?),
            Value::Repr(text) if !result.is_empty() => pack(text, result),
            _ => None,
        };
        if let Some((code, data)) = packed {
            if data.len() <= 40 {
                let data = BASE64_STANDARD.encode(data);
                return self
                    .say(format!("{}C{}{data}", char_of(number), char_of(code)))
                    .await;
            }
            let what = What::Packed(code, data);
            self.keep_last(what.clone())?;
            return self.parts(number, &what, None).await;
        }
        match value {
            Value::Bytes(bytes, array) if bytes.len() > 40 => {
                let what = What::Bytes(bytes, array);
                self.keep_last(what.clone())?;
                self.parts(number, &what, None).await
            }
            Value::Huge(text) => {
                let what = What::Parts(text);
                self.keep_last(what.clone())?;
                self.parts(number, &what, None).await
            }
            value => self.say(format!("{}v{}", char_of(number), value.repr())).await,
        }
    }

    fn keep_last(&mut self, what: What) -> Python<()> {
        if let Some(kept) = self.agent()?.kept.last_mut() {
            kept.what = what;
        }
        Ok(())
    }
}
