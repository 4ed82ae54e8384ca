//! The test bench: a host, a line and a board, ready for a run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use belay_runtime::link::{Link, LinkEvent, LinkOptions, Output, Request, Statements};
use belay_runtime::transport::Connector;
use belay_runtime::{Error, agent};

use crate::board::{EVENTS, Machine, Witness};
use crate::calls::{Call, DEPLOYED, What};
use crate::host::{Ears, LONG};
use crate::keeping::Pocket;
use crate::line::Line;
use crate::schedule::Schedule;
use crate::trace::Trace;

/// What the host has received from the board besides the answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Hearing>>);

#[derive(Debug, Default)]
pub(crate) struct Hearing {
    /// The numbers that the board has sent unasked.
    pub(crate) told: Vec<String>,
    pub(crate) printed: Vec<u8>,
    /// How many printed bytes were lost.
    pub(crate) overflow: u64,
}

impl Heard {
    pub(crate) fn get(&self) -> MutexGuard<'_, Hearing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, link: &Link) {
        let (mut events, heard) = (link.events(), self.clone());
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if let LinkEvent::Board(repr) = event {
                    heard.get().told.push(String::from_utf8_lossy(&repr).into_owned());
                }
            }
        });
        let (mut output, heard) = (link.output(), self.clone());
        tokio::spawn(async move {
            while let Some(output) = output.next().await {
                match output {
                    Output::Bytes(bytes) => heard.get().printed.extend_from_slice(&bytes),
                    Output::Overflow(bytes) => heard.get().overflow += bytes,
                }
            }
        });
    }
}

/// A host, a line and a board.
pub(crate) struct Bench {
    pub(crate) line: Line,
    pub(crate) witness: Witness,
    pub(crate) heard: Heard,
    pub(crate) ears: Arc<Ears>,
    asks: bool,
    pub(crate) tells: bool,
    /// What stays on the board, if anything does.
    pub(crate) pocket: Option<Arc<Pocket>>,
    /// The run of the interpreter that questions come from, and how many there were before.
    boot: Option<u64>,
    epoch: u64,
    pub(crate) link: Option<Link>,
    pub(crate) small: bool,
    options: LinkOptions,
    pub(crate) deployed: usize,
    /// The source of the functions, for a board that runs real Python.
    pub(crate) functions: Option<&'static str>,
    /// How often the board had started when the link was made, and how many numbers it had sent before
    /// anybody listened.
    pub(crate) boots: u32,
    pub(crate) told_before: usize,
}

impl Bench {
    pub(crate) fn new(schedule: &Schedule, shown: bool) -> Self {
        let line = Line::new(schedule.line, Trace::new(shown));
        let witness = Witness::default();
        let machine = Machine::new(
            line.clone(),
            schedule.board.clone(),
            schedule.board_choices.clone(),
            witness.clone(),
            &schedule.background,
        );
        tokio::spawn(machine.run());
        let used = |(_, call): &(Duration, Call)| match call.what {
            What::Size(_, true) => 2,
            What::Spin(_) => 3,
            What::Say(_) => 4,
            What::Numbers(_) => 5,
            _ => 1,
        };
        Self {
            line,
            heard: Heard::default(),
            ears: Arc::new(Ears::hearing(&EVENTS)),
            asks: schedule.asks,
            tells: schedule.settles.is_some(),
            pocket: (!schedule.deeds.is_empty()).then(|| Pocket::new(&witness)),
            witness,
            boot: None,
            epoch: 0,
            link: None,
            small: schedule.flavour.is_small(),
            options: schedule.options(),
            deployed: if schedule.deeds.is_empty() {
                schedule.calls.iter().map(used).max().unwrap_or(1)
            } else {
                DEPLOYED.len()
            },
            functions: None,
            boots: 0,
            told_before: 0,
        }
    }

    /// Connects, unless there is a link already, and defines the functions on the board.
    pub(crate) async fn connect(&mut self) -> Result<Link, Error> {
        if let Some(link) = &self.link {
            return Ok(link.clone());
        }
        self.boots = self.witness.facts().boots;
        let cable = self.line.clone();
        let connector = Connector::new("simulated", move || {
            let cable = cable.clone();
            async move { cable.open() }
        });
        let heard = (Arc::clone(&self.ears.hub), Arc::clone(&self.ears.asked));
        let link = Link::connect_hearing(heard, &connector, self.options.clone()).await?;
        let boot = Some(link.hello().boot);
        if !(link.hello().attached && self.boot == boot) {
            self.ears.asked.clear();
            self.epoch += 1;
        }
        self.boot = boot;
        // A bad line can make the measured memory look small, so the board may have got the agent for small
        // boards.
        self.small = link.hello().flavour == agent::Flavour::Small;
        self.heard.listen(&link);
        self.told_before = self.witness.facts().told.len();
        if let (true, Some(functions)) = (self.small, &self.functions) {
            let statements = Statements {
                namespace: "sim",
                source: functions,
                file: None,
            };
            link.execute(statements, LONG).await?;
        }
        for name in &DEPLOYED[..self.deployed] {
            let source = match (self.small, &self.functions) {
                (true, _) => String::new(),
                (false, None) => "','def f():pass".to_owned(),
                (false, Some(functions)) => {
                    let functions = functions.replace('\n', "\\n").replace('\'', "\\'");
                    format!("','{functions}")
                }
            };
            let deploy = format!("D('{name}','sim','{name}{source}')");
            link.request(Request::Evaluate(deploy), LONG).await?;
        }
        self.hear(&link).await?;
        self.link = Some(link.clone());
        Ok(link)
    }

    /// Lets the board ask questions and send events. A board whose memory seemed small, because of a bad
    /// line, can do neither.
    async fn hear(&self, link: &Link) -> Result<(), Error> {
        if let Some(pocket) = &self.pocket {
            pocket.leave();
        }
        if self.small {
            return Ok(());
        }
        if let (Some(_), true) = (self.functions, self.asks || self.tells) {
            self.ears.bring(link).await?;
        }
        if self.asks {
            self.ears.be_asked(link).await?;
        }
        if self.tells {
            self.ears.listen(link).await?;
        }
        if let Some(pocket) = &self.pocket {
            pocket.begin(link, self.epoch, self.functions.is_some()).await?;
        }
        Ok(())
    }

    pub(crate) async fn hang_up(&mut self) {
        if let Some(link) = self.link.take() {
            // Only the release of the port matters here.
            let _ = link.close().await;
        }
    }

    /// Whether the board has restarted since the link was made.
    pub(crate) fn was_reset(&self) -> bool {
        self.witness.facts().boots > self.boots
    }
}
