//! From an open port to a board that waits for requests.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::line::Item;
use super::own_words::{Look, take_out, take_out_end, take_out_interrupted, take_out_look};
use super::wire::Wire;
use super::{CallPath, Deadlines, Hello, LinkOptions, ladder};
use crate::agent::prebuilt;
use crate::agent::source::{self, Secrets};
use crate::agent::{FirstWords, Flavour, Reply};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::protocol::{Event, Execution, Mode, Operation, RAW_BANNER, Stage, is_out_of_memory};

/// How long a board is waited for that should come back at once, before it is tried anew: for twice as long then, since one far
/// away has that many turns ahead.
const ATTEMPT: Duration = Duration::from_millis(500);
/// How often a source of which a part was lost is sent again.
const LOST: u32 = 2;
/// How often a board is asked again whose answer was lost in what a thread prints.
const DROWNED: u32 = 4;

mod small;

/// Enters the raw REPL and starts the agent, or finds it there. The port began to be opened at `opening`.
pub(super) async fn start(
    wire: &mut Wire<'_>,
    secrets: Secrets,
    options: &LinkOptions,
    opening: Instant,
) -> Result<Hello> {
    let deadlines = &options.deadlines;
    ladder::connect(wire, options.reset_on_connect, deadlines, opening).await?;
    let flavour = Flavour::from(options.call_path);
    let reads = flavour.reads_at_once(wire.line.flow_control());
    let attach = source::attach(secrets, reads);
    let damaged = |ended: &Ended| !ended.traceback.is_empty();
    let ran = run_surely(wire, &attach, deadlines, damaged).await?;
    let may_be_small = options.call_path != CallPath::Agent;
    match ran {
        Ran::Hello(words) => return Ok(begun(wire, words, true, flavour)),
        Ran::Ended(_) if may_be_small && small::is_old(wire, deadlines).await? => {
            return small::start(wire, secrets, None, deadlines).await;
        }
        Ran::Ended(ended) if is_out_of_memory(&ended.traceback) => {
            return Err(ladder::out_of_memory(ended.traceback, options.reset_on_connect));
        }
        Ran::Ended(_) => {}
    }
    let Look { free, lacks, loads } = look(wire, secrets, deadlines).await?;
    let too_little = free.is_some_and(|free| free < source::needed());
    if may_be_small && (too_little || lacks) {
        return small::start(wire, secrets, free, deadlines).await;
    }
    if let Some(prebuilt) = prebuilt::bring(secrets, free).filter(|_| loads)
        // Whatever is heard of that: a thread's output would look like a failure, and a second agent takes more memory.
        && let Ran::Ended(_) = run_surely(wire, &prebuilt, deadlines, |_| false).await?
        && let Ran::Hello(words) = begin(wire, &attach, deadlines).await?
    {
        return Ok(begun(wire, words, false, flavour));
    }
    let source = source::bring(secrets, free);
    let mut ran = bring_source(wire, &source, &attach, deadlines).await?;
    for _ in 0..LOST {
        if !ran.has_failed() {
            break;
        }
        ran = bring_source(wire, &source, &attach, deadlines).await?;
    }
    match ran {
        Ran::Hello(words) => Ok(begun(wire, words, false, flavour)),
        Ran::Ended(ended) if may_be_small && is_out_of_memory(&ended.traceback) => {
            small::start(wire, secrets, free, deadlines).await
        }
        Ran::Ended(ended) if is_out_of_memory(&ended.traceback) => {
            Err(ladder::out_of_memory(ended.traceback, options.reset_on_connect))
        }
        Ran::Ended(ended) => Err(refused("the board cannot run the agent", &ended.traceback)),
    }
}

/// Runs what brings the agent, and begins a session with it. Gives the end of what brought it where that has failed.
async fn bring_source(wire: &mut Wire<'_>, source: &str, attach: &str, deadlines: &Deadlines) -> Result<Ran> {
    let brought = run_surely(wire, source, deadlines, |_| false).await?;
    if let Ran::Ended(ended) = &brought
        && is_out_of_memory(&ended.traceback)
    {
        return Ok(brought);
    }
    match begin(wire, attach, deadlines).await? {
        Ran::Ended(ended) if ended.traceback.is_empty() => Ok(brought),
        ran => Ok(ran),
    }
}

/// Begins a session with the agent that has just been brought.
async fn begin(wire: &mut Wire<'_>, attach: &str, deadlines: &Deadlines) -> Result<Ran> {
    let mut ran = run_surely(wire, attach, deadlines, |_| false).await?;
    for _ in 0..DROWNED {
        match &ran {
            // Its hello was lost in what a thread prints; or it is not there, and this says so again.
            Ran::Ended(ended) if !is_out_of_memory(&ended.traceback) => {
                ran = run(wire, attach, deadlines).await?;
            }
            _ => break,
        }
    }
    Ok(ran)
}

/// Asks how much memory is free, and whether the board has what the agent needs. Whatever `main.py` calls `print`: a
/// module's own is MicroPython's.
async fn look(wire: &mut Wire<'_>, secrets: Secrets, deadlines: &Deadlines) -> Result<Look> {
    let (mark, source) = source::look(secrets);
    for _ in 0..DROWNED {
        let take_out = |printed: &mut Vec<u8>| take_out_look(printed, mark.as_bytes());
        let (ran, told) = run_and_take_out(wire, &source, deadlines, take_out).await;
        match (told, ran) {
            (Some(look), _) => return Ok(look),
            (None, Ok(Ran::Ended(ended))) if is_out_of_memory(&ended.traceback) => break,
            (None, Ok(Ran::Ended(_))) => {}
            (None, Ok(Ran::Hello(_))) => {
                return Err(refused(
                    "another agent answered than the one that was started",
                    b"",
                ));
            }
            // The line may have lost a part, so that the board waits for more.
            (None, Err(error)) if !is_lost(wire, &error) => return Err(error),
            (None, Err(_)) => ladder::enter(wire, deadlines.enter, Instant::now(), deadlines.open).await?,
        }
    }
    Ok(Look::default())
}

/// Whether the board may wait for a part of what it was sent: an old one loses some, and of others the line may have
/// lost that, or what says that they take more. Of that nothing has run.
fn is_lost(wire: &Wire<'_>, error: &Error) -> bool {
    let is_old = wire.line.repl.has_raw_paste() == Some(false);
    matches!(error.kind(), ErrorKind::Timeout { .. }) && (is_old || error.phase() == Some(Phase::Paste))
}

/// The agent has said hello.
fn begun(wire: &mut Wire<'_>, words: FirstWords, attached: bool, flavour: Flavour) -> Hello {
    if !flavour.stays() {
        wire.line.serve();
    }
    Hello {
        call_path: flavour.into(),
        boot: words.boot,
        attached,
        flavour,
        implementation: words.implementation,
        platform: words.platform,
        free_memory: words.before.zip(words.free),
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
    wire: &mut Wire<'_>,
    reads: i64,
    deadlines: &Deadlines,
    until: Instant,
) -> Result<Option<u64>> {
    let begun = Instant::now();
    let mut patience = ATTEMPT.min(deadlines.enter);
    loop {
        let mark = source::mark();
        let absence = source::absence(&mark);
        let source = source::resume(&mark, reads);
        wire.line.watch_for(absence.clone());
        let attempt = (Instant::now() + patience).min(until);
        patience = patience.saturating_mul(2).min(deadlines.resync);
        let trying = async {
            wire.line.hold_back_output();
            let entered = wire.operate(Operation::Enter, attempt).await;
            wire.line.let_go_on_the_way();
            entered?;
            wire.line.hold_back_output();
            run_to_end(wire, &source, deadlines).await
        };
        let tried = timeout_at(attempt, trying).await;
        if let Some(printed) = wire.line.output_held_back() {
            if let Ok(Ok(Ran::Ended(ended))) = &tried {
                take_out_own_end(printed, ended);
            }
            take_out(printed, format!("{absence}\r\n").as_bytes());
            // Of an attempt that did not come to its end.
            take_out_interrupted(printed);
            while take_out(printed, RAW_BANNER).is_some() {}
        }
        wire.line.let_output_go();
        match tried.unwrap_or_else(|_| Err(wire.timeout(begun.elapsed(), Phase::Resync))) {
            Ok(Ran::Hello(words)) => return Ok(Some(words.boot)),
            Ok(Ran::Ended(_)) if wire.line.take_mark().is_some() => return Ok(None),
            Ok(Ran::Ended(_)) | Err(_) if Instant::now() < until && !wire.is_gone() => {}
            Ok(Ran::Ended(_)) => return Err(wire.timeout(begun.elapsed(), Phase::Resync)),
            Err(error) => return Err(error),
        }
    }
}

enum Ran {
    /// The agent said hello, and runs.
    Hello(FirstWords),
    /// The code has ended.
    Ended(Ended),
}

impl Ran {
    /// Whether no agent runs, for which no lack of memory is the reason. What the line has changed fails in any way.
    fn has_failed(&self) -> bool {
        matches!(self, Self::Ended(ended) if !is_out_of_memory(&ended.traceback))
    }
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

/// Runs this on a board that may wait for some of it that was lost: then it is run again. If it is an old one nothing
/// but what it looks like tells.
async fn run_surely(
    wire: &mut Wire<'_>,
    source: &str,
    deadlines: &Deadlines,
    damaged: impl Fn(&Ended) -> bool,
) -> Result<Ran> {
    for _ in 0..LOST {
        let ran = run(wire, source, deadlines).await;
        let lost = match &ran {
            Ok(Ran::Ended(ended)) => wire.line.repl.has_raw_paste() == Some(false) && damaged(ended),
            Ok(Ran::Hello(_)) => false,
            Err(error) => is_lost(wire, error),
        };
        if !lost {
            return ran;
        }
        ladder::enter(wire, deadlines.enter, Instant::now(), deadlines.open).await?;
    }
    run(wire, source, deadlines).await
}

/// Runs this, and hands out what is printed meanwhile, without what is said of it.
async fn run(wire: &mut Wire<'_>, source: &str, deadlines: &Deadlines) -> Result<Ran> {
    run_and_take_out(wire, source, deadlines, |_| None::<()>).await.0
}

/// The same, and takes out what it was told to say.
async fn run_and_take_out<T>(
    wire: &mut Wire<'_>,
    source: &str,
    deadlines: &Deadlines,
    take_out: impl FnOnce(&mut Vec<u8>) -> Option<T>,
) -> (Result<Ran>, Option<T>) {
    wire.line.hold_back_output();
    let ran = run_to_end(wire, source, deadlines).await;
    let told = wire.line.output_held_back().and_then(|printed| {
        if let Ok(Ran::Ended(ended)) = &ran {
            take_out_own_end(printed, ended);
        }
        take_out(printed)
    });
    wire.line.let_output_go();
    (ran, told)
}

fn take_out_own_end(printed: &mut Vec<u8>, ended: &Ended) {
    if ended.claimed {
        take_out_end(printed, &ended.traceback);
    }
}

/// Runs this, each phase of it within its own deadline.
async fn run_to_end(wire: &mut Wire<'_>, source: &str, deadlines: &Deadlines) -> Result<Ran> {
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
            Some(Item::Frame(frame)) => {
                if let Some(Reply::Hello(words)) = Reply::decode(frame) {
                    return Ok(Ran::Hello(words));
                }
            }
            Some(Item::Repl(Event::EndClaimed { traceback })) if wire.line.repl.accept_end() => {
                return Ok(Ran::Ended(Ended::of(traceback, true)));
            }
            Some(Item::Repl(Event::Done { traceback, .. })) => {
                return Ok(Ran::Ended(Ended::of(traceback, false)));
            }
            Some(Item::Repl(Event::Aborted(why))) => {
                return Err(Error::from(ErrorKind::Protocol {
                    what: format!("the board did not take the code ({why:?})").into(),
                    received: wire.line.tail(),
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

impl Wire<'_> {
    pub(super) fn start(&mut self, operation: Operation) -> Result<()> {
        self.line.repl.start(operation).map_err(|error| {
            ErrorKind::Protocol {
                what: error.to_string().into(),
                received: self.line.tail(),
            }
            .into()
        })
    }

    /// The phase of what runs, and since when it is in that, or has not got any further in it.
    fn progress(&self, phase: Phase, since: Instant) -> (Phase, Instant) {
        match self.line.repl.stage() {
            Stage::Sending => (Phase::Paste, since.max(self.line.written_at())),
            Stage::Compiling => (Phase::Compile, since.max(self.line.written_at())),
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

    pub(super) fn timeout(&self, after: Duration, phase: Phase) -> Error {
        Error::from(ErrorKind::Timeout {
            after,
            received: self.line.tail(),
        })
        .in_phase(phase)
    }
}
