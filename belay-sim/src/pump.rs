//! The thread that carries bytes between the port and the board, and owns them both.

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, Sender, TryRecvError},
    },
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tempfile::TempDir;

use crate::{
    cable::Counts,
    fault::{Direction, Fault, Rates},
    line::{Break, Line},
    port::Port,
    process::{Process, Recipe},
};

/// A process that ends sooner than this after its start counts as failed to start.
const SHORT_LIFE: Duration = Duration::from_millis(200);

/// After this many failed starts in a row, the board counts as broken.
const MOST_SHORT_LIVES: u32 = 5;

/// What handles request of the pump.
#[derive(Debug)]
pub(crate) enum Command {
    Rates(Direction, Rates, u64),
    Plan(Direction, u64, Fault),
    Cut(bool),
    TakeTurns(Option<Duration>),
    Baud(Option<u32>),
    Heal,
    Restart(Sender<io::Result<u32>>),
    Vanish(Sender<()>),
    Appear(Sender<io::Result<String>>),
    Stop,
}

/// Everything that a running board consists of.
#[derive(Debug)]
pub(crate) struct Pump {
    port: Option<Port>,
    /// The name of the current port, or of the last one.
    last_name: String,
    /// Keeps the name of the port that was unplugged last from being reused, since a client that waits for
    /// this board would open the other terminal.
    last_port: Option<File>,
    process: Option<Process>,
    /// How many processes in a row ended right after their start.
    short_lives: u32,
    recipe: Recipe,
    directory: TempDir,
    to_board: Line,
    to_host: Line,
    counts: Arc<Counts>,
    /// The direction of the last delivery.
    last: Direction,
    commands: Receiver<Command>,
    wake: OwnedFd,
}

/// The file descriptors that are ready.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one file descriptor's answer"
)]
struct Ready {
    port: bool,
    board: bool,
    clients: bool,
    commands: bool,
}

impl Pump {
    pub(crate) fn start(
        recipe: Recipe,
        directory: TempDir,
        commands: Receiver<Command>,
        wake: OwnedFd,
    ) -> io::Result<Self> {
        let port = Port::open()?;
        let process = Process::start(&recipe, directory.path())?;
        let counts = Arc::new(Counts::default());
        Ok(Self {
            last_name: port.path().to_owned(),
            last_port: None,
            port: Some(port),
            process: Some(process),
            short_lives: 0,
            recipe,
            directory,
            to_board: Line::counting(&counts.to_board),
            to_host: Line::counting(&counts.to_host),
            counts,
            last: Direction::ToHost,
            commands,
            wake,
        })
    }

    pub(crate) fn port(&self) -> &str {
        &self.last_name
    }

    /// The counters of the cable.
    pub(crate) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.as_ref().map_or(0, Process::id)
    }

    /// Carries bytes until told to stop.
    pub(crate) fn run(mut self) {
        loop {
            let Ok(ready) = self.wait() else { return };
            if ready.commands && !self.obey() {
                return;
            }
            // A client may have left before the board printed this, and the notification may come only now:
            // so check the clients before the board's output is carried.
            if (ready.clients || ready.board)
                && let Some(port) = &mut self.port
                && port.update_clients()
            {
                self.to_host.clear();
            }
            self.carry_to_board(ready.port);
            if !self.to_board.is_empty() {
                self.to_host.stay_quiet();
            }
            self.carry_to_host(ready.board);
            self.count_turns();
            match self.to_board.take_break().or(self.to_host.take_break()) {
                Some(Break::Cut) => self.cut(true),
                Some(Break::Vanish) => self.unplug(),
                None => {}
            }
        }
    }

    fn count_turns(&mut self) {
        for way in Direction::BOTH {
            if self.line(way).take_delivered() && self.last != way {
                self.last = way;
                if way == Direction::ToBoard {
                    self.counts.turns.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    fn cut(&mut self, cut: bool) {
        for way in Direction::BOTH {
            self.line(way).set_cut(cut);
        }
    }

    /// Waits until there is something to do.
    fn wait(&mut self) -> io::Result<Ready> {
        let timeout = self.timeout();
        let (port, process) = (self.port.as_ref(), self.process.as_ref());
        let wake = self.wake.as_fd();
        let port_flags = interest(
            self.listens() && self.to_board.has_room(),
            self.to_host.waits_for_sink(),
        );
        let board_flags = interest(self.to_host.has_room(), self.to_board.waits_for_sink());
        // A port or process that does not exist is replaced by the wake-up descriptor with no events
        // requested.
        let none = PollFd::from_borrowed_fd(wake, PollFlags::empty());
        let mut fds = [
            PollFd::from_borrowed_fd(wake, PollFlags::IN),
            port.map_or(none.clone(), |port| {
                PollFd::from_borrowed_fd(port.as_fd(), port_flags)
            }),
            port.map_or(none.clone(), |port| {
                PollFd::from_borrowed_fd(port.watch(), PollFlags::IN)
            }),
            process.map_or(none, |process| {
                PollFd::from_borrowed_fd(process.as_fd(), board_flags)
            }),
        ];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [commands, port, clients, board] = fds.map(|fd| {
            fd.revents()
                .intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)
        });
        Ok(Ready {
            port,
            board,
            clients,
            commands,
        })
    }

    /// How long to wait at most: until a byte on one of the lines is due.
    fn timeout(&mut self) -> Option<Timespec> {
        let due = [self.to_board.wakes_at(), self.to_host.wakes_at()]
            .into_iter()
            .flatten()
            .min()?;
        let left = due.saturating_duration_since(Instant::now());
        Timespec::try_from(left.min(Duration::from_secs(60 * 60))).ok()
    }

    /// Whether to read what comes for the board. If there is no board, it is read and lost.
    fn listens(&self) -> bool {
        self.process.as_ref().is_none_or(|process| process.listens)
    }

    fn carry_to_board(&mut self, ready: bool) {
        let mut buffer = [0; 4096];
        let mut received = 0;
        if ready
            && self.listens()
            && let Some(port) = &mut self.port
        {
            received = port.read(&mut buffer).unwrap_or(0);
        }
        let Some(process) = &self.process else { return };
        let result = if received > 0 {
            self.to_board.carry(&buffer[..received], process.file())
        } else {
            self.to_board.deliver(process.file())
        };
        if result.is_err() {
            self.to_board.clear();
        }
    }

    fn carry_to_host(&mut self, ready: bool) {
        let mut buffer = [0; 4096];
        let mut received = 0;
        if ready && let Some(process) = &mut self.process {
            match process.file().read(&mut buffer) {
                Ok(n) if n > 0 => {
                    received = n;
                    process.listens = true;
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) => {}
                _ => self.board_ended(),
            }
        }
        // What a board prints while no program has its port open is lost.
        let Some(port) = self.port.as_ref().filter(|port| port.has_client()) else {
            return;
        };
        let result = if received > 0 {
            self.to_host.carry(&buffer[..received], port.writer())
        } else {
            self.to_host.deliver(port.writer())
        };
        if result.is_err() {
            self.to_host.clear();
        }
    }

    /// The process has ended by itself: the board either starts again or is gone, with its port.
    fn board_ended(&mut self) {
        let ended = self.process.take();
        self.to_board.clear();
        let lived = ended.is_some_and(|process| process.age() > SHORT_LIFE);
        self.short_lives = if lived { 0 } else { self.short_lives + 1 };
        if self.recipe.restarts && self.short_lives < MOST_SHORT_LIVES {
            self.process = Process::start(&self.recipe, self.directory.path()).ok();
        }
        if self.process.is_none() {
            self.unplug();
        }
    }

    /// Carries out the requests of the handles. Returns whether to go on.
    fn obey(&mut self) -> bool {
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.wake, &mut count);
        loop {
            match self.commands.try_recv() {
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
                Ok(command) => self.execute(command),
            }
        }
    }

    fn execute(&mut self, command: Command) {
        match command {
            Command::Rates(direction, rates, seed) => self.line(direction).set_rates(rates, seed),
            Command::Plan(direction, nth, fault) => self.line(direction).plan(nth, fault),
            Command::Cut(cut) => self.cut(cut),
            Command::TakeTurns(quiet) => Direction::BOTH
                .into_iter()
                .for_each(|way| self.line(way).set_quiet(quiet)),
            Command::Baud(baud) => Direction::BOTH
                .into_iter()
                .for_each(|way| self.line(way).set_baud(baud)),
            Command::Heal => Direction::BOTH.into_iter().for_each(|way| self.line(way).heal()),
            Command::Restart(reply) => _ = reply.send(self.restart()),
            Command::Vanish(reply) => {
                self.unplug();
                let _ = reply.send(());
            }
            Command::Appear(reply) => _ = reply.send(self.appear()),
            Command::Stop => {}
        }
    }

    fn line(&mut self, direction: Direction) -> &mut Line {
        match direction {
            Direction::ToBoard => &mut self.to_board,
            Direction::ToHost => &mut self.to_host,
        }
    }

    /// Switches the board off and on. Bytes that were travelling to it are lost.
    fn restart(&mut self) -> io::Result<u32> {
        self.process = None;
        self.to_board.clear();
        if let Some(port) = &mut self.port {
            let mut lost = [0; 4096];
            while port.read(&mut lost).is_ok_and(|n| n > 0) {}
        }
        let process = self
            .process
            .insert(Process::start(&self.recipe, self.directory.path())?);
        Ok(process.id())
    }

    fn unplug(&mut self) {
        if let Some(port) = self.port.take() {
            self.last_port = Some(port.unplug());
        }
    }

    /// Opens a port for the board with another name than the one before.
    fn appear(&mut self) -> io::Result<String> {
        let port = Port::open()?;
        self.last_port = None;
        port.path().clone_into(&mut self.last_name);
        self.port = Some(port);
        Ok(self.last_name.clone())
    }
}

fn interest(read: bool, write: bool) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, read);
    flags.set(PollFlags::OUT, write);
    flags
}
