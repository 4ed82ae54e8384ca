//! From an open port to a board that waits for requests.

use std::time::Duration;

use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout_at};

use super::own_words::{Look, take_out_end, take_out_look};
use super::wire::{Item, Wire};
use super::{CallPath, Deadlines, Hello, LinkOptions, ladder};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::protocol::{Event, Execution, Frame, Mode, Operation, Stage, is_out_of_memory};
use crate::random::random;

/// The agent's source.
const AGENT: &str = include_str!(concat!(env!("OUT_DIR"), "/agent.py"));
/// What stays on the board beside it, once it was needed.
const THREADS: &str = include_str!(concat!(env!("OUT_DIR"), "/threads.py"));
/// Identifies the agent and what it keeps: another version of either is not this one.
const VERSION: u64 = fingerprint(&[AGENT, THREADS]);
/// How much free memory the board has to have for each byte of the agent's source, to compile it.
const ROOM: u64 = 6;
/// How many characters the board reads at once where that is the cheapest.
const BLOCK: usize = 32;
/// How long a board is waited for that should come back at once, before it is tried anew.
const ATTEMPT: Duration = Duration::from_millis(500);
/// How often a source that an old board has lost a part of is sent again.
const LOST: u32 = 2;
/// How often a board is asked again whose answer was lost in what a thread prints.
const DROWNED: u32 = 4;

mod small;

pub(super) use self::small::BYTES as SMALL_BYTES;

/// 64-bit FNV-1a of all of these, one behind the other.
const fn fingerprint(sources: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut source = 0;
    while source < sources.len() {
        let bytes = sources[source].as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        source += 1;
    }
    hash
}

/// A session's secrets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session {
    pub(super) nonce: [u8; 4],
    pub(super) seed: u32,
    pub(super) boot: u64,
}

impl Session {
    /// Secrets that no other session has.
    pub(super) fn new() -> Self {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let (first, second) = (random(), random());
        Self {
            nonce: std::array::from_fn(|i| LETTERS[(first >> (6 * i) & 63) as usize]),
            // The board keeps it as a small int where those have 31 bits.
            seed: (first >> 32) as u32 >> 3,
            // As above; and never zero.
            boot: second >> 36 | 1,
        }
    }
}

/// How many characters the board reads at once on this link.
pub(super) fn block(wire: &Wire, path: CallPath) -> Option<usize> {
    (wire.flow_control() && path == CallPath::Agent).then_some(BLOCK)
}

/// Enters the raw REPL and starts the agent, or finds it there. The port began to be opened at `opening`.
pub(super) async fn start(
    wire: &mut Wire,
    session: Session,
    options: &LinkOptions,
    opening: Instant,
) -> Result<Hello> {
    let deadlines = &options.deadlines;
    ladder::connect(wire, options.reset_on_connect, deadlines, opening).await?;
    let path = match options.call_path {
        CallPath::RawRepl => CallPath::RawRepl,
        CallPath::Auto | CallPath::Agent => CallPath::Agent,
    };
    let begin = begin(session, VERSION, size(path, block(wire, path)));
    let attach = format!("try:_belay['{VERSION:x}']\nexcept:0\nelse:{begin}\n");
    let damaged = |ended: &Ended| !ended.traceback.is_empty();
    match run_surely(wire, &attach, deadlines, damaged).await? {
        Ran::Hello(frame) => return Ok(begun(wire, read(&frame, true, path))),
        Ran::Ended(ended) if is_out_of_memory(&ended.traceback) => {
            return Err(ladder::out_of_memory(ended.traceback, options.reset_on_connect));
        }
        Ran::Ended(_) => {}
    }
    let Look { free, lacks } = look(wire, session, deadlines).await?;
    let needed = ROOM * u64::try_from(AGENT.len()).unwrap_or(u64::MAX);
    let too_little = free.is_some_and(|free| free < needed);
    let may_be_small = options.call_path != CallPath::Agent;
    if may_be_small && (too_little || lacks) {
        return small::start(wire, session, free, deadlines).await;
    }
    let source = format!(
        "{AGENT}\n_belay=_belay('{VERSION:x}',{},{})\n{begin}\n",
        session.boot,
        free.map_or(-1, |free| i64::try_from(free).unwrap_or(-1)),
    );
    let mut ran = run(wire, &source, deadlines).await?;
    for _ in 0..DROWNED {
        match &ran {
            // Its hello was lost in what a thread prints; or it is not there, and this says so again.
            Ran::Ended(ended) if !is_out_of_memory(&ended.traceback) => {
                let again = run(wire, &attach, deadlines).await?;
                if matches!(again, Ran::Hello(_)) {
                    ran = again;
                }
            }
            _ => break,
        }
    }
    match ran {
        Ran::Hello(frame) => Ok(begun(wire, read(&frame, false, path))),
        Ran::Ended(ended) if may_be_small && is_out_of_memory(&ended.traceback) => {
            small::start(wire, session, free, deadlines).await
        }
        Ran::Ended(ended) if is_out_of_memory(&ended.traceback) => {
            Err(ladder::out_of_memory(ended.traceback, options.reset_on_connect))
        }
        Ran::Ended(ended) => Err(refused("the board cannot run the agent", &ended.traceback)),
    }
}

/// Asks how much memory is free, and whether the board has what the agent needs. Whatever `main.py` calls `print`: a
/// module's own is MicroPython's.
async fn look(wire: &mut Wire, session: Session, deadlines: &Deadlines) -> Result<Look> {
    let mark = format!("belay-{:x}:", session.seed);
    let source = format!(
        "def _belay_f():\n global _belay_f\n del _belay_f\n import gc,sys\n from builtins import print\n \
         gc.collect();n=gc.mem_free();k=0\n try:\n  from binascii import crc32\n  sys.stdin.readline\n \
         except:k=1\n print('{mark}%d,%d.'%(n,k))\n_belay_f()\n"
    );
    for _ in 0..DROWNED {
        wire.hold_back_output();
        let ran = run_to_end(wire, &source, deadlines).await;
        let told = wire.output_held_back().and_then(|printed| {
            if let Ok(Ran::Ended(ended)) = &ran {
                take_out_own_end(printed, ended);
            }
            take_out_look(printed, mark.as_bytes())
        });
        wire.let_output_go();
        match (told, ran) {
            (Some(look), _) => return Ok(look),
            (None, Ok(Ran::Ended(ended))) if is_out_of_memory(&ended.traceback) => break,
            (None, Ok(Ran::Ended(_))) => {}
            (None, Ok(Ran::Hello(_))) => {
                return Err(refused("an agent answered that was not asked", b""));
            }
            // An old board may have lost a part, so that it waits for more.
            (None, Err(error)) if !is_lost(wire, &error) => return Err(error),
            (None, Err(_)) => ladder::enter(wire, deadlines.enter, Instant::now(), deadlines.open).await?,
        }
    }
    Ok(Look::default())
}

/// Whether an old board may have lost a part of what it was sent.
fn is_lost(wire: &Wire, error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Timeout { .. }) && wire.repl.has_raw_paste() == Some(false)
}

/// The agent has said hello.
fn begun(wire: &mut Wire, hello: Hello) -> Hello {
    if hello.call_path == CallPath::RawRepl {
        wire.serve();
    }
    hello
}

/// Has an agent of this version begin a session.
fn begin(session: Session, version: u64, size: i64) -> String {
    let Session { nonce, seed, .. } = session;
    format!(
        "_belay['{version:x}']('{}',{seed},{size})",
        String::from_utf8_lossy(&nonce)
    )
}

/// What the agent is told to read at once: nothing if it is not to stay.
pub(super) fn size(path: CallPath, block: Option<usize>) -> i64 {
    match path {
        CallPath::Agent => block.map_or(-1, |block| i64::try_from(block).unwrap_or(-1)),
        _ => 0,
    }
}

/// The agent's first words.
fn read(frame: &Frame, attached: bool, call_path: CallPath) -> Hello {
    let text = String::from_utf8_lossy(&frame.payload);
    // The last one, the platform, can have blanks.
    let words: Vec<&str> = text.splitn(5, ' ').collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<i64>().ok());
    let word = |at: usize| words.get(at).copied().unwrap_or_default().to_owned();
    let memory = |at: usize| number(at).and_then(|bytes| u64::try_from(bytes).ok());
    let boot = number(1).and_then(|boot| u64::try_from(boot).ok()).unwrap_or(0);
    Hello {
        call_path,
        boot,
        attached,
        small: false,
        implementation: word(3),
        platform: word(4),
        free_memory: memory(2).zip(memory(0)),
    }
}

fn refused(what: impl Into<std::borrow::Cow<'static, str>>, traceback: &[u8]) -> Error {
    Error::from(ErrorKind::Protocol {
        what: what.into(),
        received: traceback.to_vec(),
    })
    .in_phase(Phase::Enter)
}

/// Starts the agent again on a board that has left it. Gives the boot that it belongs to; nothing if the board
/// has not got it any more. The line may be a bad one, so only an answer that cannot be otherwise counts.
pub(super) async fn resume(
    wire: &mut Wire,
    size: i64,
    deadlines: &Deadlines,
    until: Instant,
) -> Result<Option<u64>> {
    let begun = Instant::now();
    loop {
        let mark = format!("belay-{:016x}", random());
        let source = format!("{}_belay['r']({size})\n", look_for_agent(&mark));
        wire.watch_for(absence(&mark));
        let attempt = (Instant::now() + ATTEMPT.min(deadlines.enter)).min(until);
        let trying = async {
            wire.hold_back_output();
            let entered = wire.operate(Operation::Enter, attempt).await;
            wire.let_go_on_the_way();
            entered?;
            run(wire, &source, deadlines).await
        };
        let tried = timeout_at(attempt, trying).await;
        wire.let_output_go();
        match tried.unwrap_or_else(|_| Err(wire.timeout(begun.elapsed(), Phase::Resync))) {
            Ok(Ran::Hello(frame)) => return Ok(Some(read(&frame, true, CallPath::Agent).boot)),
            Ok(Ran::Ended(_)) if wire.take_mark().is_some() => return Ok(None),
            Ok(Ran::Ended(_)) | Err(_) if Instant::now() < until && !wire.is_gone() => {}
            Ok(Ran::Ended(_)) => return Err(wire.timeout(begun.elapsed(), Phase::Resync)),
            Err(error) => return Err(error),
        }
    }
}

/// Source that has the agent where it is expected, in the global names, if somebody took it from there; and the board
/// say [`absence`] of this mark if it has none.
pub(super) fn look_for_agent(mark: &str) -> String {
    let (first, second) = mark.split_at(6);
    format!(
        "try:_belay['r']\nexcept:\n def _belay_f():\n  global _belay_f\n  del _belay_f\n  import sys\n  \
         from builtins import getattr,globals,print\n  n='_belay';g=globals();m=getattr(sys,'modules',g)\n  \
         if n in m:g[n]=m[n]\n  else:print('{first}'+'{second}',n,n in g)\n _belay_f()\n"
    )
}

/// What the board says when it has no agent. The name is what the board got, so this was not made by a bad line.
pub(super) fn absence(mark: &str) -> String {
    format!("{mark} _belay False")
}

enum Ran {
    /// The agent said hello, and runs.
    Hello(Frame),
    /// The code has ended.
    Ended(Ended),
}

/// What there is to say of code that has ended.
struct Ended {
    /// Empty if it ended well.
    traceback: Vec<u8>,
    /// Whether its end has come as output.
    claimed: bool,
}

impl Ended {
    fn of(traceback: Vec<u8>, claimed: bool) -> Self {
        Self { traceback, claimed }
    }
}

/// Runs this on a board that, if it is an old one, may have lost some of it, which nothing tells but what it looks
/// like: then it is run again.
async fn run_surely(
    wire: &mut Wire,
    source: &str,
    deadlines: &Deadlines,
    damaged: impl Fn(&Ended) -> bool,
) -> Result<Ran> {
    for _ in 0..LOST {
        let ran = run(wire, source, deadlines).await;
        let lost = match &ran {
            Ok(Ran::Ended(ended)) => damaged(ended),
            Ok(Ran::Hello(_)) => false,
            Err(error) => is_lost(wire, error),
        };
        if !lost || wire.repl.has_raw_paste() != Some(false) {
            return ran;
        }
        ladder::enter(wire, deadlines.enter, Instant::now(), deadlines.open).await?;
    }
    run(wire, source, deadlines).await
}

/// Runs this, and hands out what is printed meanwhile, without what is said of it.
async fn run(wire: &mut Wire, source: &str, deadlines: &Deadlines) -> Result<Ran> {
    wire.hold_back_output();
    let ran = run_to_end(wire, source, deadlines).await;
    if let (Ok(Ran::Ended(ended)), Some(printed)) = (&ran, wire.output_held_back()) {
        take_out_own_end(printed, ended);
    }
    wire.let_output_go();
    ran
}

fn take_out_own_end(printed: &mut Vec<u8>, ended: &Ended) {
    if ended.claimed {
        take_out_end(printed, &ended.traceback);
    }
}

/// Runs this, each phase of it within its own deadline.
async fn run_to_end(wire: &mut Wire, source: &str, deadlines: &Deadlines) -> Result<Ran> {
    let execution = Execution {
        source: source.as_bytes().to_vec(),
        mode: Mode::Auto,
        framed: true,
    };
    wire.start(Operation::Execute(execution))?;
    let mut progress = (Phase::Paste, Instant::now());
    loop {
        let (phase, since) = progress;
        let until = since + deadlines.of(phase);
        // Nothing tells when all is sent, so one that compiles by then is looked for.
        let look = match phase {
            Phase::Paste => until.min(Instant::now() + deadlines.compile),
            _ => until,
        };
        let item = wire.next_before(look).await?;
        progress = wire.progress(phase, since);
        match item {
            Some(Item::Frame(frame)) if frame.kind == b'h' => return Ok(Ran::Hello(frame)),
            Some(Item::Repl(Event::EndClaimed { traceback })) if wire.repl.accept_end() => {
                return Ok(Ran::Ended(Ended::of(traceback, true)));
            }
            Some(Item::Repl(Event::Done { traceback, .. })) => {
                return Ok(Ran::Ended(Ended::of(traceback, false)));
            }
            Some(Item::Repl(Event::Aborted(why))) => {
                return Err(Error::from(ErrorKind::Protocol {
                    what: format!("the board did not take the code ({why:?})").into(),
                    received: wire.tail(),
                })
                .in_phase(Phase::Paste));
            }
            None if progress == (phase, since) && Instant::now() >= until => {
                return Err(wire.timeout(deadlines.of(phase), phase));
            }
            _ => {}
        }
    }
}

impl Wire {
    pub(super) fn start(&mut self, operation: Operation) -> Result<()> {
        self.repl.start(operation).map_err(|error| {
            ErrorKind::Protocol {
                what: error.to_string().into(),
                received: self.tail(),
            }
            .into()
        })
    }

    /// The phase of what runs, and since when it is in that, or has not got any further in it.
    fn progress(&self, phase: Phase, since: Instant) -> (Phase, Instant) {
        match self.repl.stage() {
            Stage::Sending => (Phase::Paste, since.max(self.written_at())),
            Stage::Compiling => (Phase::Compile, since.max(self.written_at())),
            _ if phase == Phase::Execute => (phase, since),
            _ => (Phase::Execute, Instant::now()),
        }
    }

    /// Enters, leaves or resets, and waits until that is done.
    pub(super) async fn operate(&mut self, operation: Operation, until: Instant) -> Result<()> {
        let phase = match operation {
            Operation::Exit => Phase::Close,
            Operation::SoftReset => Phase::Reset,
            _ => Phase::Enter,
        };
        let begun = Instant::now();
        self.start(operation)?;
        while let Some(item) = self.next_before(until).await? {
            if let Item::Repl(Event::Entered | Event::Exited | Event::Restarted { .. }) = item {
                return Ok(());
            }
        }
        Err(self.timeout(begun.elapsed(), phase))
    }

    /// The next thing that comes from the board; nothing if that takes longer than until then, however much else
    /// has come by then.
    pub(super) async fn next_before(&mut self, until: Instant) -> Result<Option<Item>> {
        consume_budget().await;
        if Instant::now() >= until {
            return Ok(None);
        }
        match timeout_at(until, self.next()).await {
            Ok(Ok(item)) => Ok(Some(item)),
            Ok(Err(error)) => {
                self.gone = true;
                Err(crate::transport::TransportError::from(error).into())
            }
            Err(_) => Ok(None),
        }
    }

    pub(super) fn timeout(&self, after: Duration, phase: Phase) -> Error {
        Error::from(ErrorKind::Timeout {
            after,
            received: self.tail(),
        })
        .in_phase(phase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_source_of_any_that_stays_on_the_board_is_another_version() {
        assert_eq!(VERSION, fingerprint(&[AGENT, THREADS]));
        assert_ne!(VERSION, fingerprint(&[AGENT, "another library"]));
        assert_ne!(VERSION, fingerprint(&["another agent", THREADS]));
    }
}
