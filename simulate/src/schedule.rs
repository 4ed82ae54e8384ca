//! The schedule of a run: everything that will happen, drawn from the seed before the run begins.

use std::time::Duration;

use belay_runtime::link::{CallPath, Deadlines, LinkOptions, ResetPolicy};

use crate::board::{Background, EVENTS, Kind, Query};
use crate::calls::Call;
use crate::choices::Choices;
use crate::keeping::Deed;
use crate::line::{FAULTS, Fault, Faults, Nature};
use crate::trace::Way;

/// How a host and a board talk to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// The resident agent, which reads blocks.
    Agent,
    /// The same on a line without flow control, where it reads lines.
    Paced,
    /// The resident agent over the raw REPL.
    Raw,
    /// The same on a line without flow control.
    RawPaced,
    /// The agent for small boards.
    Small,
    /// The same on a board without raw-paste mode, and on a bare UART.
    Old,
    /// The resident agent on a board that discards unread input when Ctrl-C comes.
    Flushing,
}

/// All flavours.
pub const FLAVOURS: [Flavour; 7] = [
    Flavour::Agent,
    Flavour::Paced,
    Flavour::Raw,
    Flavour::RawPaced,
    Flavour::Small,
    Flavour::Old,
    Flavour::Flushing,
];

impl Flavour {
    /// The name of the flavour on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Paced => "paced",
            Self::Raw => "raw",
            Self::RawPaced => "raw-paced",
            Self::Small => "small",
            Self::Old => "old",
            Self::Flushing => "flushing",
        }
    }

    pub(crate) fn call_path(self) -> CallPath {
        match self {
            Self::Agent | Self::Paced | Self::Flushing => CallPath::Agent,
            Self::Raw | Self::RawPaced => CallPath::RawRepl,
            Self::Small | Self::Old => CallPath::Auto,
        }
    }

    /// Whether the board gets the agent for small boards.
    pub(crate) fn is_small(self) -> bool {
        matches!(self, Self::Small | Self::Old)
    }

    /// Whether bodies can ask the host.
    pub(crate) fn asks(self) -> bool {
        matches!(self, Self::Agent | Self::Paced | Self::Flushing)
    }

    fn has_flow_control(self) -> bool {
        !matches!(self, Self::Paced | Self::RawPaced | Self::Old)
    }

    pub(crate) fn board(self, choices: &mut Choices) -> Kind {
        let window = (self != Self::Old).then(|| choices.pick(&[32, 128, 256, 2_048, 60_000, 60_000]));
        Kind {
            small: self.is_small(),
            // Newer boards have both raw-paste mode and precompiled code.
            loads: self != Self::Flushing && window > Some(128),
            window,
            ring: if self == Self::Old {
                64
            } else {
                choices.pick(&[256, 260, 512, 4_096])
            },
            flushes: self == Self::Flushing,
            flow_control: self.has_flow_control(),
            slowness: choices.pick(&[0, 0, 0, 20, 150]),
            boot: Duration::from_millis(choices.pick(&[1, 20, 300])),
            implementation: if self == Self::Flushing {
                "circuitpython"
            } else {
                "micropython"
            },
        }
    }

    fn line(self, choices: &mut Choices) -> Nature {
        let bare = !self.has_flow_control();
        Nature {
            latency: Duration::from_millis(choices.pick(&[0, 0, 1, 3, 16])),
            // A bare UART has a limited speed; USB is treated as unlimited.
            speed: if bare || choices.chance(150) {
                Some(choices.pick(&[6, 11, 90]))
            } else {
                None
            },
            flow_control: self.has_flow_control(),
            losses: None,
        }
    }
}

/// How long a byte is on its way to a board behind a network.
const FAR: Duration = Duration::from_millis(50);

/// What somebody does beside the calls.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// Faults begin in one direction of the line.
    Spoil(Way, Faults),
    /// The cable is cut for this long.
    Cut(Duration),
    /// The board's button is pressed.
    Press,
    /// The port vanishes, and is back after this long.
    Vanish(Duration),
    /// The host resets the board.
    Reset(ResetPolicy),
    /// The host ends all calls.
    EndAll,
    /// The host hangs up.
    Close,
}

/// The schedule of one run.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) flavour: Flavour,
    pub(crate) board: Kind,
    pub(crate) board_choices: Choices,
    pub(crate) line: Nature,
    pub(crate) deadlines: Deadlines,
    pub(crate) calls: Vec<(Duration, Call)>,
    /// Whether the calls wait for each other.
    pub(crate) in_turn: bool,
    pub(crate) troubles: Vec<(Duration, Trouble)>,
    pub(crate) background: Vec<(Duration, Background)>,
    /// Whether the troubles begin at once, so that they hit the connecting, too; and how the board is reset
    /// on connecting.
    pub(crate) early: bool,
    pub(crate) reset_on_connect: ResetPolicy,
    /// Whether the host answers questions.
    pub(crate) asks: bool,
    /// When the host asks how many events were sent, if it subscribes to any.
    pub(crate) settles: Option<Vec<Duration>>,
    /// What is done with objects that stay on the board, each after so long, if anything is.
    pub(crate) deeds: Vec<(Duration, Deed)>,
}

impl Schedule {
    /// A schedule, with the board at hand or far away.
    pub(crate) fn drawn(choices: &mut Choices, only: Option<Flavour>, far: bool) -> Self {
        let mut schedule = Self::near(choices, only);
        let flavour = schedule.flavour;
        // A board without raw-paste mode never is: what its prompts say to questions would cross the next ones.
        if far && flavour != Flavour::Old {
            schedule.line.latency = FAR;
            schedule.line.losses = Some(choices.below(u64::MAX));
            // What is short here is too short for so many turns.
            schedule.deadlines = Deadlines::default();
            // So is a window that costs a turn for every few bytes, which no board has.
            schedule.board.window = schedule.board.window.map(|window| window.max(128));
        }
        schedule
    }

    fn near(choices: &mut Choices, only: Option<Flavour>) -> Self {
        let drawn = choices.pick(&FLAVOURS);
        let flavour = only.unwrap_or(drawn);
        let board = flavour.board(choices);
        let line = flavour.line(choices);
        let large = match (flavour, line.speed) {
            (Flavour::Old, _) => 100,
            (_, Some(speed)) if speed < 20 => 300,
            _ => 1_500,
        };
        let in_turn = choices.chance(400);
        let count = choices.between(1, 6);
        let calls = (1..=count).map(|id| {
            let after = Duration::from_millis(if in_turn || choices.chance(500) {
                0
            } else {
                choices.below(200)
            });
            (after, Call::drawn(u32::try_from(id).unwrap_or(0), choices, large))
        });
        let calls = calls.collect();
        let mut schedule = Self {
            flavour,
            board_choices: choices.fork(),
            board,
            line,
            deadlines: deadlines(choices),
            calls,
            in_turn,
            troubles: Vec::new(),
            background: Vec::new(),
            early: choices.chance(60),
            reset_on_connect: ResetPolicy::None,
            asks: false,
            settles: None,
            deeds: Vec::new(),
        };
        let troubles = choices.pick(&[0, 1, 1, 1, 1, 2, 3]);
        for _ in 0..troubles {
            let trouble = Self::trouble(choices, line.flow_control);
            let after = Duration::from_millis(if choices.chance(400) {
                0
            } else {
                choices.below(400)
            });
            schedule.troubles.push((after, trouble));
        }
        schedule.draw_background(choices);
        schedule.draw_questions(choices);
        schedule.draw_events(choices);
        if schedule.early && choices.chance(300) {
            schedule.reset_on_connect = choices.pick(&[ResetPolicy::Soft, ResetPolicy::Lines]);
        }
        schedule.draw_deeds(choices);
        schedule
    }

    /// A schedule for this flavour without any trouble.
    pub(crate) fn untroubled(seed: u64, flavour: Flavour) -> Self {
        Self {
            troubles: Vec::new(),
            early: false,
            reset_on_connect: ResetPolicy::None,
            ..Self::near(&mut Choices::seeded(seed), Some(flavour))
        }
    }

    fn trouble(choices: &mut Choices, flow_control: bool) -> Trouble {
        let way = if choices.chance(500) {
            Way::ToBoard
        } else {
            Way::ToHost
        };
        let time = |choices: &mut Choices| Duration::from_millis(choices.between(1, 600));
        match choices.below(100) {
            0..45 => {
                let once = (0..choices.between(1, 3)).map(|_| (choices.below(400), choices.pick(&FAULTS)));
                let once = once.collect();
                Trouble::Spoil(way, Faults::once(once, choices.fork()))
            }
            45..75 => {
                let rate = choices.pick(&[5_000, 1_500, 400, 120, 40]);
                // A line with flow control, such as USB, is not that bad.
                let rate = if flow_control { rate.max(120) } else { rate };
                let kinds = if choices.chance(500) {
                    FAULTS.to_vec()
                } else {
                    vec![choices.pick(&FAULTS)]
                };
                Trouble::Spoil(way, Faults::again_and_again(rate, kinds, choices.fork()))
            }
            75..80 => Trouble::Cut(time(choices)),
            80..86 => Trouble::Press,
            86..89 => Trouble::Vanish(time(choices)),
            89..93 => Trouble::Reset(choices.pick(&[ResetPolicy::Soft, ResetPolicy::Lines])),
            93..97 => Trouble::EndAll,
            _ => Trouble::Close,
        }
    }

    fn draw_background(&mut self, choices: &mut Choices) {
        if !choices.chance(300) {
            return;
        }
        let mut at = Duration::ZERO;
        for number in 0..choices.between(1, 40) {
            at += Duration::from_millis(choices.below(60));
            let number = u32::try_from(number).unwrap_or(0);
            let what = if choices.chance(500) {
                Background::Print(number)
            } else {
                Background::Tell(number)
            };
            self.background.push((at, what));
        }
    }

    /// In some schedules, lets bodies and threads ask the host questions.
    fn draw_questions(&mut self, choices: &mut Choices) {
        if !(self.flavour.asks() && choices.chance(250)) {
            return;
        }
        self.asks = true;
        for (_, call) in &mut self.calls {
            if choices.chance(600) {
                call.draw_anew(choices, true);
            }
        }
        for at in 0..choices.below(5) {
            let query = Query {
                call: 5_000 + u32::try_from(at).unwrap_or(0),
                nth: u32::try_from(choices.below(4)).unwrap_or(0),
                slow: choices.pick(&[0, 0, 50, 1_200]),
            };
            self.add_to_background(choices, Background::Ask(query));
        }
    }

    /// In some schedules, lets bodies and threads send events.
    fn draw_events(&mut self, choices: &mut Choices) {
        if self.flavour.is_small() || !choices.chance(200) {
            return;
        }
        for (_, call) in &mut self.calls {
            if choices.chance(300) {
                call.draw_anew(choices, false);
            }
        }
        for value in 0..choices.below(20) {
            let value = u32::try_from(value).unwrap_or(0);
            let event = Background::Event(choices.index(EVENTS.len()), value);
            self.add_to_background(choices, event);
        }
        let settles = (0..choices.below(4)).map(|_| Duration::from_millis(choices.below(1_500)));
        self.settles = Some(settles.collect());
    }

    /// Has objects stay on the board, in some schedules.
    fn draw_deeds(&mut self, choices: &mut Choices) {
        if self.flavour.is_small() || !choices.chance(200) {
            return;
        }
        for _ in 0..choices.between(2, 12) {
            let after = Duration::from_millis(choices.pick(&[0, 0, 5, 40, 300]));
            self.deeds.push((after, Deed::drawn(choices)));
        }
    }

    fn add_to_background(&mut self, choices: &mut Choices, what: Background) {
        // Only after connecting has begun.
        let at = Duration::from_millis(choices.between(20, 2_500));
        let behind = self.background.partition_point(|(other, _)| *other <= at);
        self.background.insert(behind, (at, what));
    }

    /// Whether no byte is damaged or lost.
    pub(crate) fn is_clean(&self) -> bool {
        let spoils =
            |trouble: &Trouble| matches!(trouble, Trouble::Spoil(..) | Trouble::Cut(_) | Trouble::Vanish(_));
        !self.troubles.iter().any(|(_, trouble)| spoils(trouble))
    }

    /// Whether each question is sent as a source of its own.
    pub(crate) fn types_questions(&self) -> bool {
        matches!(self.flavour, Flavour::Raw | Flavour::RawPaced)
    }

    /// Whether the line may lose many bytes in a row.
    pub(crate) fn loses_much(&self) -> bool {
        let loses = |trouble: &Trouble| match trouble {
            Trouble::Spoil(_, faults) => {
                let once = faults.once.iter().map(|(_, fault)| fault);
                once.chain(&faults.kinds).any(|fault| *fault == Fault::Gap)
            }
            Trouble::Cut(_) | Trouble::Vanish(_) => true,
            _ => false,
        };
        self.troubles.iter().any(|(_, trouble)| loses(trouble))
    }

    /// How many threads ask the host.
    pub(crate) fn threads_that_ask(&self) -> usize {
        let asks = |what: &Background| matches!(what, Background::Ask(_));
        self.background.iter().filter(|(_, what)| asks(what)).count()
    }

    /// Whether nothing goes wrong besides the calls.
    pub(crate) fn is_calm(&self) -> bool {
        self.troubles.is_empty()
    }

    /// Whether something resets the board on purpose.
    pub(crate) fn resets(&self) -> bool {
        let resets = |trouble: &Trouble| matches!(trouble, Trouble::Press | Trouble::Reset(_));
        self.troubles.iter().any(|(_, trouble)| resets(trouble))
    }

    /// Whether the host itself ends calls.
    pub(crate) fn hangs_up(&self) -> bool {
        let ends = |trouble: &Trouble| matches!(trouble, Trouble::EndAll | Trouble::Close);
        self.troubles.iter().any(|(_, trouble)| ends(trouble))
    }

    pub(crate) fn options(&self) -> LinkOptions {
        LinkOptions::default()
            .with_reset_on_connect(self.reset_on_connect)
            .with_call_path(self.flavour.call_path())
            .with_deadlines(self.deadlines)
    }
}

fn deadlines(choices: &mut Choices) -> Deadlines {
    let mut deadlines = Deadlines::default();
    if choices.chance(500) {
        deadlines.interrupt = Duration::from_millis(800);
        deadlines.resync = Duration::from_secs(2);
    }
    deadlines
}

impl Faults {
    pub(crate) fn once(once: Vec<(u64, Fault)>, choices: Choices) -> Self {
        Self {
            once,
            rate: None,
            kinds: Vec::new(),
            choices,
        }
    }

    fn again_and_again(rate: u64, kinds: Vec<Fault>, choices: Choices) -> Self {
        Self {
            once: Vec::new(),
            rate: Some(rate),
            kinds,
            choices,
        }
    }
}
