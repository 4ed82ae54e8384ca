//! The resident agent, as `agent.py` has it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::session::Session;
use super::tasks::{Value, Yielded, attached, function_named, iterate, pack, repr_of_bytes};
use super::{Exception, Machine, Python, Raised, raised};

/// What the agent knows of its session.
#[derive(Debug)]
pub(super) struct Resident {
    pub(super) version: String,
    expected: u8,
    pub(super) kept: Vec<Kept>,
    /// How many characters are read at once.
    pub(super) block: i64,
    /// What came over the raw REPL for the line behind it.
    brought: Vec<u8>,
    /// The last ping, and what was thrown away since because it was no line.
    asked: String,
    odd: Vec<u8>,
    /// Whether a Ctrl-C has ended a call.
    stopped: bool,
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

/// The number in a part of a line.
pub(super) fn number_in(text: &[u8]) -> usize {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

/// What stands between the head of a line and its checksum.
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

    fn expected(&self) -> char {
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

    /// Keeps a frame of the last answer, and sends it.
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

    async fn fail(&mut self, number: u8, exception: &Exception, fate: u8) -> Python<()> {
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

    /// Does what a line asks that is intact and the next one.
    async fn serve(&mut self, line: &[u8], text: &[u8]) -> Python<()> {
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
                let function = self.function(&function.unwrap_or_default())?;
                *fate = 1;
                self.call_with_all(&function, words.collect()).await?
            }
            b'j' => {
                if !self.heap.reads_attached {
                    return Err(raised("KeyError", "J"));
                }
                let (wanted, alias, words) =
                    attached(text).ok_or_else(|| raised("ValueError", "syntax error in JSON"))?;
                result = wanted;
                let function = self.function(&alias)?;
                *fate = 1;
                self.call_with_all(&function, words).await?
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

    async fn serve_stream(&mut self, number: u8, kind: u8, text: &str) -> Python<()> {
        let mut words = text.splitn(3, ' ');
        let (Some(stream), Some(credit), Some(rest)) = (words.next(), words.next(), words.next()) else {
            return Err(raised("ValueError", "need more than 2 values to unpack"));
        };
        if kind == b's' {
            let value = self.evaluate(rest).await?;
            let items = iterate(value)?;
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
        match value {
            Value::Repr(text) if !result.is_empty() && pack(&text, result).is_some() => {
                let (code, data) = pack(&text, result).unwrap_or_default();
                if data.len() <= 40 {
                    let data = BASE64_STANDARD.encode(data);
                    return self
                        .say(format!("{}C{}{data}", char_of(number), char_of(code)))
                        .await;
                }
                let what = What::Packed(code, data);
                self.keep_last(what.clone())?;
                self.parts(number, &what, None).await
            }
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

    async fn refuse(&mut self) -> Python<()> {
        let text = format!("{}n", self.expected());
        self.send(&text).await
    }

    /// What is thrown away is told with the next pong, and what came is to be sent again.
    pub(super) async fn spoilt(&mut self, text: &[u8]) -> Python<()> {
        let odd = &mut self.agent()?.odd;
        odd.extend_from_slice(text);
        odd.truncate(64);
        self.refuse().await
    }

    /// The intact line behind what is damaged, if it is there; otherwise what is there is refused.
    pub(super) async fn mended(&mut self, mut line: Vec<u8>, size: i64) -> Python<Option<Vec<u8>>> {
        loop {
            while line.first().is_some_and(|first| *first <= b' ') {
                line.remove(0);
                if size > 0 {
                    line.extend(self.read(1).await?);
                }
            }
            if line.is_empty() {
                return Ok(None);
            }
            if self.heap.session.check(&line) == 0 {
                return Ok(Some(line));
            }
            let at = line.iter().position(|byte| *byte == b'~').map_or(0, |at| at + 1);
            let odd = &mut self.agent()?.odd;
            odd.extend_from_slice(if at == 0 { &line } else { &line[..at] });
            odd.truncate(64);
            if size <= 0 || at == 0 || at == line.len() {
                self.refuse().await?;
                return Ok(None);
            }
            let more = self.read(at).await?;
            line.drain(..at);
            line.extend(more);
        }
    }

    /// Does what a line asks that is not an intact next call; true if the agent is to leave.
    async fn other(&mut self, line: Vec<u8>, size: i64) -> Python<bool> {
        let Some(line) = self.mended(line, size).await? else {
            return Ok(false);
        };
        if line.len() < 4 {
            return Err(raised("IndexError", "index out of range"));
        }
        let (number, kind) = (line[1], line[2]);
        match kind {
            b'p' => self.answer_ping(&line).await?,
            b'q' => {
                self.heap.streams.clear();
                let text = format!("{}q", self.expected());
                self.send(&text).await?;
                return Ok(true);
            }
            b'R' => self.piecemeal(number, &text_of(body(&line))).await?,
            b'l' => self.take_long(&line, size).await?,
            _ if char_of(number) == self.expected() => self.serve(&line, body(&line)).await?,
            _ => {
                if !self.again(number, None).await? {
                    self.refuse().await?;
                }
            }
        }
        Ok(false)
    }

    pub(super) async fn answer_ping(&mut self, line: &[u8]) -> Python<()> {
        let token = text_of(body(line)).trim().to_owned();
        let expected = self.expected();
        let agent = self.agent()?;
        let odd = BASE64_STANDARD.encode(&agent.odd);
        let text = format!("{expected}o{token} {} {odd}", agent.asked);
        for _ in 0..=line[3].wrapping_sub(b'0').min(9) {
            self.send(&text).await?;
        }
        let agent = self.agent()?;
        agent.asked = token;
        agent.odd.clear();
        Ok(())
    }

    async fn take_long(&mut self, line: &[u8], size: i64) -> Python<()> {
        let number = line[1];
        let head = [b'#', line[1], line[4], line[3]];
        let rest = number_in(line.get(5..line.len().saturating_sub(8)).unwrap_or_default());
        let text = if size == 0 {
            self.tick().await?;
            std::mem::take(&mut self.agent()?.brought)
        } else {
            self.read(rest).await?
        };
        if self.heap.session.check(&text) != 0 || text.len() < 9 {
            self.agent()?.odd = b"?".to_vec();
            return self.refuse().await;
        }
        if char_of(number) == self.expected() {
            return self.serve(&head, &text[1..text.len() - 8]).await;
        }
        if !self.again(number, None).await? {
            self.refuse().await?;
        }
        Ok(())
    }

    async fn repair(&mut self) -> Python<()> {
        self.agent()?.odd = b"?".to_vec();
        let last = self.agent()?.kept.last();
        let silent = last.is_some_and(|kept| matches!(&kept.what, What::Frames(frames) if frames.is_empty()));
        match last.map(|kept| kept.number) {
            Some(number) if silent => self.fail(number, &Exception::new("MemoryError", ""), 1).await,
            _ => self.refuse().await,
        }
    }

    /// Reads lines until it is to leave.
    async fn serve_lines(&mut self, size: i64) -> Python<()> {
        let block = usize::try_from(size).unwrap_or(0);
        let (mut interrupted, mut lost, mut new) = (false, false, true);
        loop {
            match self
                .serve_until_raised(size, block, &mut interrupted, &mut lost, &mut new)
                .await
            {
                Ok(()) => return Ok(()),
                Err(raised) if raised.is("KeyboardInterrupt") => {
                    interrupted = true;
                    let agent = self.agent()?;
                    if !std::mem::take(&mut agent.stopped) {
                        agent.odd = b"?".to_vec();
                    }
                }
                Err(raised) if raised.is("UnicodeError") => lost = true,
                Err(raised) => return Err(raised),
            }
        }
    }

    async fn serve_until_raised(
        &mut self,
        size: i64,
        block: usize,
        interrupted: &mut bool,
        lost: &mut bool,
        new: &mut bool,
    ) -> Python<()> {
        if *new {
            self.hello().await?;
            *new = false;
        }
        if *lost {
            self.repair().await?;
            *lost = false;
        }
        loop {
            let line = if size < 0 && !*interrupted {
                self.readline().await?
            } else {
                let mut line = self.read(1).await?;
                if *interrupted && line[0] < b' ' {
                    return Ok(());
                }
                *interrupted = false;
                if line[0] <= b' ' {
                    continue;
                }
                line.extend(if size < 0 {
                    self.readline().await?
                } else {
                    self.read(block - 1).await?
                });
                line
            };
            self.tick().await?;
            let intact = self.heap.session.check(&line) == 0 && line.len() > 3;
            if intact && char_of(line[1]) == self.expected() && b"cw".contains(&line[2]) {
                self.serve(&line, body(&line)).await?;
            } else if self.other(line, size).await? {
                return Ok(());
            }
        }
    }

    async fn hello(&mut self) -> Python<()> {
        let text = format!(
            "-h190000 {} 200000 {} model",
            self.heap.boot, self.kind.implementation
        );
        self.send(&text).await
    }

    pub(super) async fn begin(&mut self, nonce: &str, seed: u32, size: i64) -> Python<()> {
        self.heap.session = Session {
            start: format!("\x02{nonce}"),
            seed,
            small: false,
        };
        let agent = self.agent()?;
        agent.expected = b'0';
        agent.kept.clear();
        "0".clone_into(&mut agent.asked);
        agent.odd.clear();
        self.heap.streams.clear();
        self.tick().await?;
        self.resume(size).await
    }

    pub(super) async fn resume(&mut self, size: i64) -> Python<()> {
        self.agent()?.block = size;
        if size == 0 {
            self.hello().await
        } else {
            self.serve_lines(size).await
        }
    }

    pub(super) async fn bring(&mut self, at: usize, size: usize, text: &[u8]) -> Python<()> {
        let agent = self.agent()?;
        if at == 0 {
            agent.brought = vec![0; size.min(1 << 20)];
        }
        if agent.brought.len() == size
            && let Some(place) = agent.brought.get_mut(at..at + text.len())
        {
            place.copy_from_slice(text);
        }
        self.send("-r").await
    }

    /// One line that came over the raw REPL.
    pub(super) async fn handle(&mut self, line: &[u8]) -> Python<()> {
        match self.other(line.to_vec(), 0).await {
            Ok(_) => Ok(()),
            Err(raised) if raised.is("KeyboardInterrupt") => Ok(()),
            Err(raised) if raised.is("UnicodeError") => self.repair().await,
            Err(raised) => Err(raised),
        }
    }
}
