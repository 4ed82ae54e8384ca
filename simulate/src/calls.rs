//! The calls, and the result that each has to give.

use std::time::Duration;

use belay_runtime::link::{Link, Payload, Request, Statements};
use belay_runtime::python::Arguments;
use belay_runtime::{Error, ErrorKind};
use futures_util::StreamExt as _;
use tokio::time::sleep;

use crate::board::{Yielded, data, item, numbers, pack};
use crate::choices::Choices;
use crate::host;

/// The functions that are called by the alias that the board has given them, in this order.
pub(crate) const DEPLOYED: [&str; 7] = ["add", "size", "spin", "say", "numbers", "things", "each"];

/// What a call makes the board do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Add(i64, i64),
    /// Sends a text, in a call of a deployed function or in an expression.
    Size(String, bool),
    Numbers(u32),
    Huge(u32),
    Data(u32),
    Array(u32),
    Fail(u32),
    /// Takes this many milliseconds.
    Spin(u32),
    /// The same, ignoring Ctrl-C.
    Deaf(u32),
    /// Never ends, and cleans up for this many milliseconds when it is interrupted.
    Tidy(u32),
    /// Swallows this many Ctrl-Cs.
    Stubborn(u32),
    /// Prints this many marks.
    Say(u32),
    /// Resets the board.
    Quit,
    /// Only counts that it ran.
    Statement,
    /// Yields this many items, with a pause of so many milliseconds between them.
    Items(u32, u32),
    /// Asks the host this many questions, each of which takes the host so many milliseconds.
    Ask(u32, u32),
    /// Yields the host's answers to this many questions.
    Asked(u32, u32),
    /// Sends this many events.
    Emit(u32),
}

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) id: u32,
    pub(crate) what: What,
    pub(crate) deadline: Duration,
    /// Whether its output is requested as well.
    pub(crate) printed: bool,
    /// When the call is dropped; of a stream, after how many items.
    pub(crate) cancel: Option<Duration>,
    pub(crate) items: Option<usize>,
    /// How long the consumer of a stream takes for an item.
    pub(crate) consumer: Duration,
}

/// The outcome of a call.
#[derive(Debug)]
pub(crate) enum Given {
    /// The right result, and the output if it was requested.
    Right(Option<Vec<u8>>),
    /// A wrong result.
    Wrong(String),
    /// An error instead of a result.
    Error(Error),
    /// The call was dropped before its end.
    Dropped,
}

impl Call {
    pub(crate) fn plain(id: u32, what: What, deadline: Duration) -> Self {
        Self {
            id,
            what,
            deadline,
            printed: false,
            cancel: None,
            items: None,
            consumer: Duration::ZERO,
        }
    }

    /// How long the board takes for it, if it is left undisturbed.
    pub(crate) fn takes(&self) -> Duration {
        let milliseconds = match self.what {
            What::Spin(n) | What::Deaf(n) => n,
            What::Tidy(n) => 30_000 + n,
            What::Stubborn(n) => 20_000 * n,
            What::Items(n, pause) => n * pause,
            // The host's time for answers does not count as the body's.
            What::Ask(n, _) | What::Asked(n, _) => 120 * n,
            _ => 0,
        };
        Duration::from_millis(u64::from(milliseconds))
    }

    /// How often its deadline may be extended: with each item, and with each part of a long answer. Over a
    /// bad line these come one by one, and in small pieces.
    pub(crate) fn signs_of_life(&self, clean: bool) -> u32 {
        match self.what {
            What::Data(n) | What::Array(n) => n / if clean { 1_536 } else { 9 } + 1,
            What::Numbers(n) => n / if clean { 384 } else { 2 } + 2,
            What::Huge(n) => n * 6 / if clean { 192 } else { 9 } + 1,
            What::Items(n, 0) if clean => n / 8 + 1,
            What::Items(n, _) | What::Asked(n, _) => n + 1,
            What::Statement => 2,
            _ => 0,
        }
    }

    /// How long the host takes to answer its questions.
    pub(crate) fn kept_waiting(&self) -> Duration {
        let milliseconds = match self.what {
            What::Ask(n, slow) | What::Asked(n, slow) => n * slow,
            _ => 0,
        };
        Duration::from_millis(u64::from(milliseconds))
    }

    /// Whether it cannot fail by itself: its deadline is long enough, it is not dropped, and it does not
    /// reset the board.
    pub(crate) fn is_patient(&self) -> bool {
        let longest = match self.what {
            What::Items(_, pause) => Duration::from_millis(u64::from(pause)),
            _ => self.takes(),
        };
        self.cancel.is_none()
            && longest * 2 + Duration::from_millis(300) < self.deadline
            && self.what != What::Quit
    }

    /// Whether it can keep the board busy for a while although it is being stopped.
    pub(crate) fn keeps_board(&self) -> bool {
        matches!(self.what, What::Deaf(_) | What::Stubborn(_) | What::Tidy(_))
    }

    /// Whether Ctrl-C does not end it.
    pub(crate) fn is_deaf(&self) -> bool {
        matches!(self.what, What::Deaf(_) | What::Stubborn(_))
    }

    fn request(&self) -> Request {
        let id = self.id;
        let deployed = |name: &str, arguments: Arguments| {
            let at = DEPLOYED.iter().position(|known| *known == name).unwrap_or(0);
            let function = format!("f{at}");
            Request::Call { function, arguments }
        };
        let begun = || Arguments::new().with("id", &id);
        let evaluate = |call: String| Request::Evaluate(format!("N('sim'){call}"));
        match &self.what {
            What::Add(a, b) => deployed("add", begun().with("a", a).with("b", b)),
            What::Size(text, true) => deployed("size", begun().with("text", text)),
            What::Spin(n) => deployed("spin", begun().with("n", n)),
            What::Say(n) => deployed("say", begun().with("n", n)),
            What::Numbers(n) => deployed("numbers", begun().with("n", n).returning::<Vec<u32>>()),
            What::Size(text, false) => evaluate(format!("['size']({id},'{text}')")),
            What::Huge(n) => evaluate(format!("['huge']({id},{n})")),
            What::Data(n) => evaluate(format!("['data']({id},{n})")),
            What::Array(n) => evaluate(format!("['array']({id},{n})")),
            What::Fail(n) => evaluate(format!("['fail']({id},{n})")),
            What::Deaf(n) => evaluate(format!("['deaf']({id},{n})")),
            What::Tidy(n) => evaluate(format!("['tidy']({id},{n})")),
            What::Stubborn(n) => evaluate(format!("['stubborn']({id},{n})")),
            What::Quit => evaluate(format!("['quit']({id})")),
            What::Ask(n, slow) => evaluate(format!("['ask']({id},{n},{slow})")),
            What::Asked(n, slow) => evaluate(format!("['asked']({id},{n},{slow})")),
            What::Emit(n) => evaluate(format!("['emit']({id},{n})")),
            What::Items(n, pause) => evaluate(format!("['items']({id},{n},{pause})")),
            // A statement is executed, never requested in this way.
            What::Statement => Request::Evaluate("None".to_owned()),
        }
    }

    fn expected(&self, small: bool) -> Payload {
        let repr = |text: String| Payload::Repr(text.into_bytes());
        match &self.what {
            What::Add(a, b) => repr((a + b).to_string()),
            What::Size(text, _) => repr(format!(
                "({}, '{}')",
                text.len(),
                &text[text.len().saturating_sub(3)..]
            )),
            What::Numbers(n) => {
                let numbers = numbers(self.id, *n);
                match pack(&numbers, "HI") {
                    Some((code, data)) if !small => Payload::Packed(code, data),
                    _ => repr(numbers),
                }
            }
            What::Huge(n) => repr(numbers(self.id, *n)),
            What::Data(n) | What::Array(n) => self.bytes(*n, small),
            What::Spin(n)
            | What::Deaf(n)
            | What::Tidy(n)
            | What::Stubborn(n)
            | What::Say(n)
            | What::Emit(n) => repr(n.to_string()),
            What::Ask(n, _) => {
                let sum: i64 = (0..*n).map(|nth| host::answer(self.id, nth)).sum();
                repr(sum.to_string())
            }
            What::Fail(_) | What::Quit | What::Statement | What::Items(..) | What::Asked(..) => {
                repr("None".to_owned())
            }
        }
    }

    fn bytes(&self, n: u32, small: bool) -> Payload {
        let bytes = data(self.id, n);
        let array = matches!(self.what, What::Array(_));
        match (small || bytes.len() <= 40, array) {
            (true, _) => Payload::Repr(crate::board::repr_of_bytes(&bytes, array).into_bytes()),
            (false, true) => Payload::ByteArray(bytes),
            (false, false) => Payload::Bytes(bytes),
        }
    }

    pub(crate) async fn make(&self, link: &Link, small: bool) -> Given {
        if let What::Items(count, _) | What::Asked(count, _) = self.what {
            return self.consume(link, count, small).await;
        }
        let asking = self.ask(link, small);
        match self.cancel {
            Some(after) => tokio::time::timeout(after, asking)
                .await
                .unwrap_or(Given::Dropped),
            None => asking.await,
        }
    }

    async fn ask(&self, link: &Link, small: bool) -> Given {
        if self.what == What::Statement {
            return self.execute(link).await;
        }
        let request = self.request();
        let (payload, printed) = if self.printed {
            match link.run(request, self.deadline).await {
                Ok(answer) => (Ok(answer.payload), Some(answer.printed)),
                Err(error) => (Err(error), None),
            }
        } else {
            (link.request(request, self.deadline).await, None)
        };
        match payload {
            Err(error) => self.judge_error(error),
            Ok(payload) if self.is_right(&payload, small) => Given::Right(printed),
            Ok(payload) => Given::Wrong(format!("{payload:?}")),
        }
    }

    fn is_right(&self, payload: &Payload, small: bool) -> bool {
        match self.what {
            What::Fail(_) | What::Quit => false,
            // A board that failed to load the packing code sends the `repr` instead.
            What::Numbers(n) if *payload == Payload::Repr(numbers(self.id, n).into_bytes()) => true,
            _ => *payload == self.expected(small),
        }
    }

    async fn execute(&self, link: &Link) -> Given {
        let source = format!("hit({})#{}", self.id, "x".repeat(150));
        let statements = Statements {
            namespace: "sim",
            source: &source,
            file: None,
        };
        match link.execute(statements, self.deadline).await {
            Ok(_) => Given::Right(None),
            Err(error) => self.judge_error(error),
        }
    }

    fn judge_error(&self, error: Error) -> Given {
        let Some(exception) = error.exception() else {
            return Given::Error(error);
        };
        match self.what {
            What::Fail(n) if exception.type_name == "ValueError" && exception.message == n.to_string() => {
                Given::Right(None)
            }
            _ => Given::Wrong(exception.to_string()),
        }
    }

    async fn consume(&self, link: &Link, count: u32, small: bool) -> Given {
        let mut stream = link.stream(self.request(), self.deadline);
        let mut seen = 0;
        loop {
            if self.items.is_some_and(|items| seen as usize >= items) {
                return Given::Dropped;
            }
            let next = stream.next();
            let next = match self.cancel {
                Some(after) => match tokio::time::timeout(after, next).await {
                    Ok(next) => next,
                    Err(_) => return Given::Dropped,
                },
                None => next.await,
            };
            match next {
                None if seen == count => return Given::Right(None),
                None => return Given::Wrong(format!("{seen} items instead of {count}")),
                Some(Ok(payload)) => {
                    let expected = match self.item(seen) {
                        Yielded::Repr(text) => Payload::Repr(text.into_bytes()),
                        Yielded::Bytes(bytes, array) if small || bytes.len() <= 40 => {
                            Payload::Repr(crate::board::repr_of_bytes(&bytes, array).into_bytes())
                        }
                        Yielded::Bytes(bytes, true) => Payload::ByteArray(bytes),
                        Yielded::Bytes(bytes, false) => Payload::Bytes(bytes),
                        // None of these calls gives any.
                        Yielded::Thing(_) => Payload::Repr(Vec::new()),
                    };
                    if payload != expected || seen >= count {
                        return Given::Wrong(format!("item {seen} is {payload:?}"));
                    }
                    seen += 1;
                    if !self.consumer.is_zero() {
                        sleep(self.consumer).await;
                    }
                }
                Some(Err(error)) => return self.judge_error(error),
            }
        }
    }

    fn item(&self, at: u32) -> Yielded {
        match self.what {
            What::Asked(..) => Yielded::Repr(host::answer(self.id, at).to_string()),
            _ => item(self.id, at),
        }
    }

    /// Replaces what was drawn by a call that asks the host questions, or one that sends events.
    pub(crate) fn draw_anew(&mut self, choices: &mut Choices, asks: bool) {
        let number = |choices: &mut Choices, limit| u32::try_from(choices.below(limit)).unwrap_or(0);
        let many = number(choices, 7);
        let slow = choices.pick(&[0, 0, 0, 5, 60, 400, 1_500]);
        self.what = match choices.below(3) {
            _ if !asks => What::Emit(number(choices, 12)),
            0 => What::Asked(many, slow),
            _ => What::Ask(many, slow),
        };
        self.items = None;
        self.consumer = Duration::ZERO;
    }

    /// Draws a call at random. `large` limits how many bytes it may send over the line.
    pub(crate) fn drawn(id: u32, choices: &mut Choices, large: u32) -> Self {
        let milliseconds = |choices: &mut Choices, from, to| Duration::from_millis(choices.between(from, to));
        let what = Self::draw_what(choices, large);
        let deadline = if choices.chance(150) {
            milliseconds(choices, 1, 400)
        } else {
            milliseconds(choices, 1_000, 3_000)
        };
        let mut call = Self::plain(id, what, deadline);
        call.printed = matches!(call.what, What::Say(_)) && choices.chance(700) || choices.chance(100);
        if choices.chance(120) {
            call.cancel = Some(milliseconds(choices, 0, 150));
        }
        if let What::Items(count, _) = call.what {
            if choices.chance(200) {
                call.items = Some(choices.index(count as usize + 1));
            }
            if choices.chance(200) {
                call.consumer = milliseconds(choices, 1, 30);
            }
        }
        call
    }

    fn draw_what(choices: &mut Choices, large: u32) -> What {
        let number = |choices: &mut Choices, limit: u32| {
            u32::try_from(choices.below(u64::from(limit.max(1)))).unwrap_or(0)
        };
        match choices.below(100) {
            0..22 => What::Add(i64::from(number(choices, 5_000)), i64::from(number(choices, 100))),
            22..28 => {
                let length = 1 + number(choices, 400.min(large));
                What::Size(
                    "abcdefgh"
                        .chars()
                        .cycle()
                        .skip(number(choices, 8) as usize)
                        .take(length as usize)
                        .collect(),
                    true,
                )
            }
            28..33 => {
                let length = 1 + number(choices, large);
                What::Size(
                    "ijklmnop"
                        .chars()
                        .cycle()
                        .skip(number(choices, 8) as usize)
                        .take(length as usize)
                        .collect(),
                    false,
                )
            }
            33..38 => What::Numbers(number(choices, large / 5)),
            38..40 => What::Huge(number(choices, large / 5)),
            40..44 => What::Data(number(choices, large * 2)),
            44..46 => What::Array(number(choices, large)),
            46..52 => What::Fail(number(choices, 100)),
            52..64 => What::Spin(number(choices, 400)),
            64..66 => What::Spin(number(choices, 6_000)),
            66..68 => What::Deaf(number(choices, 3_000)),
            68..71 => What::Tidy(number(choices, 600)),
            71..72 => What::Stubborn(1 + number(choices, 4)),
            72..82 => What::Say(number(choices, 12)),
            82..83 => What::Quit,
            83..87 => What::Statement,
            87..95 => What::Items(number(choices, 200.min(large)), 0),
            _ => What::Items(number(choices, 12), number(choices, 300)),
        }
    }
}

/// Whether an error of a call says that the call did not run.
pub(crate) fn says_not_run(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Disconnected(_))
}
