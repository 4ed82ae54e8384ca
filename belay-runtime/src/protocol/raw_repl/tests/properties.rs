//! What holds whatever a board sends and in whatever pieces it arrives.

use proptest::collection::vec;
use proptest::prelude::*;

use super::board::{Board, Line, Model, Outcome, REPLY, RawPaste};
use super::*;

/// Pieces of conversations, so that garbage gets further than random bytes would.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let known: &[&[u8]] = &[
        b"raw REPL; CTRL-B to exit\r\n>",
        b"raw REPL; ",
        b"OK",
        b"OKbelay-00000000-1\r\n",
        b"belay-00000000-2",
        b"R\x01",
        b"R\x00",
        b"R",
        b"\x80\x00\x01",
        b"\x20\x00",
        b"\x00\x80\x01",
        b"\x01",
        b"\x04",
        b"\x04\x04>",
        b"\x04Traceback\r\n\x04>",
        b">",
        b"\r\n>>> ",
        b"\r\nMPY: soft reboot\r\n",
        b"hello\r\n",
    ];
    prop_oneof![
        8 => proptest::sample::select(known).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 1..6),
    ]
}

/// What an owner does between two batches of received bytes.
#[derive(Debug, Clone)]
enum Action {
    Start(Operation),
    Interrupt,
    ReplySeen,
    AcceptEnd,
    Write(u8),
}

fn actions() -> impl Strategy<Value = Action> {
    let modes = proptest::sample::select(&[Mode::Auto, Mode::RawPaste, Mode::Plain][..]);
    let execution = (modes, any::<bool>(), 0_usize..700).prop_map(|(mode, framed, length)| {
        Operation::Execute(Execution {
            source: vec![b'x'; length],
            mode,
            framed,
        })
    });
    prop_oneof![
        3 => Just(Action::Start(Operation::Enter)),
        1 => Just(Action::Start(Operation::Exit)),
        1 => Just(Action::Start(Operation::SoftReset)),
        8 => execution.prop_map(Action::Start),
        2 => Just(Action::Interrupt),
        1 => Just(Action::ReplySeen),
        1 => Just(Action::AcceptEnd),
        4 => (1_u8..5).prop_map(Action::Write),
    ]
}

fn act(repl: &mut RawRepl, action: &Action, written: &mut Vec<Write>) {
    match action {
        Action::Start(operation) => drop(repl.start(operation.clone())),
        Action::Interrupt => drop(repl.interrupt()),
        Action::ReplySeen => repl.reply_seen(),
        Action::AcceptEnd => drop(repl.accept_end()),
        Action::Write(count) => {
            written.extend(std::iter::from_fn(|| repl.poll_write()).take((*count).into()));
        }
    }
}

/// Events with adjacent output joined: where output is cut means nothing.
fn take_events(repl: &mut RawRepl, events: &mut Vec<Event>) {
    while let Some(event) = repl.poll_event() {
        match (event, events.last_mut()) {
            (Event::Output(more), Some(Event::Output(output))) => output.extend(more),
            (event, _) => events.push(event),
        }
    }
}

type Script = Vec<(Action, Vec<u8>)>;

fn script() -> impl Strategy<Value = Script> {
    let step = (actions(), vec(pieces(), 0..6).prop_map(|pieces| pieces.concat()));
    let first = (
        Just(Action::Start(Operation::Enter)),
        Just(b"raw REPL; CTRL-B to exit\r\n>OKbelay-00000000-1\r\n\x04\x04>".to_vec()),
    );
    (first, vec(step, 0..12)).prop_map(|(first, steps)| [vec![first], steps].concat())
}

fn play(script: &Script, mut cut: impl FnMut(usize) -> usize) -> (Vec<Event>, Vec<Write>) {
    let mut repl = RawRepl::new(Options::default());
    let (mut events, mut written) = (Vec::new(), Vec::new());
    for (action, bytes) in script {
        act(&mut repl, action, &mut written);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(cut(rest.len()).clamp(1, rest.len()));
            repl.receive(now);
            take_events(&mut repl, &mut events);
            rest = later;
        }
        take_events(&mut repl, &mut events);
    }
    (events, written)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn events_are_the_same_whether_bytes_come_singly_or_together(
        script in script(),
        cuts in vec(1_usize..40, 1..20),
    ) {
        let together = play(&script, |length| length);
        let singly = play(&script, |_| 1);
        let mut cuts = cuts.iter().cycle();
        let cut_up = play(&script, |_| *cuts.next().expect("it is endless"));
        prop_assert_eq!(&together, &singly);
        prop_assert_eq!(&together, &cut_up);
    }

    #[test]
    fn garbage_is_survived_and_none_of_it_is_hoarded(script in script(), garbage in pieces()) {
        let options = Options { traceback_limit: 100, ..Options::default() };
        let mut repl = RawRepl::new(options);
        for (action, bytes) in script {
            act(&mut repl, &action, &mut Vec::new());
            repl.receive(&bytes);
            while repl.poll_event().is_some() {}
            while repl.poll_write().is_some() {}
        }
        for _ in 0..500 {
            repl.receive(&garbage);
            while repl.poll_event().is_some() {}
            while repl.poll_write().is_some() {}
        }
        prop_assert!(repl.held() <= 1024, "{} bytes are kept: {repl:?}", repl.held());
    }

    #[test]
    fn a_source_of_any_length_passes_a_window_of_any_size(window in 1_u16.., length in 0_usize..5000) {
        let mut repl = Dialogue::entered().repl;
        let source: Vec<u8> = (b'a'..=b'z').cycle().take(length).collect();
        let execution = Execution { source: source.clone(), ..execution("") };
        repl.start(Operation::Execute(execution)).expect("the board is idle");
        prop_assert_eq!(repl.poll_write().map(|write| write.bytes), Some(b"\x05A\x01".to_vec()));
        repl.receive(&[b"R\x01", &window.to_le_bytes()[..], b"\x01"].concat());
        prop_assert_eq!(repl.poll_event(), None);
        let (mut pasted, mut read, mut granted) = (Vec::new(), 0, 2 * usize::from(window));
        while !pasted.ends_with(b"\x04") {
            while let Some(write) = repl.poll_write() {
                pasted.extend(write.bytes);
            }
            prop_assert!(pasted.len() <= granted, "the window is overrun");
            prop_assert!(read < pasted.len(), "nothing is sent, though the board has read everything");
            for _ in read / usize::from(window)..pasted.len() / usize::from(window) {
                granted += usize::from(window);
                repl.receive(b"\x01");
            }
            read = pasted.len();
            prop_assert_eq!(repl.poll_event(), None);
        }
        pasted.pop();
        prop_assert_eq!(pasted, source);
    }
}

/// One execution of a campaign against the model board.
#[derive(Debug, Clone)]
struct Attempt {
    program: Vec<Line>,
    mode: Mode,
    framed: bool,
    /// After how many turns it is interrupted, and again.
    interrupts: Vec<u8>,
}

fn lines() -> impl Strategy<Value = Line> {
    // Programs speak in small letters and threads in capitals, so that the two can be told apart.
    let text = proptest::string::string_regex("[a-z\r\n ]{0,60}").expect("it is a regular expression");
    prop_oneof![
        8 => text.prop_map(|text| Line::Print(text.into_bytes())),
        3 => (0_u8..60).prop_map(Line::Work),
        1 => Just(Line::Raise),
        1 => Just(Line::Exit),
        1 => Just(Line::SyntaxError),
    ]
}

fn forgeries() -> impl Strategy<Value = Line> {
    let forged: &[&[u8]] = &[b"\x04", b"\x04\x04>", b"\x04error\x04>", b"\x04\x04", b"\x01"];
    proptest::sample::select(forged).prop_map(|bytes| Line::Print(bytes.to_vec()))
}

fn attempts() -> impl Strategy<Value = Attempt> {
    let modes = proptest::sample::select(&[Mode::Auto, Mode::Plain][..]);
    let plain = vec(lines(), 0..12).prop_map(|program| (program, false));
    let framed = vec(prop_oneof![3 => lines(), 1 => forgeries()], 0..12).prop_map(|mut program| {
        program.retain(|line| !matches!(line, Line::Raise | Line::Exit | Line::SyntaxError));
        program.push(Line::Print(REPLY.to_vec()));
        (program, true)
    });
    let interrupts = prop_oneof![2 => Just(Vec::new()), 1 => vec(0_u8..80, 1..3)];
    (prop_oneof![2 => plain, 1 => framed], modes, interrupts).prop_map(
        |((program, framed), mode, interrupts)| {
            // An agent catches the interrupt and replies all the same, which the model cannot.
            let interrupts = if framed { Vec::new() } else { interrupts };
            Attempt {
                program,
                mode,
                framed,
                interrupts,
            }
        },
    )
}

fn models() -> impl Strategy<Value = Model> {
    let raw_paste = prop_oneof![
        4 => proptest::sample::select(&[16_u16, 32, 128, 255, 256, 2048][..]).prop_map(RawPaste::Window),
        1 => Just(RawPaste::Declined),
        1 => Just(RawPaste::Unknown),
    ];
    let wordings = proptest::sample::select(&["MPY: soft reboot", "PYB: soft reboot", "soft reboot"][..]);
    (raw_paste, any::<bool>(), wordings).prop_map(|(raw_paste, interruptible, wording)| Model {
        raw_paste,
        interruptible,
        wording,
    })
}

/// A machine and a model board with a line between them on which anything takes any time.
struct Bench {
    repl: RawRepl,
    board: Board,
    wire: VecDeque<u8>,
    turns: std::iter::Cycle<std::vec::IntoIter<u8>>,
    /// What threads print is everything but the letters that programs use.
    background: bool,
    threads_spoke: bool,
    printed: Vec<u8>,
    events: Vec<Event>,
}

impl Bench {
    fn turn(&mut self) {
        let turn = self.turns.next().expect("it is endless");
        let many = 1 + usize::from(turn / 8);
        match turn % 8 {
            0 | 1 => self.wire.extend(
                self.repl
                    .poll_write()
                    .map(|write| write.bytes)
                    .unwrap_or_default(),
            ),
            2 | 3 => self
                .wire
                .drain(..many.min(self.wire.len()))
                .for_each(|byte| self.board.receive(byte)),
            4 => drop((0..many).take_while(|_| self.board.step()).count()),
            5 if self.background => {
                self.threads_spoke = true;
                self.board.say(&b"TICK 123 > R\r\n"[..many.min(14)]);
            }
            _ => {
                let now: Vec<_> = self.board.sent.drain(..many.min(self.board.sent.len())).collect();
                self.repl.receive(&now);
                self.take_events();
            }
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.repl.poll_event() {
            if let Event::Output(bytes) = &event {
                self.printed.extend(bytes);
                if self.printed.windows(REPLY.len()).any(|window| window == REPLY) {
                    self.repl.reply_seen();
                }
            } else {
                self.events.push(event);
            }
        }
    }

    /// Lets everything arrive that is on its way.
    fn settle(&mut self) {
        self.background = false;
        for _ in 0..20_000 {
            self.take_events();
            if self.board.is_idle()
                && self.board.sent.is_empty()
                && self.wire.is_empty()
                && self.repl.stage() == Stage::Idle
            {
                return;
            }
            self.turn();
        }
        panic!(
            "machine and board wait for each other: {:?} and {:?}",
            self.repl, self.board
        );
    }
}

fn spoken(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(u8::is_ascii_lowercase).collect()
}

/// Runs one program and returns what the board says became of it, after comparing that with the events.
fn attempt(bench: &mut Bench, attempt: &Attempt) -> Result<(), TestCaseError> {
    bench.threads_spoke = false;
    bench.events.clear();
    bench.printed.clear();
    bench.board.outcomes.clear();
    let source: String = attempt.program.iter().map(Line::source).collect();
    let operation = Operation::Execute(Execution {
        source: source.into_bytes(),
        mode: attempt.mode,
        framed: attempt.framed,
    });
    prop_assert_eq!(bench.repl.start(operation), Ok(()));
    for turn in 0..100 {
        if bench.repl.stage() == Stage::Idle {
            break;
        }
        if attempt.interrupts.contains(&turn) {
            bench.repl.interrupt();
        }
        bench.turn();
    }
    bench.settle();
    prop_assert_eq!(bench.board.resets, 0, "a Ctrl-D met an empty prompt");

    let outcomes = bench.board.outcomes.clone();
    let events = &bench.events;
    let ended = events
        .iter()
        .filter(|event| matches!(event, Event::Done { .. } | Event::SystemExit | Event::Aborted(_)));
    let ended: Vec<_> = ended.collect();
    prop_assert_eq!(ended.len(), 1, "an execution ends once: {:?}", events);
    let has = |wanted: &Event| events.contains(wanted);
    match (ended[0], outcomes.as_slice()) {
        (Event::Done { traceback, .. }, [outcome]) => {
            prop_assert_eq!(spoken(traceback), spoken(outcome.traceback()), "it {:?}", outcome);
            if *outcome == Outcome::Exited {
                // A thread's `>` looked like the prompt, but the restart does not go unnoticed.
                let rebooted = |event: &Event| matches!(event, Event::Sign(Sign::SoftReboot(_)));
                prop_assert!(events.iter().any(rebooted) && bench.threads_spoke);
            }
            prop_assert!(has(&Event::Started) != has(&Event::CutShort));
            if *outcome == Outcome::Stopped {
                prop_assert!(has(&Event::CutShort), "none of it ran");
            } else if *outcome != Outcome::Refused {
                prop_assert!(has(&Event::Started), "some of it ran");
            }
        }
        (Event::SystemExit, [Outcome::Exited]) => {
            prop_assert_eq!(events.last(), Some(&Event::Restarted { raw: true }));
        }
        // A Ctrl-C at the prompt leaves no trace on the board.
        (Event::Aborted(Abort::Interrupted), []) => {}
        (ended, outcomes) => prop_assert!(false, "{:?} is said of {:?}", ended, outcomes),
    }
    if outcomes == [Outcome::Finished] {
        let prints = attempt.program.iter().filter_map(|line| match line {
            Line::Print(bytes) => Some(bytes.clone()),
            _ => None,
        });
        prop_assert_eq!(
            spoken(&bench.printed),
            spoken(&prints.collect::<Vec<_>>().concat())
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_became_of_an_execution_is_told_truly_whatever_else_goes_on(
        model in models(),
        attempts in vec(attempts(), 1..6),
        turns in vec(any::<u8>(), 50..200),
        background in any::<bool>(),
    ) {
        // Each kind of turn must come round, or nothing ever arrives.
        let turns: Vec<u8> = turns.into_iter().chain([56, 58, 60, 62, 63, 56, 58, 60, 62]).collect();
        let mut bench = Bench {
            repl: RawRepl::new(Options::default()),
            board: Board::new(model),
            wire: VecDeque::new(),
            turns: turns.into_iter().cycle(),
            background,
            threads_spoke: false,
            printed: Vec::new(),
            events: Vec::new(),
        };
        bench.repl.start(Operation::Enter).expect("it may be entered from any state");
        bench.settle();
        prop_assert_eq!(bench.events.last(), Some(&Event::Entered));
        for one in &attempts {
            bench.background = background;
            attempt(&mut bench, one)?;
        }
    }
}
