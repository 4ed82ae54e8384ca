//! Two servers and a client on networks that delay, lose and cut: each in a network namespace of its own, where this user
//! may make any.

mod line;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use belay::ErrorKind;
use belay::prelude::*;
use belay::transport::Address;
use belay_fleet::{Fleet, FleetError, Group, Query, Server};
use belay_sim::Board;
use futures_util::StreamExt as _;

use crate::harness::{board, config_of, server, soon};
use line::{Line, Namespace};

/// What a program of this test is to be, and with what: another test starts it.
const PART: &str = "BELAY_FLEET_TEST_PART";

/// Counts on the board, so that a call that was made twice shows.
#[belay::device]
pub trait Counter {
    /// ```python
    /// import sys
    /// if "kept" not in sys.modules:
    ///     sys.modules["kept"] = [0]
    /// kept = sys.modules["kept"]
    /// ```
    #[setup]
    async fn open(&self) -> Result<()>;

    /// ```python
    /// kept[0] += 1
    /// return kept[0]
    /// ```
    #[task]
    async fn count(&self) -> Result<u64>;

    /// ```python
    /// return kept[0]
    /// ```
    #[task]
    async fn counted(&self) -> Result<u64>;
}

/// A program of this test, on the other side of a line.
struct Program {
    child: Child,
    tells: ChildStdin,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Program {
    fn start(mut command: Command, part: &str, arguments: &str) -> Self {
        let mut child = command
            .args(["--exact", "--ignored", "--nocapture", part])
            .env(PART, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let tells = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                match line.strip_prefix("told: ") {
                    Some(told) => drop(sender.send(told.to_owned())),
                    None => println!("{line}"),
                }
            }
        });
        Self {
            child,
            tells,
            lines: receiver,
        }
    }

    fn heard(&self, wanted: &str) {
        let told = self.lines.recv_timeout(crate::harness::PATIENCE);
        assert_eq!(told.as_deref(), Ok(wanted));
    }

    fn tell(&mut self, what: &str) {
        writeln!(self.tells, "{what}").unwrap();
        self.heard("done");
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tell(what: &str) {
    println!("\ntold: {what}");
}

/// A server, which announces and withdraws what it is told to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "another test runs it as a program of its own"]
async fn serves() {
    let Ok(arguments) = std::env::var(PART) else {
        return;
    };
    let (host, place) = arguments.split_once(' ').unwrap();
    let server: Server = server(place, host).await;
    tell("ready");
    let (sender, mut commands) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let _ = sender.blocking_send(line);
        }
    });
    while let Some(command) = commands.recv().await {
        match command.split(' ').collect::<Vec<_>>()[..] {
            ["announce", name, port] => {
                let address: Address = port.parse().unwrap();
                server.announce(name, address, [("serial", name)]).await.unwrap();
            }
            ["withdraw", name] => assert!(server.withdraw(name)),
            _ => panic!("{command}"),
        }
        tell("done");
    }
}

/// Somebody who takes a board and keeps it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "another test runs it as a program of its own"]
async fn holds() {
    let Ok(arguments) = std::env::var(PART) else {
        return;
    };
    let (name, places) = arguments.split_once(' ').unwrap();
    let fleet = joined(&places.split(' ').map(str::to_owned).collect::<Vec<_>>()).await;
    let lease = fleet
        .acquire(&Query::new().tag("serial", name), "holder")
        .await
        .unwrap();
    let device = Box::pin(lease.builder().connect()).await.unwrap();
    tell("held");
    let _ = device.execute("while True: pass").await;
}

async fn joined(places: &[String]) -> Fleet {
    soon("a fleet", Fleet::open(config_of("connect", places)))
        .await
        .unwrap()
}

#[test]
fn what_a_network_does_is_told_and_nothing_happens_twice() {
    // What runs in a namespace of its own can lay lines from there to others.
    let Some(here) = Namespace::new("desk") else {
        println!("this user can make no network namespaces: all of it runs in one, and a proxy cuts");
        return scenario();
    };
    let program = Program::start(here.command(), "networks::in_a_namespace", "desk");
    let told = program.lines.recv_timeout(Duration::from_secs(600));
    assert_eq!(told.as_deref(), Ok("all is well"));
}

#[test]
#[ignore = "another test runs it in a namespace of its own"]
fn in_a_namespace() {
    if std::env::var(PART).is_ok() {
        scenario();
        tell("all is well");
    }
}

fn scenario() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(Box::pin(all_of_it()));
}

/// What was counted by calls that said so, and how many may have been made.
#[derive(Debug, Default)]
struct Counts {
    made: BTreeMap<String, u64>,
    perhaps: BTreeMap<String, u64>,
    failed: usize,
}

impl Counts {
    /// Has all boards count once.
    async fn count(&mut self, group: &Group<CounterDevice>) {
        let mut counting = group.call(|board| async move { board.count().await });
        while let Some((board, counted)) = soon("a call", counting.next()).await {
            let made = self.made.entry(board.clone()).or_default();
            let perhaps = self.perhaps.entry(board.clone()).or_default();
            match counted {
                Ok(counted) => {
                    assert!(
                        (*made + 1..=*made + *perhaps + 1).contains(&counted),
                        "{board}: {counted} after {made} and perhaps {perhaps}"
                    );
                    (*made, *perhaps) = (counted, 0);
                }
                Err(error) => {
                    self.failed += 1;
                    *perhaps += u64::from(may_have_run(&error));
                }
            }
        }
    }
}

/// Whether a call that failed may have been made all the same.
fn may_have_run(error: &FleetError) -> bool {
    match error {
        FleetError::Away { .. } => false,
        FleetError::Device(error) => match error.kind() {
            ErrorKind::Disconnected(_) => false,
            ErrorKind::FateUnknown(_) | ErrorKind::Reset => true,
            kind => panic!("an error that says something else: {kind:?}"),
        },
        FleetError::Late { .. } => true,
        error => panic!("an error that says something else: {error:?}"),
    }
}

async fn ready(group: &Group<CounterDevice>, boards: usize) {
    soon("all boards", group.ready(boards)).await;
}

fn announce(server: &mut Program, name: &str, board: &Board) {
    server.tell(&format!("announce {name} {}", board.port()));
}

#[expect(
    clippy::too_many_lines,
    reason = "it is one story, in which each part begins where the last one has ended"
)]
async fn all_of_it() {
    let lines = [Line::lay(1).await, Line::lay(2).await];
    let places: Vec<String> = lines.iter().map(Line::place).collect();
    let start = |number: usize| {
        let (line, host) = (&lines[number], format!("lab{}", number + 1));
        let server = Program::start(
            line.command(),
            "networks::serves",
            &format!("{host} {}", line.listens()),
        );
        server.heard("ready");
        server
    };
    let (mut lab1, mut lab2) = (start(0), start(1));
    let (a, _) = board().await;
    let (b, _) = board().await;
    let (c, _) = board().await;
    announce(&mut lab1, "a", &a);
    announce(&mut lab1, "b", &b);
    announce(&mut lab2, "c", &c);

    let fleet = joined(&places).await;
    let group = soon("a group", fleet.group::<CounterDevice>(&Query::new(), "test"))
        .await
        .unwrap();
    let group = group.within(Duration::from_secs(60));
    ready(&group, 3).await;
    let mut counts = Counts::default();

    // A network that takes 50 ms there and back and loses one packet in a hundred: nothing fails, it only takes its time.
    for line in &lines {
        line.is_bad(Duration::from_millis(25), 1);
    }
    let begun = Instant::now();
    for _ in 0..50 {
        counts.count(&group).await;
    }
    println!(
        "50 calls on three boards over a bad network in {:?}",
        begun.elapsed()
    );
    assert_eq!(counts.failed, 0);
    assert!(counts.made.values().all(|made| *made == 50), "{counts:?}");

    // It is cut for longer than anybody waits: the calls of that side fail, and say what may have happened.
    lines[0].is_cut(true);
    let begun = Instant::now();
    while counts.failed == 0 {
        counts.count(&group).await;
    }
    println!("the cut was told after {:?}", begun.elapsed());
    assert!(counts.perhaps["belay/lab2/c"] == 0, "{counts:?}");
    lines[0].is_cut(false);
    ready(&group, 3).await;
    counts.failed = 0;
    counts.count(&group).await;
    counts.count(&group).await;
    assert_eq!(counts.failed, 0, "{counts:?}");

    // A server that is killed: its board is away, and back with another server.
    lab2.kill();
    while counts.failed == 0 {
        counts.count(&group).await;
    }
    lab2 = start(1);
    announce(&mut lab2, "c", &c);
    ready(&group, 3).await;
    counts.failed = 0;
    counts.count(&group).await;
    assert_eq!(counts.failed, 0, "{counts:?}");
    for member in group.members() {
        let board = member.info.board;
        let (counted, made) = (
            member.device.unwrap().counted().await.unwrap(),
            counts.made[&board],
        );
        assert_eq!(counted, made, "{board}");
    }
    soon("an end", group.close()).await;

    // Somebody who is killed while he has a board.
    let part = format!("a {}", places.join(" "));
    let holder = Program::start(this_program(), "networks::holds", &part);
    holder.heard("held");
    let killed = Instant::now();
    holder.kill();
    let query = Query::new().tag("serial", "a");
    let lease = soon("a lease", fleet.acquire(&query, "next")).await.unwrap();
    println!("free {:?} after its holder was killed", killed.elapsed());
    assert!(killed.elapsed() < Duration::from_secs(30));
    drop(lease);

    // A board that is plugged in elsewhere is found there.
    let query = Query::new().tag("serial", "b");
    let lease = soon("a lease", fleet.acquire(&query, "mover")).await.unwrap();
    assert_eq!(lease.board(), "belay/lab1/b");
    let device = Box::pin(soon("a device", lease.builder().connect()))
        .await
        .unwrap();
    lab1.tell("withdraw b");
    let error = soon("an error", device.execute("print(1)")).await.unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::Disconnected(_) | ErrorKind::FateUnknown(_)
        ),
        "{error:?}"
    );
    drop((device, lease));
    announce(&mut lab2, "b", &b);
    let lease = soon("a lease", fleet.acquire(&query, "mover")).await.unwrap();
    assert_eq!(lease.board(), "belay/lab2/b");
    let device = Box::pin(soon("a device", lease.builder().connect()))
        .await
        .unwrap();
    assert_eq!(device.execute_as::<u32>("6 * 7").await.unwrap(), 42);
    soon("an end", device.close()).await.unwrap();
}

fn this_program() -> Command {
    Command::new(std::env::current_exe().unwrap())
}
