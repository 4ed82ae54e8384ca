//! One run: some calls while a fault is injected, and one call after it.

use std::fmt::Write as _;
use std::pin::pin;
use std::time::Duration;

use belay_runtime::ErrorKind;
use belay_runtime::agent::Flavour;
use belay_runtime::link::{CallPath, Link, LinkOptions, Payload, Request, Statements};
use belay_runtime::transport::{Address, Connector, TransportError};
use belay_sim::{Board, Direction, Fault, Rates};
use belay_tests::far::Far;
use belay_tests::tool::tells_of_the_line;
use tokio::time::{Instant, sleep, timeout};

use super::calls::{self, Call, Given, SOURCE};

/// How long a call may take.
pub(crate) const DEADLINE: Duration = Duration::from_millis(1_500);
/// How long an interrupt may take.
const INTERRUPT: Duration = Duration::from_millis(800);
/// How long resynchronising may take after that.
const RESYNC: Duration = Duration::from_secs(2);
/// How much longer everything may take on a busy machine.
const SLACK: Duration = Duration::from_millis(700);
/// How long to wait for a call that should have ended, to tell one that ends late from one that never does.
pub(crate) const HUNG: Duration = Duration::from_secs(60);

/// How long a fault lasts at most where the program waits without a deadline. A program that waits for a thread hears
/// nothing over a line on which no answer gets through.
const LASTS: Duration = Duration::from_secs(15);

/// The heap of a small board, in kilobytes: too small for the resident agent, and large enough for the longest list in
/// these calls, however fragmented the memory is.
const SMALL_HEAP: u32 = 44;

/// The board that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum On {
    /// [`Board::unix`].
    Unix,
    /// [`Board::circuitpython_like`].
    #[value(name = "circuitpython-like")]
    CircuitPythonLike,
}

/// The call path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Way {
    /// The resident agent.
    Agent,
    /// The same agent, called over the raw REPL.
    RawRepl,
    /// The agent for small boards, on one with a heap of 40 KB.
    Small,
}

/// How long a call over a clean line may take.
const LONG: Duration = Duration::from_secs(5);

/// The findings of a run.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a column of the last line, and any may be true"
)]
pub(crate) struct Outcome {
    pub(crate) wrong: bool,
    pub(crate) hung: bool,
    pub(crate) lost: bool,
    pub(crate) recovered: bool,
    pub(crate) scenario: String,
    pub(crate) complaints: Vec<String>,
}

impl Outcome {
    pub(crate) fn wrong(&mut self, complaint: String) {
        self.wrong = true;
        self.complaints.push(complaint);
    }

    pub(crate) fn hung(&mut self, complaint: String) {
        self.hung = true;
        self.complaints.push(complaint);
    }

    pub(crate) fn lost(&mut self, complaint: String) {
        self.lost = true;
        self.complaints.push(complaint);
    }
}

/// The settings of a link, with short deadlines.
pub(crate) fn options() -> LinkOptions {
    let mut options = LinkOptions::default();
    options.deadlines.interrupt = INTERRUPT;
    options.deadlines.resync = RESYNC;
    options
}

/// Whether a call with host functions or streams may end in this error: one of the line, one that follows from what the
/// line has lost, or a Ctrl-C into which the line has turned another byte.
pub(crate) fn may_come_of_the_line(error: &belay::Error) -> bool {
    let interrupted = |raised: &belay::DeviceException| raised.is("KeyboardInterrupt");
    tells_of_the_line(error)
        || matches!(error.kind(), ErrorKind::LineRead)
        || error.exception().is_some_and(interrupted)
}

/// A runner whose device is connected anew where it does not work any more.
pub(crate) trait HangsUp {
    /// Closes the device, so that the port is free.
    async fn hang_up(&mut self);
}

/// Uses the board, if need be over new connections: it may be starting, or a damaged byte may have reset it. Gives the
/// result; a failure is noted under the name `what`.
pub(crate) async fn again<R: HangsUp, T>(
    runner: &mut R,
    what: &str,
    using: impl AsyncFn(&mut R) -> belay::Result<T>,
    outcome: &mut Outcome,
) -> Option<T> {
    for attempt in 1.. {
        let used = timeout(HUNG, using(runner)).await;
        if let Ok(Ok(given)) = used {
            return Some(given);
        }
        runner.hang_up().await;
        match used {
            Ok(Err(error)) if attempt == 4 => outcome.lost(format!("{what} does not work: {error:?}")),
            Err(_) => outcome.hung(format!("{what} did not end")),
            Ok(_) => continue,
        }
        break;
    }
    None
}

/// A board and the link to it, which are kept from run to run for as long as they work.
pub(crate) struct Runner {
    board: Board,
    link: Option<Link>,
    way: Way,
    no_flow_control: bool,
    /// The slow line to the board's port, if the board is to be far away.
    far: Option<Far>,
    next_id: u32,
}

impl Runner {
    pub(crate) async fn new(on: On, way: Way, no_flow_control: bool, far: Option<(Duration, u8)>) -> Self {
        let mut board = match on {
            On::Unix => Board::unix(),
            On::CircuitPythonLike => Board::circuitpython_like(),
        };
        if way == Way::Small {
            board = board.heap_kb(SMALL_HEAP);
        }
        let board = board.start().await.unwrap_or_else(|error| panic!("{error}"));
        let mut line = None;
        if let Some((delay, loss)) = far {
            let to = board.port().parse().unwrap_or_else(|error| panic!("{error}"));
            let far = Far::new("127.0.0.1:0", to)
                .await
                .unwrap_or_else(|error| panic!("{error}"));
            far.is_bad(delay, loss);
            line = Some(far);
        }
        Self {
            board,
            link: None,
            way,
            no_flow_control,
            far: line,
            next_id: 0,
        }
    }

    /// A link that works, with the functions deployed.
    async fn connect(&mut self) -> Result<Link, belay_runtime::Error> {
        if let Some(link) = &self.link {
            return Ok(link.clone());
        }
        let flow = if self.no_flow_control { "?flow=off" } else { "" };
        let parsed = |text: &str| text.parse().map_err(TransportError::from);
        let mut port = self.board.port().to_owned();
        if let Some(far) = &self.far {
            // The board may have come back under another port name.
            far.leads_to(parsed(&port)?);
            port = format!("tcp://{}", far.place());
        }
        let address: Address = parsed(&format!("{port}{flow}"))?;
        let mut options = options();
        options.call_path = match self.way {
            Way::Agent => CallPath::Agent,
            Way::RawRepl => CallPath::RawRepl,
            Way::Small => CallPath::Auto,
        };
        let link = Link::connect(&Connector::from(address), options).await?;
        if self.way == Way::Small {
            assert!(
                link.hello().flavour == Flavour::Small,
                "the board has room for the usual agent"
            );
            deploy_in_parts(&link).await?;
        } else {
            let source = SOURCE
                .replace('\\', "\\\\")
                .replace('\n', "\\n")
                .replace('\'', "\\'");
            let deploy = format!("'seen' in N('faults') or D('add','faults','add','{source}')");
            link.request(Request::Evaluate(deploy), LONG).await?;
        }
        self.link = Some(link.clone());
        Ok(link)
    }

    pub(crate) async fn run(&mut self, seed: u64) -> Outcome {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut outcome = Outcome::default();
        let link = match self.connect().await {
            Ok(link) => link,
            Err(error) => {
                outcome.lost = true;
                outcome.complaints.push(format!("cannot connect: {error}"));
                return outcome;
            }
        };
        let calls: Vec<Call> = (0..random.u32(1..6))
            .map(|_| {
                self.next_id += 1;
                Call::random(self.next_id, &mut random, self.way == Way::Small)
            })
            .collect();
        let given = {
            let at_once = random.bool();
            let calling = make(&link, &calls, at_once);
            let fault = inject(&mut self.board, seed, &mut random, &mut outcome.scenario);
            let (given, ()) = tokio::join!(calling, fault);
            is_in_time(&calls, &given, at_once, &mut outcome);
            given.into_iter().map(|(given, _)| given).collect::<Vec<_>>()
        };
        self.quiet(&mut outcome);
        judge(&calls, &given, &mut outcome);
        self.afterwards(&mut outcome).await;
        self.count(&calls, &given, &mut outcome).await;
        outcome.recovered = !outcome.lost && !outcome.hung;
        outcome
    }
}

/// Deploys the functions on a small board, if they are not there.
async fn deploy_in_parts(link: &Link) -> Result<(), belay_runtime::Error> {
    let there = link.request(Request::Evaluate("'add' in F".into()), LONG).await?;
    if there == Payload::Repr(b"False".to_vec()) {
        let statements = Statements {
            namespace: "faults",
            source: SOURCE,
            file: None,
        };
        link.execute(statements, LONG).await?;
        let bind = Request::Evaluate("D('add','faults','add')".into());
        link.request(bind, LONG).await?;
    }
    Ok(())
}

/// Makes the calls. Gives the result of each, and how long it took.
async fn make(link: &Link, calls: &[Call], at_once: bool) -> Vec<(Option<Given>, Duration)> {
    let one = |call: &Call| {
        let (link, call) = (link.clone(), call.clone());
        async move {
            let begun = Instant::now();
            let given = timeout(HUNG, call.make(&link, DEADLINE)).await.ok();
            (given, begun.elapsed())
        }
    };
    if at_once {
        return futures_util::future::join_all(calls.iter().map(one)).await;
    }
    let mut given = Vec::new();
    for call in calls {
        given.push(one(call).await);
    }
    given
}

/// Checks that every call ended within its deadlines. A call that waits for others may take as long as they do, too.
fn is_in_time(calls: &[Call], given: &[(Option<Given>, Duration)], at_once: bool, outcome: &mut Outcome) {
    let mut before = Duration::ZERO;
    for (at, (call, (_, took))) in calls.iter().zip(given).enumerate() {
        let limit = DEADLINE * (1 + call.signs_of_life()) + INTERRUPT + RESYNC + SLACK;
        // A call after a stream also waits until the stream is closed, which is a call of its own.
        let closing = if calls[..at].iter().any(Call::is_stream) {
            RESYNC + INTERRUPT + RESYNC
        } else {
            Duration::ZERO
        };
        if *took > before + closing + limit {
            outcome.hung = true;
            outcome.complaints.push(format!(
                "call {} of {}, {call}, ended after {took:?} only",
                at + 1,
                calls.len()
            ));
        }
        if at_once {
            before += limit;
        }
    }
}

/// Injects a fault. Notes in `scenario` what it is, and whether it lost the board or the port.
async fn inject(board: &mut Board, seed: u64, random: &mut fastrand::Rng, scenario: &mut String) {
    let direction = if random.bool() {
        Direction::ToBoard
    } else {
        Direction::ToHost
    };
    let soon = Duration::from_micros(random.u64(0..20_000));
    let done = match random.u8(0..10) {
        0..4 => {
            let faults = [
                Fault::Drop,
                Fault::Repeat,
                Fault::Flip(0),
                Fault::Delay(Duration::from_millis(30)),
            ];
            let count = random.u8(1..4);
            (0..count).try_for_each(|_| {
                let (fault, at) = (faults[random.usize(0..faults.len())], random.u64(0..400));
                let _ = write!(scenario, "{fault:?} at {at} {direction:?}; ");
                board.cable().once(direction, at, fault)
            })
        }
        4..7 => {
            let rate = 10_f64.powf(-4.0 + 2.3 * random.f64());
            let rates = Rates {
                drop: rate,
                repeat: rate / 2.0,
                flip: rate,
                delay: rate / 10.0,
                delay_by: Duration::from_millis(10),
                ..Rates::default()
            };
            let _ = write!(scenario, "rates {rate:.5}; ");
            Direction::BOTH
                .into_iter()
                .try_for_each(|direction| board.cable().set_rates(direction, rates, seed))
        }
        7 => {
            let _ = write!(scenario, "cut after {soon:?}; ");
            sleep(soon).await;
            let cut = board.cable().cut();
            sleep(Duration::from_millis(random.u64(1..600))).await;
            cut.and_then(|()| board.cable().heal())
        }
        8 => {
            let _ = write!(scenario, "restart after {soon:?}; ");
            sleep(soon).await;
            board.restart()
        }
        _ => {
            let _ = write!(scenario, "vanish after {soon:?}; ");
            sleep(soon).await;
            board.vanish().and_then(|()| board.appear().map(drop))
        }
    };
    if let Err(error) = done {
        let _ = write!(scenario, "{error}");
    }
}

/// Does something while a fault is injected; the fault ends with it, or after [`LASTS`]. `None` if it does not end even
/// then.
pub(crate) async fn amid_faults<T>(
    board: &mut Board,
    seed: u64,
    random: &mut fastrand::Rng,
    outcome: &mut Outcome,
    doing: impl Future<Output = T>,
) -> Option<T> {
    let mut doing = pin!(doing);
    let fault = inject(board, seed, random, &mut outcome.scenario);
    let (mut done, ()) = tokio::join!(timeout(LASTS, &mut doing), fault);
    if let Err(error) = board.cable().heal() {
        outcome.lost(error.to_string());
    }
    if done.is_err() {
        done = timeout(HUNG, doing).await;
    }
    done.ok()
}

impl Runner {
    /// Ends the fault.
    fn quiet(&self, outcome: &mut Outcome) {
        if let Err(error) = self.board.cable().heal() {
            outcome.lost = true;
            outcome.complaints.push(error.to_string());
        }
    }

    async fn hang_up(&mut self) {
        if let Some(link) = self.link.take() {
            // Closing may fail here; all that matters is that the port is free again.
            let _ = link.close().await;
        }
    }

    /// A call without a fault; if the board or the port was lost, over a new connection.
    async fn afterwards(&mut self, outcome: &mut Outcome) {
        let begun = Instant::now();
        let gone = outcome.scenario.contains("restart") || outcome.scenario.contains("vanish");
        loop {
            let clean = async {
                let link = self.connect().await?;
                link.request(Request::Evaluate("1+1".into()), LONG).await
            };
            match timeout(HUNG, clean).await {
                Ok(Ok(Payload::Repr(text))) if text == b"2" => return,
                Ok(Err(error)) if was_reset(&error) && begun.elapsed() < HUNG => {
                    // A damaged byte can reset a board. The counters on the board show whether it did.
                    outcome.scenario.push_str("restart by the line; ");
                    self.hang_up().await;
                    if self.connect().await.is_ok_and(|link| link.hello().attached) {
                        outcome.wrong = true;
                        outcome.complaints.push("the board was not reset".into());
                    }
                }
                Ok(Err(_)) if gone && begun.elapsed() < HUNG => self.hang_up().await,
                Ok(other) => {
                    outcome.lost = true;
                    outcome
                        .complaints
                        .push(format!("the call after it gave {other:?}"));
                    self.hang_up().await;
                    return;
                }
                Err(_) => {
                    outcome.hung = true;
                    outcome.complaints.push("the call after it did not end".into());
                    self.hang_up().await;
                    return;
                }
            }
        }
    }

    /// Compares the counters on the board with the results of the calls.
    async fn count(&mut self, calls: &[Call], given: &[Option<Given>], outcome: &mut Outcome) {
        let Some(link) = &self.link else { return };
        let twice = "[k for k,v in N('faults')['seen'].items() if v>1]";
        let all = "sorted(N('faults')['seen'])";
        let clear = "N('faults')['seen'].clear()";
        let mut answers = Vec::new();
        for expression in [twice, all, clear] {
            let answer = link.request(Request::Evaluate(expression.into()), LONG).await;
            match answer {
                Ok(Payload::Repr(text)) => answers.push(String::from_utf8_lossy(&text).into_owned()),
                other => {
                    outcome.lost = true;
                    outcome
                        .complaints
                        .push(format!("the counters cannot be read: {other:?}"));
                    return;
                }
            }
        }
        if answers[0] != "[]" {
            outcome.wrong = true;
            outcome.complaints.push(format!("ran twice: {}", answers[0]));
        }
        let ran: Vec<u32> = answers[1]
            .trim_matches(['[', ']'])
            .split(", ")
            .filter_map(|id| id.parse().ok())
            .collect();
        // A board that has restarted has lost its counters.
        let restarted = outcome.scenario.contains("restart");
        for (call, given) in calls.iter().zip(given) {
            let has_run = ran.contains(&call.id);
            let lied = match given {
                Some(Given::Right) => !has_run && !restarted,
                Some(Given::Error(error)) => has_run && calls::says_not_run(error),
                _ => false,
            };
            if lied {
                outcome.wrong = true;
                outcome
                    .complaints
                    .push(format!("{call:?}: {given:?}, and it ran: {has_run}"));
            }
        }
    }
}

fn judge(calls: &[Call], given: &[Option<Given>], outcome: &mut Outcome) {
    for (call, given) in calls.iter().zip(given) {
        match given {
            None => {
                outcome.hung = true;
                outcome.complaints.push(format!("{call:?} did not end"));
            }
            Some(Given::Wrong(what)) => {
                outcome.wrong = true;
                outcome.complaints.push(format!("{call:?} gave {what}"));
            }
            // A request that is lost on a cut line looks as if a program on the board had read it.
            Some(Given::Error(error))
                if matches!(error.kind(), ErrorKind::LineRead) && outcome.scenario.contains("cut") => {}
            Some(Given::Error(error)) if !tells_of_the_line(error) => {
                outcome.wrong = true;
                outcome.complaints.push(format!("{call:?} gave {error}"));
            }
            Some(Given::Right | Given::Error(_)) => {}
        }
    }
}

fn was_reset(error: &belay_runtime::Error) -> bool {
    match error.kind() {
        ErrorKind::Reset => true,
        ErrorKind::Disconnected(Some(cause)) => matches!(cause.kind(), ErrorKind::Reset),
        _ => false,
    }
}
