//! One run with files: a fault is injected while a file is written or a folder is brought up to date. Each file has to
//! be the old or the new one, at once and after the next connection, and afterwards nothing else may be left.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use belay::{Device, Error, ErrorKind, FileError, Left, SyncOptions};
use belay_sim::{Board, Direction, Fault};
use belay_tests::tool::tells_of_the_line;
use belay_tests::{set_disk, with_disk};
use tokio::time::{sleep, timeout};

use super::run::{self, DEADLINE, HUNG, HangsUp, Outcome};

/// How long a cut lasts at most.
const CUT: Duration = Duration::from_secs(3);

type Tree = BTreeMap<String, Vec<u8>>;

/// The work, and the files that are there before it.
struct Work {
    old: Tree,
    new: Tree,
    /// Whether it brings the folder of these files up to date; otherwise it writes one file.
    sync: bool,
}

/// The fault.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    /// The line is cut.
    Cut,
    /// The board is unplugged, and plugged in again.
    Unplugged,
    /// The board loses power for a moment, after so many bytes in this direction.
    PowerLost(Direction, u64),
    /// The disk has too little free space.
    Full,
}

impl Work {
    fn random(random: &mut fastrand::Rng) -> Self {
        let mut old = Tree::new();
        for name in ["/w/a.bin", "/w/lib/b.py", "/w/lib/c.py", "/top.bin"] {
            if random.bool() {
                old.insert(name.into(), contents(random, 3_000));
            }
        }
        let mut new = Tree::new();
        let sync = random.bool();
        if !sync {
            let names = ["/w/a.bin", "/w/lib/b.py", "/top.bin", "/w/new/folder/d.bin"];
            let most = [100, 4_000, 60_000][random.usize(0..3)];
            new.insert(names[random.usize(0..names.len())].into(), contents(random, most));
            return Self { old, new, sync };
        }
        for nth in 0..random.usize(1..12) {
            let name = match nth {
                0 => "/w/a.bin".to_owned(),
                1 => "/w/lib/b.py".to_owned(),
                nth => format!("/w/more/{nth}.py"),
            };
            let same = old.get(&name).filter(|_| random.bool()).cloned();
            let most = if random.u8(0..8) == 0 { 20_000 } else { 2_000 };
            new.insert(name, same.unwrap_or_else(|| contents(random, most)));
        }
        Self { old, new, sync }
    }

    async fn run(&self, device: &Device) -> Result<(), Error> {
        if self.sync {
            let below =
                |(path, contents): (&String, &Vec<u8>)| (path["/w".len()..].to_owned(), contents.clone());
            let contents: Vec<_> = self.new.iter().map(below).collect();
            let options = SyncOptions::new().delete(true);
            return device
                .files()
                .sync_contents(contents, "/w", options)
                .await
                .map(drop);
        }
        for (path, contents) in &self.new {
            device.files().write(path, contents.clone()).await?;
        }
        Ok(())
    }

    /// Roughly how many bytes the work sends to the board; some of them are compressed.
    fn bytes(&self) -> u64 {
        let bytes: usize = self.new.values().map(|contents| contents.len() + 200).sum();
        bytes as u64 + 100
    }

    /// Compares the files on the board with what they may be. `done` says that the work has succeeded; `unchanged` is
    /// the file that its error says has been left as it was.
    fn judge(&self, there: &Tree, done: bool, unchanged: Option<&str>) -> Option<String> {
        let names: BTreeSet<&String> = self
            .old
            .keys()
            .chain(self.new.keys())
            .chain(there.keys())
            .collect();
        for name in names {
            let (old, new, now) = (self.old.get(name), self.new.get(name), there.get(name));
            // A sync removes other files of the folder, a write leaves them alone.
            let goal = if new.is_some() || self.sync && name.starts_with("/w/") {
                new
            } else {
                old
            };
            let ok = match (done, unchanged) {
                (true, _) => now == goal,
                (false, Some(path)) if path == name => now == old,
                (false, _) => now == old || now == goal,
            };
            if !ok {
                let length = |contents: Option<&Vec<u8>>| contents.map(Vec::len);
                return Some(format!(
                    "{name} has {:?} bytes, before {:?}, new {:?}; done: {done}, unchanged: {unchanged:?}",
                    length(now),
                    length(old),
                    length(goal)
                ));
            }
        }
        None
    }
}

fn contents(random: &mut fastrand::Rng, most: usize) -> Vec<u8> {
    let length = random.usize(0..most);
    if random.bool() {
        (0..length).map(|_| random.u8(..)).collect()
    } else {
        (0..length)
            .map(|_| b"def import self."[random.usize(0..16)])
            .collect()
    }
}

/// The part of the host that is killed; it runs in a process of its own.
pub(crate) async fn act(port: &str, seed: u64) {
    let work = Work::random(&mut fastrand::Rng::with_seed(seed));
    if let Ok(device) = Device::connect(port).await {
        // Nobody reads the result.
        let _ = work.run(&device).await;
        let _ = device.close().await;
    }
}

/// A board and the device on it, which are kept from run to run for as long as they work.
pub(crate) struct Runner {
    board: Board,
    device: Option<Device>,
}

impl Runner {
    pub(crate) async fn new() -> Self {
        let board = with_disk(Board::unix()).start().await;
        Self {
            board: board.unwrap_or_else(|error| panic!("{error}")),
            device: None,
        }
    }

    async fn connect(&mut self) -> Result<Device, Error> {
        if let Some(device) = &self.device {
            return Ok(device.clone());
        }
        let mut deadlines = run::options().deadlines;
        deadlines.execute = DEADLINE;
        let device = Device::builder(self.board.port())
            .deadlines(deadlines)
            .connect()
            .await?;
        self.device = Some(device.clone());
        Ok(device)
    }

    pub(crate) async fn run(&mut self, seed: u64) -> Outcome {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut outcome = Outcome::default();
        let work = Work::random(&mut random);
        if let Err(error) = prepare(self.board.directory(), &work.old) {
            outcome.lost(format!("the board's files cannot be prepared: {error}"));
            return outcome;
        }
        let kind = if work.sync { "sync" } else { "write" };
        let _ = write!(outcome.scenario, "{kind} of {} bytes; ", work.bytes());
        let given = if random.u8(0..5) == 0 {
            self.killed(&work, seed, &mut random, &mut outcome).await;
            None
        } else {
            self.troubled(&work, &mut random, &mut outcome).await
        };
        if let Err(error) = self.board.cable().heal() {
            outcome.lost(error.to_string());
        }
        let (done, unchanged) = verdict(given.as_ref(), &mut outcome);
        let mut there = tree(self.board.directory());
        there.retain(|name, _| !is_temporary(name));
        if let Some(wrong) = work.judge(&there, done, unchanged.as_deref()) {
            outcome.wrong(format!("at once: {wrong}; {given:?}"));
        }
        self.afterwards(&mut outcome).await;
        let there = tree(self.board.directory());
        if let Some(wrong) = work.judge(&there, done, unchanged.as_deref()) {
            outcome.wrong(format!("after the next connection: {wrong}; {given:?}"));
        }
        if let Some(empty) = empty_folder(self.board.directory()) {
            outcome.wrong(format!("an empty folder is left: {empty}; {given:?}"));
        }
        outcome.recovered = !outcome.lost && !outcome.hung;
        outcome
    }

    /// Does the work while a fault is injected.
    async fn troubled(
        &mut self,
        work: &Work,
        random: &mut fastrand::Rng,
        outcome: &mut Outcome,
    ) -> Option<Result<(), Error>> {
        let device = match self.connect().await {
            Ok(device) => device,
            Err(error) => {
                outcome.lost(format!("cannot connect: {error}"));
                return None;
            }
        };
        let trouble = self.plan(&device, work, random, outcome).await;
        let working = tokio::spawn({
            let work = Work {
                old: Tree::new(),
                new: work.new.clone(),
                sync: work.sync,
            };
            async move { work.run(&device).await }
        });
        if let Trouble::PowerLost(direction, at) = trouble {
            self.until_carried(direction, at, || working.is_finished()).await;
            if let Err(error) = self.board.restart() {
                outcome.lost(error.to_string());
            }
        }
        let cut = sleep(CUT * random.u32(1..100) / 100);
        tokio::pin!(working, cut);
        let given = tokio::select! {
            given = &mut working => Some(given),
            () = cut => {
                // A cut must not last for ever.
                let _ = self.board.cable().heal();
                timeout(HUNG, working).await.ok()
            }
        };
        if let Trouble::Unplugged = trouble {
            let _ = self.board.vanish();
            if let Err(error) = self.board.appear() {
                outcome.lost(error.to_string());
            }
        }
        if let (Trouble::Full, Some(device)) = (trouble, &self.device) {
            let _ = set_disk(device, "disk.room = None\ndisk.mute = False").await;
        }
        match given {
            Some(Ok(given)) => Some(given),
            Some(Err(error)) => {
                outcome.wrong(error.to_string());
                None
            }
            None => {
                outcome.hung("the work did not end".into());
                None
            }
        }
    }

    /// Draws a fault and schedules it on the cable, or says which one the caller has to cause.
    async fn plan(
        &mut self,
        device: &Device,
        work: &Work,
        random: &mut fastrand::Rng,
        outcome: &mut Outcome,
    ) -> Trouble {
        let to_board = random.u8(0..4) > 0;
        let direction = if to_board {
            Direction::ToBoard
        } else {
            Direction::ToHost
        };
        let at = if to_board {
            random.u64(0..work.bytes())
        } else {
            random.u64(0..400)
        };
        let (trouble, planned) = match random.u8(0..4) {
            0 => {
                let _ = write!(outcome.scenario, "cut at byte {at} {direction:?}; ");
                let planned = self.board.cable().once(direction, at, Fault::Cut);
                (Trouble::Cut, planned)
            }
            1 => {
                let _ = write!(outcome.scenario, "unplugged at byte {at} {direction:?}; ");
                let planned = self.board.cable().once(direction, at, Fault::Vanish);
                (Trouble::Unplugged, planned)
            }
            2 => {
                let _ = write!(outcome.scenario, "power lost at byte {at} {direction:?}; ");
                (Trouble::PowerLost(direction, at), Ok(()))
            }
            _ => {
                let room = random.u64(0..work.bytes());
                let _ = write!(outcome.scenario, "full after {room} bytes; ");
                let mute = if random.bool() { "True" } else { "False" };
                let settings = format!("disk.room = disk.used() + {room}\ndisk.mute = {mute}");
                if let Err(error) = set_disk(device, &settings).await {
                    outcome.lost(format!("the disk cannot be made small: {error}"));
                }
                (Trouble::Full, Ok(()))
            }
        };
        if let Err(error) = planned {
            outcome.lost(error.to_string());
        }
        trouble
    }

    /// Has another process do the work, and kills it in the middle.
    async fn killed(&mut self, work: &Work, seed: u64, random: &mut fastrand::Rng, outcome: &mut Outcome) {
        self.hang_up().await;
        // Connecting also sends bytes.
        let at = random.u64(0..work.bytes() + 800);
        let _ = write!(outcome.scenario, "host killed at byte {at}; ");
        let program = std::env::current_exe().unwrap_or_default();
        let child = tokio::process::Command::new(program)
            .args(["--act", self.board.port(), "--seed", &seed.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => return outcome.lost(error.to_string()),
        };
        self.until_carried(Direction::ToBoard, at, || matches!(child.try_wait(), Ok(Some(_))))
            .await;
        // Killing fails if it has ended already.
        let _ = child.kill().await;
    }

    /// Waits until the cable has carried so many more bytes, or the work has ended.
    async fn until_carried(&self, direction: Direction, many: u64, mut is_over: impl FnMut() -> bool) {
        let cable = self.board.cable();
        let begun = cable.carried(direction);
        let carried = async {
            while cable.carried(direction) - begun < many && !is_over() {
                sleep(Duration::from_micros(200)).await;
            }
        };
        // If the work never ends, the caller that awaits it notices.
        let _ = timeout(HUNG, carried).await;
    }

    /// The next program has to find the board usable; using its files cleans up.
    async fn afterwards(&mut self, outcome: &mut Outcome) {
        self.hang_up().await;
        let using = async |runner: &mut Self| runner.connect().await?.files().exists("/").await;
        run::again(self, "what the next program does with files", using, outcome).await;
    }
}

impl HangsUp for Runner {
    async fn hang_up(&mut self) {
        if let Some(device) = self.device.take() {
            // Closing may fail here; all that matters is that the port is free again.
            let _ = device.close().await;
        }
    }
}

/// What a result claims: whether everything is new, and which file is unchanged.
fn verdict(given: Option<&Result<(), Error>>, outcome: &mut Outcome) -> (bool, Option<String>) {
    let error = match given {
        None => return (false, None),
        Some(Ok(())) => return (true, None),
        Some(Err(error)) => error,
    };
    match error.kind() {
        ErrorKind::NotWritten { path, left, cause } if is_of_the_line(cause) => {
            (false, (*left == Left::Old).then(|| path.clone()))
        }
        ErrorKind::File(FileError::NoSpace { path, missing })
            if outcome.scenario.contains("full") && *missing > 0 =>
        {
            (false, Some(path.clone()))
        }
        _ if is_of_the_line(error) => (false, None),
        _ => {
            outcome.wrong(format!("an error that says something else: {error:?}"));
            (false, None)
        }
    }
}

/// Whether the line is the cause. A request that is lost on a cut line looks as if a program on the board had read it.
fn is_of_the_line(error: &Error) -> bool {
    tells_of_the_line(error) || matches!(error.kind(), ErrorKind::LineRead)
}

fn is_temporary(name: &str) -> bool {
    name.ends_with("/belay~.new") || name.ends_with("/belay~.to")
}

/// Puts these files onto the board, and nothing else.
fn prepare(root: &Path, files: &Tree) -> std::io::Result<()> {
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else if !path.ends_with("disk.py") {
            fs::remove_file(path)?;
        }
    }
    for (name, contents) in files {
        let path = root.join(&name[1..]);
        fs::create_dir_all(path.parent().unwrap_or(root))?;
        fs::write(path, contents)?;
    }
    Ok(())
}

/// The files of a board, except the one that simulates its disk.
fn tree(root: &Path) -> Tree {
    let mut found = Tree::new();
    each(root, &mut |path| {
        if let Ok(contents) = fs::read(path) {
            let name = path.strip_prefix(root).unwrap_or(path).display();
            found.insert(format!("/{name}"), contents);
        }
    });
    found.remove("/disk.py");
    found
}

/// A folder in which there is no file.
fn empty_folder(root: &Path) -> Option<String> {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let below: Vec<_> = fs::read_dir(&folder)
            .ok()?
            .flatten()
            .map(|entry| entry.path())
            .collect();
        if below.is_empty() {
            return Some(folder.display().to_string());
        }
        folders.extend(below.into_iter().filter(|path| path.is_dir()));
    }
    None
}

fn each(folder: &Path, look: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            each(&path, look);
        } else {
            look(&path);
        }
    }
}
