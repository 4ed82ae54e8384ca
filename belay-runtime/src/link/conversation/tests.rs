//! What a conversation sends and reports, with the test as the board, the port and the clock.

use super::*;
use crate::agent::source::Secrets;
use crate::agent::{Number, Pong, Question, Reply, Request};
use crate::error::ErrorKind;
use crate::link::Answer;
use crate::link::asked::{Said, Told};
use crate::link::line::ToWrite;
use crate::link::output::{OutputHub, OutputSender};
use crate::protocol::checksum;

const LONG: Duration = Duration::from_secs(60);

struct Bench {
    conversation: Conversation,
    now: Instant,
    secrets: Secrets,
    written: Vec<u8>,
    requests: u64,
}

impl Bench {
    fn new(flavour: Flavour) -> Self {
        let now = Instant::now();
        let options = LinkOptions::default();
        let secrets = Secrets::new();
        let output = OutputSender::new(OutputHub::new(&options));
        let line = Line::new(true, flavour, secrets, output, now);
        let hello = Hello {
            call_path: flavour.into(),
            boot: secrets.boot,
            attached: false,
            flavour,
            implementation: "micropython".to_owned(),
            platform: "rp2".to_owned(),
            free_memory: None,
        };
        let (events, ending) = ((EventSender::new(), Arc::default()), Arc::default());
        let host = (Arc::default(), mpsc::unbounded_channel().0.downgrade());
        let conversation = Conversation::new(line, &hello, secrets.seed, options, events, ending, host, now);
        Self {
            conversation,
            now,
            secrets,
            written: Vec::new(),
            requests: 0,
        }
    }

    /// Makes a request. Returns its id, which cancels it, and where its answer will arrive.
    fn ask(&mut self, expression: &str, printed: bool) -> (u64, oneshot::Receiver<Result<Answer>>) {
        self.requests += 1;
        let (reply, answer) = oneshot::channel();
        let command = Command::Request {
            id: self.requests,
            request: Request::Evaluate(expression.to_owned()),
            printed,
            deadline: LONG,
            reply,
        };
        self.tell(command);
        (self.requests, answer)
    }

    fn tell(&mut self, command: Command) {
        let told = self.conversation.on_command(self.now, command);
        assert!(told.is_ok(), "{told:?}");
        self.write();
    }

    /// The port takes what is to be written.
    fn write(&mut self) {
        let line = self.conversation.line();
        while let ToWrite::Bytes(bytes) = line.next_write(self.now) {
            let count = bytes.len();
            self.written.extend_from_slice(bytes);
            line.wrote(self.now, count);
        }
    }

    fn take_written(&mut self) -> String {
        let written = std::mem::take(&mut self.written);
        String::from_utf8(written).expect("ASCII")
    }

    fn hear(&mut self, bytes: &[u8]) {
        let heard = self.conversation.on_bytes(self.now, bytes);
        assert!(heard.is_ok(), "{heard:?}");
        self.write();
    }

    fn reply(&mut self, number: char, reply: &Reply) {
        let (kind, payload) = reply.encode();
        let text = format!(
            "{number}{}{}",
            char::from(kind.byte()),
            String::from_utf8_lossy(&payload)
        );
        let nonce = String::from_utf8_lossy(&self.secrets.nonce).into_owned();
        let check = checksum(text.as_bytes(), self.secrets.seed);
        self.hear(format!("\x02{nonce}{text}{check:08x}\x03").as_bytes());
    }

    /// Answers the last ping of these: the board expects this number next, and has discarded these bytes.
    fn pong(&mut self, asked: &str, expects: char, odd: &str) {
        self.pong_behind(token(asked).saturating_sub(1), asked, expects, odd);
    }

    /// The same from a board that received the ping with this token before, and none in between.
    fn pong_behind(&mut self, before: u32, asked: &str, expects: char, odd: &str) {
        let pong = Pong {
            token: token(asked),
            before,
            odd: odd.as_bytes().to_vec(),
        };
        self.reply(expects, &Reply::Pong(pong));
    }

    /// Lets this much time pass.
    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.conversation.next_instant().filter(|at| *at <= until) {
            self.now = at.max(self.now);
            if self.conversation.asks_what_is_unsent() {
                self.conversation.on_unsent(self.now, 0);
            }
            self.conversation.on_instant(self.now);
            self.write();
        }
        self.now = until;
    }
}

/// The token of the last ping of these.
fn token(asked: &str) -> u32 {
    let (_, asked) = asked.rsplit_once('p').expect("a ping");
    let digits = asked.find(|c: char| !c.is_ascii_digit()).expect("its end");
    // The digit before it says how often the ping is to be answered.
    asked[1..digits].parse().expect("a token")
}

fn number(at: u8) -> char {
    let numbers = std::iter::successors(Some(Number::default()), |number| Some(number.next()));
    char::from({ numbers }.nth(usize::from(at)).expect("a number").char())
}

#[test]
fn what_a_request_prints_is_its_own_where_it_has_to_be_sent_again_behind_a_dropped_one() {
    let mut bench = Bench::new(Flavour::Resident);
    let (dropped, _) = bench.ask("a()", false);
    let (_, mut answer) = bench.ask("b()", true);
    assert!(bench.take_written().contains("b()"), "both are under way");
    bench.tell(Command::Cancel(dropped));
    bench.wait(Duration::from_millis(20));
    let asked = bench.take_written();
    // The board has read the dropped request, whose end is not reported; the request behind it is lost.
    bench.pong(&asked, number(1), "");
    assert!(bench.take_written().contains("b()"), "it is sent again");
    bench.hear(b"printed\r\n");
    bench.reply(number(1), &Reply::Value(b"7".to_vec()));
    let answer = answer.try_recv().expect("an answer").expect("a good one");
    assert_eq!(answer.printed, b"printed\r\n");
}

#[test]
fn a_board_is_asked_again_by_whoever_comes_next_though_all_that_it_was_asked_seems_unread() {
    for flavour in [Flavour::Resident, Flavour::OverRawRepl] {
        let mut bench = Bench::new(flavour);
        for _ in 0..20 {
            bench.take_written();
            let (_, mut answer) = bench.ask("a()", false);
            // The board receives nothing, and soon there is no room for more pings. The next request comes at once.
            let error = loop {
                bench.wait(Duration::from_millis(10));
                if let Ok(answer) = answer.try_recv() {
                    break answer;
                }
            };
            assert!(error.is_err());
            let asked = bench.take_written();
            let ping = format!("#{}p", number(1));
            assert!(asked.contains(&ping), "{flavour:?}: {asked:?}");
        }
    }
}

#[test]
fn a_request_that_the_line_has_damaged_is_read_by_nobody_however_often_the_board_was_asked_meanwhile() {
    let mut bench = Bench::new(Flavour::Resident);
    let (_, mut answer) = bench.ask("a()", false);
    bench.take_written();
    let (_, mut behind) = bench.ask("b()", false);
    let line = bench.take_written();
    let mut pings = Vec::new();
    while pings.len() < 2 {
        bench.wait(Duration::from_millis(10));
        let asked = bench.take_written();
        if asked.contains('p') {
            pings.push(asked);
        }
    }
    bench.reply(number(0), &Reply::Value(b"7".to_vec()));
    bench.reply(number(1), &Reply::Refusal);
    bench.pong(&pings[0], number(1), &line.replacen(' ', "", 1));
    bench.pong(&pings[1], number(1), "");
    assert!(answer.try_recv().expect("an answer").is_ok());
    assert!(bench.take_written().contains("b()"), "it is sent again");
    bench.reply(number(1), &Reply::Value(b"8".to_vec()));
    assert!(behind.try_recv().expect("an answer").is_ok());
}

#[test]
fn what_a_ctrl_c_has_cost_that_the_line_has_made_is_read_by_nobody() {
    let mut bench = Bench::new(Flavour::Resident);
    let (_, mut answer) = bench.ask("a()", false);
    bench.take_written();
    let ping = |bench: &mut Bench| loop {
        bench.wait(Duration::from_millis(10));
        let asked = bench.take_written();
        if asked.contains('p') {
            break asked;
        }
    };
    let first = ping(&mut bench);
    // The board had received half of the ping, which it discards.
    bench.reply(number(0), &Reply::Interrupted(0));
    let second = ping(&mut bench);
    let before = token(&first).saturating_sub(1);
    bench.pong_behind(before, &second, number(1), &first[first.len() / 2..]);
    let error = answer.try_recv().expect("an answer").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Interrupted), "{error}");
}

#[test]
fn what_a_thread_says_is_no_sign_that_the_board_is_in_the_agent() {
    let mut bench = Bench::new(Flavour::Resident);
    bench.hear(b"\r\nMPY: soft reboot\r\n");
    assert!(bench.conversation.liveness.is_suspected());
    bench.reply('-', &Reply::Event(b"1".to_vec()));
    assert!(bench.conversation.liveness.is_suspected(), "threads go on");
    bench.reply('0', &Reply::Farewell);
    assert!(!bench.conversation.liveness.is_suspected(), "the agent is there");
}

/// A question from the body that the board runs, or from a thread.
fn question(place: u32) -> Reply {
    Reply::Question(Question {
        place,
        number: 1,
        items: 0,
        name: "host.function".to_owned(),
        words: b"()".to_vec(),
        exact: false,
    })
}

#[tokio::test]
async fn a_thread_that_asks_again_and_again_is_told_its_answer_once_at_a_time() {
    let mut bench = Bench::new(Flavour::Resident);
    for _ in 0..100 {
        bench.reply('-', &question(1));
        let said = Arc::new(Said::plain("j7".to_owned()));
        bench.tell(Command::Told(Told {
            place: 1,
            number: 1,
            said,
        }));
    }
    assert_eq!(bench.take_written().matches("j7").count(), 1);
    bench.reply(number(0), &Reply::Value(b"None".to_vec()));
    assert_eq!(bench.take_written(), "", "nothing more waits");
}
