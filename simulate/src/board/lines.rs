//! How the resident agent reads lines: which are intact, which is the next request, and how it reports the
//! others.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::resident::{What, body, char_of, number_in, text_of};
use super::session::Session;
use super::{Exception, Machine, Python, raised};

impl Machine {
    async fn refuse(&mut self) -> Python<()> {
        let text = format!("{}n", self.expected());
        self.send(&text).await
    }

    /// Handles damaged input: the next pong will report it, and the host is asked to send the line again.
    pub(super) async fn spoilt(&mut self, text: &[u8]) -> Python<()> {
        let odd = &mut self.agent()?.odd;
        odd.extend_from_slice(text);
        odd.truncate(64);
        self.refuse().await
    }

    /// Finds an intact line behind damaged bytes; if there is none, refuses the input.
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

    /// Handles a line that is not an intact next call; true if the agent is to leave. `came` is what was
    /// received for the line before it, where lines have no fixed size.
    async fn other(&mut self, line: Vec<u8>, size: i64, came: Vec<u8>) -> Python<bool> {
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
            b'l' => self.take_long(&line, size, came).await?,
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

    async fn take_long(&mut self, line: &[u8], size: i64, came: Vec<u8>) -> Python<()> {
        let number = line[1];
        let head = [b'#', line[1], line[4], line[3]];
        let rest = number_in(line.get(5..line.len().saturating_sub(8)).unwrap_or_default());
        let text = if size == 0 {
            self.tick().await?;
            came
        } else {
            self.read(rest).await?
        };
        if self.heap.session.check_body(&text) != 0 || text.len() < 9 {
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

    /// Serves requests until the agent is told to leave.
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
            } else if self.other(line, size, Vec::new()).await? {
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

    /// Handles one line that came over the raw REPL.
    pub(super) async fn handle(&mut self, line: &[u8]) -> Python<()> {
        let came = std::mem::take(&mut self.agent()?.brought);
        match self.other(line.to_vec(), 0, came).await {
            Ok(_) => Ok(()),
            Err(raised) if raised.is("KeyboardInterrupt") => Ok(()),
            Err(raised) if raised.is("UnicodeError") => self.repair().await,
            Err(raised) => Err(raised),
        }
    }
}
