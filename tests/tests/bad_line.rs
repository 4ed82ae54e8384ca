//! A bad line between host and board: damage is noticed, the damaged bytes are sent again, and no call runs twice.

use std::collections::BTreeMap;
use std::time::Duration;

use belay::prelude::*;
use belay::{CallPath, ErrorKind};
use belay_runtime::agent::prebuilt::source_and_kept;
use belay_runtime::agent::{self, Flavour, Lines, Number};
use belay_runtime::link::{Link, LinkOptions, Payload, Request};

use belay_runtime::python::Bytes;
use belay_runtime::transport::{Address, Connector};
use belay_sim::{Board, Direction, Fault, Rates};
use belay_tests::{Asked, Puppet, connected_with, soon, unix};
use futures_util::StreamExt as _;
use futures_util::future::join_all;

/// A board that counts.
#[belay::device]
pub trait Ledger {
    /// ```python
    /// times = {}
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// Gives back its arguments, and counts its runs.
    ///
    /// ```python
    /// times[number] = times.get(number, 0) + 1
    /// return number, text, data
    /// ```
    #[task]
    async fn enter(&self, number: u32, text: &str, data: &Bytes) -> Result<(u32, String, Bytes)>;

    /// Yields the numbers below `count`.
    ///
    /// ```python
    /// for i in range(count):
    ///     yield i
    /// ```
    #[task]
    fn count(&self, count: u32) -> impl Stream<Item = Result<u32>>;

    /// How often each call of `enter` has run.
    ///
    /// ```python
    /// return times
    /// ```
    #[task]
    async fn runs(&self) -> Result<BTreeMap<u32, u32>>;
}

const BOTH: [Direction; 2] = [Direction::ToBoard, Direction::ToHost];

async fn ledger(path: CallPath) -> (Board, LedgerDevice) {
    let (board, device) = connected_with(|builder| builder.call_path(path)).await;
    let ledger = LedgerDevice::attach(&device).await.expect("the trait attaches");
    // Deploying the functions is not what is tested here.
    enter(&ledger, 0).await.expect("the line is good yet");
    (board, ledger)
}

/// Makes a call, and checks that an answer is the right one.
async fn enter(ledger: &LedgerDevice, number: u32) -> Result<()> {
    let text = format!("text of {number} \u{20ac} \x02\x03\x04");
    let data = Bytes((0..number.to_be_bytes()[3] % 50).collect());
    let answer = soon("the end of a call", ledger.enter(number, &text, &data)).await?;
    assert_eq!(answer, (number, text, data));
    Ok(())
}

/// Checks that every call with an answer has run once, and every other one at most once.
async fn ran_once(ledger: &LedgerDevice, answered: &BTreeMap<u32, bool>) {
    let runs = ledger.runs().await.expect("the line is good again");
    for (number, answered) in answered {
        let runs = runs.get(number).copied().unwrap_or(0);
        assert!(
            runs == 1 || (runs == 0 && !answered),
            "call {number} ran {runs} times, {}",
            if *answered {
                "and was answered"
            } else {
                "but failed"
            }
        );
    }
}

/// Injects one fault of each kind at many places of a call: the call is answered all the same.
async fn one_fault(path: CallPath, step: usize) {
    let (board, ledger) = ledger(path).await;
    let mut answered = BTreeMap::new();
    let mut number = 0;
    for direction in BOTH {
        for fault in [Fault::Drop, Fault::Repeat, Fault::Flip(0), Fault::Flip(0x20)] {
            for at in (0..120).step_by(step) {
                number += 1;
                board
                    .cable()
                    .once(direction, at, fault)
                    .expect("the cable takes it");
                let call = enter(&ledger, number).await;
                call.unwrap_or_else(|error| panic!("{fault:?} at {at} {direction:?}: {error}"));
                answered.insert(number, true);
            }
        }
    }
    ran_once(&ledger, &answered).await;
    ledger.close().await.expect("it closes");
}

#[tokio::test]
async fn one_fault_anywhere_in_a_call_is_repaired() {
    one_fault(CallPath::Agent, 7).await;
}

#[tokio::test]
async fn one_fault_anywhere_in_a_call_is_repaired_over_the_raw_repl_too() {
    one_fault(CallPath::RawRepl, 23).await;
}

/// The line is faulty all the time, during many calls at once and a stream: every answer is right, and a call without
/// an answer ends in an error that says so.
#[tokio::test]
async fn a_line_that_is_bad_all_the_time_makes_no_answer_wrong_and_no_call_run_twice() {
    let (board, ledger) = ledger(CallPath::Agent).await;
    let rates = Rates {
        drop: 0.000_5,
        repeat: 0.000_3,
        flip: 0.000_5,
        ..Rates::default()
    };
    for direction in BOTH {
        board
            .cable()
            .set_rates(direction, rates, 11)
            .expect("the cable takes it");
    }
    let mut answered = BTreeMap::new();
    for round in 0..30 {
        let numbers = (1 + round * 8)..(9 + round * 8);
        let calls = numbers.clone().map(|number| enter(&ledger, number));
        let results = join_all(calls).await;
        for (number, result) in numbers.zip(results) {
            if let Err(error) = &result {
                let known = matches!(
                    error.kind(),
                    ErrorKind::FateUnknown(_) | ErrorKind::Timeout { .. } | ErrorKind::Unresponsive { .. }
                );
                assert!(known, "{error}");
            }
            answered.insert(number, result.is_ok());
        }
        let mut items = std::pin::pin!(ledger.count(40));
        let mut next = 0;
        while let Some(item) = soon("an item", items.next()).await {
            let Ok(item) = item else { break };
            assert_eq!(item, next, "no item is lost, doubled or out of order");
            next += 1;
        }
    }
    for direction in BOTH {
        board
            .cable()
            .set_rates(direction, Rates::default(), 11)
            .expect("the cable takes it");
    }
    let count = answered.values().filter(|answered| **answered).count();
    assert!(count > 200, "{count} of 240 calls were answered");
    ran_once(&ledger, &answered).await;
    ledger.close().await.expect("it closes");
}

#[tokio::test]
async fn a_peer_that_has_got_several_calls_and_answers_none_ends_each_of_them() {
    let board = unix().await;
    let (puppet, connector) = Puppet::of(board.port());
    let link = Link::connect(&connector, LinkOptions::default()).await.unwrap();
    puppet.act(|secrets, written| match Asked::next(written) {
        Some(asked) if asked.kind == b'p' => secrets.frame(asked.number, b'o', asked.body.as_bytes()),
        Some(asked) if asked.body == "'now'" => secrets.frame(asked.number, b'v', b"'now'"),
        _ => Vec::new(),
    });
    let evaluate = |expression: &str| Request::Evaluate(expression.to_owned());
    let call = |_| link.request(evaluate("1"), Duration::from_secs(20));
    for error in soon("the end of all", join_all((0..4).map(call))).await {
        let error = error.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::FateUnknown(_)), "{error:?}");
    }
    let next = link.request(evaluate("'now'"), Duration::from_secs(20));
    assert!(soon("an answer", next).await.is_ok());
}

/// The seed of the checksums, and the lines, of an agent that a test has to itself.
#[tokio::test]
async fn what_a_lost_line_announced_is_never_taken_for_a_line() {
    let board = unix().await;
    let port = Connector::from(board.port().parse::<Address>().expect("an address"));
    let link = Link::connect(&port, LinkOptions::default())
        .await
        .expect("a board");
    // With its `#` and checksum this body is as long as a line, and `5e0` reads like the head of one: number 5, an
    // expression, no answers kept. It must not be taken for a line when the line that announces it is lost.
    let expression = "5e0+1234567+1234567+123";
    for number in 0..64 {
        let lost = board.cable().once(Direction::ToBoard, 3, Fault::Drop);
        lost.expect("the cable takes it");
        let request = Request::Evaluate(expression.into());
        let said = soon("an answer", link.request(request, Duration::from_secs(5))).await;
        assert_eq!(
            said.expect("an answer"),
            Payload::Repr(b"2469262.0".to_vec()),
            "{number}"
        );
        board.cable().heal().expect("the cable takes it");
    }
    link.close().await.expect("a clean end");
}

const SEED: u32 = 0xb0a4d;

/// A request that is too long for a line, and prints `prints` when it is executed. Gives two statements: one hands the
/// agent the line that announces the body, the other brings the body.
fn brought(prints: &str) -> (String, String) {
    let expression = format!("{:200}", format!("print('[{prints}]')#"));
    let request = agent::Request::Evaluate(expression);
    let lines = Lines::new(Flavour::OverRawRepl, SEED, true);
    let line = String::from_utf8(lines.request(Number::default(), 0, &request)).expect("it is ASCII");
    let (head, body) = line.split_at(line.find('\n').expect("a line of its own") + 1);
    let bring = format!("agent['b'](0,{},b{body:?})\n", body.len());
    (format!("agent['h']({head:?})\n"), bring)
}

#[tokio::test]
async fn what_was_brought_for_a_line_that_is_lost_never_runs_as_what_another_line_asks() {
    let (lost, stale) = brought("stale");
    let damaged = lost.replacen('l', "L", 1);
    let lines = Lines::new(Flavour::OverRawRepl, SEED, true);
    let ping = String::from_utf8(lines.ping(Number::default(), 7, 1)).expect("it is ASCII");
    let ping = format!("agent['h']({ping:?})\n");
    let no_room = "agent['b'](0,1<<40,b'')\n".to_owned();
    // In each case the body of a request has been brought, and the line that would announce it was lost. The host does
    // not reuse the number of a lost request before the board has answered something.
    let cases = [
        ("behind a damaged line", stale.clone() + &damaged),
        ("behind a ping", stale.clone() + &ping),
        (
            "in another session",
            stale + "agent['v']('test',SEED,0)\n" + &ping,
        ),
        ("no room", no_room + &ping),
    ];
    let (_board, device) = connected_with(|builder| builder).await;
    for (what, before) in cases {
        let (line, bring) = brought("fresh");
        let source = format!(
            "{agent}\nimport sys\nSEED={SEED}\nresident=sys.modules['_belay']\nagent=_belay('v',0,0)\n\
             sys.modules['_belay']=resident\nagent['v']('test',SEED,0)\n{before}print('<')\n{line}print('>')\n{bring}{line}",
            agent = source_and_kept().0,
        );
        let said = soon("an end", device.execute(&source)).await.expect("it runs");
        let answer = { said.split_once('<') }.and_then(|(_, said)| said.split_once('>'));
        let (answer, sent_again) = answer.unwrap_or_else(|| panic!("{what}: {said:?}"));
        assert!(
            answer.contains("\x02test0n") && !said.contains("[stale]"),
            "{what}: {said:?}"
        );
        assert!(
            sent_again.contains("[fresh]") && sent_again.contains("\x02test0vNone"),
            "{what}: {said:?}"
        );
    }
}

#[tokio::test]
async fn no_byte_makes_another_number_of_how_much_the_agent_reads_at_once() {
    let (_board, device) = connected_with(|builder| builder).await;
    for number in [32, -1, 0] {
        let source = format!(
            "text={text:?}\nassert eval(text)=={number}\nfor at in range(len(text)):\n \
             for byte in ['',text[at]*2]+[chr(ord(text[at])^1<<bit)for bit in range(8)]:\n  \
             try:value=eval(text[:at]+byte+text[at+1:],{{}})\n  except Exception:continue\n  \
             if value!={number}:print(at,byte,value)",
            text = agent::unharmed(number),
        );
        assert_eq!(device.execute(&source).await.expect("it runs"), "", "{number}");
    }
}
