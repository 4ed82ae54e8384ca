//! Questions that bodies and threads ask the host, as in `asking.py`.

use std::time::Duration;

use tokio::time::Instant;

use super::resident::{body, char_of, number_in, text_of};
use super::{Machine, Python, raised};
use crate::host::{PLAIN, TWICE};

/// How long a question waits for its answer before it is sent again: the first time, and at most.
const FIRST: Duration = Duration::from_secs(1);
const LAST: Duration = Duration::from_secs(5);

/// A question: which call asks it, how many that call has asked before, and how long the host takes to
/// answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query {
    pub(crate) call: u32,
    pub(crate) nth: u32,
    pub(crate) slow: u32,
}

/// The state of the library for questions: who is asking, and the answers that have come.
#[derive(Debug, Default)]
pub(super) struct Asking {
    /// Whether the library has been set up for this session.
    pub(super) begun: bool,
    /// How many questions the body has asked, and how many all threads together.
    asked: u64,
    count: u64,
    /// The places of waiting threads; threads use them from the second one on.
    places: Vec<Place>,
    threads: Vec<Thread>,
}

#[derive(Debug, Default)]
struct Place {
    /// The number of the question that is waiting here, or 0.
    number: u64,
    answer: Option<String>,
}

/// A thread that waits for the host.
#[derive(Debug)]
struct Thread {
    call: u32,
    place: usize,
    question: String,
    wait: Duration,
    asks: Instant,
}

impl Query {
    /// The text of a question, which says how many items of the generator came before it.
    fn of(self, place: usize, number: u64, items: usize, function: &str) -> String {
        let Self { call, nth, slow } = self;
        format!("?{place} {number} {items} {function}:v({call}, {nth}, {slow})")
    }
}

impl Asking {
    fn begin(&mut self, place: usize) -> u64 {
        self.count += 1;
        if self.places.len() <= place {
            self.places.resize_with(place + 1, Place::default);
        }
        self.places[place] = Place {
            number: self.count,
            answer: None,
        };
        self.count
    }

    fn end(&mut self, place: usize) -> Option<String> {
        std::mem::take(&mut self.places[place]).answer
    }

    fn is_answered(&self, place: usize) -> bool {
        { self.places.get(place) }.is_some_and(|place| place.answer.is_some())
    }

    /// Takes an answer from the host, for which a thread may still be waiting.
    pub(super) fn told(&mut self, text: &str) {
        let mut words = text.splitn(3, ' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        let (place, number) = (number(), number());
        let place = place.and_then(|place| usize::try_from(place).ok());
        if let Some(place) = place.and_then(|place| self.places.get_mut(place))
            && number == Some(place.number)
        {
            place.answer = words.next().map(str::to_owned);
        }
    }

    /// Lets a thread ask its question.
    pub(super) fn begin_thread(&mut self, query: Query, now: Instant) {
        if !self.begun {
            return;
        }
        let free = self.places.iter().skip(1).position(|place| place.number == 0);
        let place = free.map_or(self.places.len().max(1), |at| at + 1);
        let number = self.begin(place);
        self.threads.push(Thread {
            call: query.call,
            place,
            question: query.of(place, number, 0, TWICE),
            wait: FIRST,
            asks: now,
        });
    }

    /// Ends the threads whose answers have come, and returns those answers; the others repeat their question
    /// when it is time.
    pub(super) fn attend(&mut self, now: Instant, mut ask: impl FnMut(&str)) -> Vec<(u32, String)> {
        let mut answers = Vec::new();
        for mut thread in std::mem::take(&mut self.threads) {
            if self.is_answered(thread.place) {
                let answer = self.end(thread.place).unwrap_or_default();
                answers.push((thread.call, answer));
                continue;
            }
            if thread.asks <= now {
                ask(&thread.question);
                thread.asks = now + thread.wait;
                thread.wait = (thread.wait * 2).min(LAST);
            }
            self.threads.push(thread);
        }
        answers
    }

    /// When the next thread repeats its question.
    pub(super) fn next(&self) -> Option<Instant> {
        self.threads.iter().map(|thread| thread.asks).min()
    }

    /// How many threads are still waiting.
    pub(super) fn waiting(&self) -> usize {
        self.threads.len()
    }
}

/// Decodes an answer as a body does.
fn understood(answer: &str) -> Python<i64> {
    let damaged = || raised("ValueError", "syntax error in JSON");
    let (kind, text) = answer.split_at_checked(1).ok_or_else(damaged)?;
    match kind {
        "j" => text.trim().parse().map_err(|_| damaged()),
        "x" => {
            let message = serde_json::from_str::<String>(text).map_err(|_| damaged())?;
            Err(raised("HostError", &message))
        }
        _ => Err(damaged()),
    }
}

impl Machine {
    /// Asks the host a question that may fail. The answer is the same number, as the result or as the error's
    /// message.
    pub(super) async fn ask_and_catch(&mut self, query: Query) -> Python<i64> {
        match self.ask(query, TWICE).await {
            Err(super::Raised::Exception(error)) if error.name == "HostError" => {
                { error.message.parse() }.map_err(|_| raised("ValueError", "invalid syntax for integer"))
            }
            answer => answer,
        }
    }

    /// Asks the host a question that does not fail.
    pub(super) async fn ask_plainly(&mut self, query: Query) -> Python<i64> {
        self.ask(query, PLAIN).await
    }

    async fn ask(&mut self, query: Query, function: &str) -> Python<i64> {
        self.tick().await?;
        if !self.heap.asking.begun {
            return Err(raised("NameError", "name 'twice' isn't defined"));
        }
        self.heap.asking.asked += 1;
        let number = self.heap.asking.asked;
        let items = self.said();
        let question = query.of(0, number, items, function);
        let answer = self.wait_for_answer(number, &question).await?;
        // Tells the host that the answer has come: from now on this body may not read for a long time.
        self.send("-!").await?;
        understood(&answer)
    }

    async fn wait_for_answer(&mut self, number: u64, question: &str) -> Python<String> {
        let caller = { self.agent()?.kept.last() }.map_or('-', |kept| char_of(kept.number));
        let question = format!("{caller}{question}");
        // The marker that the body's own answer carries before its kind.
        let mine = 48 + (number.to_le_bytes()[0] & 63);
        self.send(&question).await?;
        let mut wait = FIRST;
        loop {
            let until = Instant::now() + wait;
            let come = self.wait(Some(until), true, |board| (!board.ring.is_empty()).then_some(()));
            if come.await?.is_none() {
                self.send(&question).await?;
                wait = (wait * 2).min(LAST);
                continue;
            }
            match self.read_while_asking(mine, &question).await {
                Err(raised) if raised.is("UnicodeError") => self.spoilt(b"?").await?,
                Ok(None) => {}
                Ok(Some(answer)) => return Ok(answer),
                Err(raised) => return Err(raised),
            }
        }
    }

    /// Reads a line while the body waits, and returns its contents if it is the answer.
    async fn read_while_asking(&mut self, mine: u8, question: &str) -> Python<Option<String>> {
        let size = self.agent()?.block;
        let line = match usize::try_from(size) {
            Ok(block) => self.read(block).await?,
            Err(_) => self.readline().await?,
        };
        let Some(line) = self.mended(line, size).await? else {
            return Ok(None);
        };
        let (kind, whose) = (line[2], line[3]);
        let text = text_of(body(&line));
        match kind {
            b'p' => {
                self.answer_ping(&line).await?;
                self.send(question).await?;
            }
            b'R' => {
                let mine = question.as_bytes()[0] == line[1];
                let first = number_in(text.split_whitespace().next().unwrap_or_default().as_bytes());
                if !mine || first < self.said() {
                    self.piecemeal(line[1], text.trim()).await?;
                }
                if mine {
                    self.send(question).await?;
                }
            }
            b'h' => return Ok(self.told(whose, mine, text)),
            b'l' => {
                let rest = number_in(text.get(1..).unwrap_or_default().as_bytes());
                let long = self.read(rest).await?;
                if self.heap.session.check_body(&long) != 0 || long.len() < 9 {
                    self.spoilt(b"?").await?;
                    return Ok(None);
                }
                let long = &long[1..long.len() - 8];
                if text.starts_with('h') {
                    return Ok(self.told(whose, mine, text_of(long)));
                }
                self.spoilt(&long[..long.len().min(64)]).await?;
            }
            _ => self.spoilt(&line[..line.len().min(64)]).await?,
        }
        Ok(None)
    }

    /// Sorts an answer that has come: it is for the body, or for a thread.
    fn told(&mut self, whose: u8, mine: u8, text: String) -> Option<String> {
        if whose == mine {
            return Some(text);
        }
        if whose == b'-' {
            self.heap.asking.told(&text);
        }
        None
    }
}
