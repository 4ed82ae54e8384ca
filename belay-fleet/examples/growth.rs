//! What boards behind a server cost it, and what they cost a client: memory, processor, and what goes over the network; and
//! how long a call on all boards of a group takes.
//!
//! `cargo run --release -p belay-fleet --example growth`; the boards are simulated, and server and client are programs of
//! their own. With `-- boards`, `-- group` or `-- announcements` it measures only that.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use belay::prelude::*;
use belay::transport::Address;
use belay_fleet::{BoardEvent, Config, Fleet, Query, Server};
use belay_sim::Board;
use belay_tests::far::Far;
use futures_util::StreamExt as _;

/// For how long nothing is done while it is measured what that costs.
const IDLE: Duration = Duration::from_secs(10);
/// How often all boards are called.
const CALLS: u32 = 20;
/// How long the body of a call takes on a board, in milliseconds, in which the board has nothing to do.
const RESTS: u32 = 50;

#[belay::device]
trait Echo {
    /// ```python
    /// return number
    /// ```
    #[task]
    async fn echo(&self, number: u32) -> Result<u32>;

    /// ```python
    /// import time
    /// time.sleep_ms(milliseconds)
    /// return milliseconds
    /// ```
    #[task]
    async fn rest(&self, milliseconds: u32) -> Result<u32>;
}

type Outcome<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn config(kind: &str, place: &str) -> Outcome<Config> {
    let mut config = Config::default();
    config.insert_json5("scouting/multicast/enabled", "false")?;
    config.insert_json5("listen/endpoints", "[]")?;
    let places: Vec<String> = place.split(',').map(|place| format!("\"tcp/{place}\"")).collect();
    config.insert_json5(&format!("{kind}/endpoints"), &format!("[{}]", places.join(",")))?;
    Ok(config)
}

/// This program in another part.
struct Part {
    child: Child,
    tells: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Part {
    fn start(words: &[&str]) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let tells = child.stdin.take().ok_or("no input")?;
        let lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        Ok(Self { child, tells, lines })
    }

    fn line(&mut self) -> Outcome<String> {
        Ok(self.lines.next().ok_or("the other part has ended")??)
    }

    fn asks(&mut self, what: &str) -> Outcome<String> {
        writeln!(self.tells, "{what}")?;
        self.line()
    }

    /// Its memory in kilobytes, and what it has had of the processor.
    fn cost(&self) -> Outcome<(u64, Duration)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let memory = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
        Ok((memory.ok_or("no memory is told")?, processor(self.child.id())?))
    }
}

/// What a program has had of the processor, with all its threads.
fn processor(process: u32) -> Outcome<Duration> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        // One that ends meanwhile says nothing any more.
        let told = std::fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        let had: u64 = told
            .split(' ')
            .next()
            .and_then(|had| had.parse().ok())
            .unwrap_or(0);
        nanoseconds += had;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address of this machine that no other program has.
fn place(number: u8) -> String {
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("127.{high}.{low}.{}:7447", 200 + number)
}

#[tokio::main]
async fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server", place, ref boards @ ..] => serve(place, boards).await,
        ["client", place, boards] => call(place, boards.parse()?).await,
        ["watcher", place, boards] => watch(place, boards.parse()?).await,
        ["boards"] => boards().await,
        ["group"] => group().await,
        ["announcements"] => announcements().await,
        [] => {
            boards().await?;
            group().await?;
            announcements().await
        }
        _ => Err("`boards`, `group`, `announcements`, or all of them without a word".into()),
    }
}

/// One server, and a client that has all its boards.
async fn boards() -> Outcome {
    println!(
        "| boards | server | more for each | idle | client | more for each | all taken, idle: server | client | packets each | bytes each | one call | a call on all |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut first = None;
    for count in [1_u32, 10, 100] {
        let mut boards = Vec::new();
        for _ in 0..count {
            boards.push(Board::unix().heap_kb(128).start().await?);
        }
        let (place, far) = (place(0), place(1));
        let words: Vec<&str> = ["server", &place]
            .into_iter()
            .chain(boards.iter().map(Board::port))
            .collect();
        let mut server = Part::start(&words)?;
        server.line()?;
        let idle = idle(&[&server]).await?[0];
        let (announced, _) = server.cost()?;
        let line = Far::new(&far, format!("tcp://{place}").parse()?).await?;
        let mut client = Part::start(&["client", &far, &count.to_string()])?;
        client.line()?;
        let before = line.carried();
        let costs = self::idle(&[&server, &client]).await?;
        let after = line.carried();
        let each = |at: usize| {
            f64::from(u32::try_from(after[at] - before[at]).unwrap_or(u32::MAX))
                / IDLE.as_secs_f64()
                / f64::from(count)
        };
        let ((server_memory, _), (client_memory, _)) = (server.cost()?, client.cost()?);
        let (server_first, client_first) = *first.get_or_insert((server_memory, client_memory));
        let more = |memory: u64, first: u64| memory.saturating_sub(first) / u64::from(count.max(2) - 1);
        let [one, all] = [client.asks("one 0")?, client.asks("all 0")?].map(|told| milliseconds(&told));
        let (one, all) = (one?, all?);
        println!(
            "| {count} | {} MB, {} MB when all are taken | {} kB | {idle:.2} % | {} MB | {} kB | {:.2} % | {:.2} % | {:.1}/s | {:.0}/s | {one:.1} ms | {all:.1} ms |",
            announced / 1024,
            server_memory / 1024,
            more(server_memory, server_first),
            client_memory / 1024,
            more(client_memory, client_first),
            costs[0],
            costs[1],
            each(0),
            each(1),
        );
    }
    Ok(())
}

fn milliseconds(told: &str) -> Outcome<f64> {
    Ok(told.parse()?)
}

/// A call on sixteen boards behind two servers, against the same on one of them: of a body that does nothing, and of one in
/// which each board waits, as most do that measure something.
async fn group() -> Outcome {
    println!(
        "\n| body | a call on one of 16 boards | on all | of one | processor: boards | and their cables | servers | client | of both processors |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut boards = Vec::new();
    for _ in 0..16 {
        boards.push(Board::unix().heap_kb(128).start().await?);
    }
    let places = [place(0), place(1)];
    let mut servers = Vec::new();
    for (place, boards) in places.iter().zip(boards.chunks(8)) {
        let words: Vec<&str> = ["server", place]
            .into_iter()
            .chain(boards.iter().map(Board::port))
            .collect();
        servers.push(Part::start(&words)?);
    }
    for server in &mut servers {
        server.line()?;
    }
    let mut client = Part::start(&["client", &places.join(","), "16"])?;
    client.line()?;
    // What each of them has had of the processor: the cables are this program's.
    let had = |client: &Part| -> Outcome<[Duration; 4]> {
        let boards = boards.iter().map(|board| processor(board.process_id()));
        let servers = servers.iter().map(|server| processor(server.child.id()));
        Ok([
            boards.sum::<Outcome<Duration>>()?,
            processor(std::process::id())?,
            servers.sum::<Outcome<Duration>>()?,
            processor(client.child.id())?,
        ])
    };
    for rests in [0, RESTS] {
        let one = milliseconds(&client.asks(&format!("one {rests}"))?)?;
        let (before, begun) = (had(&client)?, Instant::now());
        let all = milliseconds(&client.asks(&format!("all {rests}"))?)?;
        let (after, took) = (had(&client)?, begun.elapsed());
        let each = [0, 1, 2, 3]
            .map(|at| after[at].saturating_sub(before[at]).as_secs_f64() * 1000.0 / f64::from(CALLS));
        let [of_boards, of_cables, of_servers, of_client] = each;
        let busy = each.iter().sum::<f64>() * f64::from(CALLS) / 1000.0 / took.as_secs_f64() * 50.0;
        println!(
            "| {rests} ms | {one:.1} ms | {all:.1} ms | {:.2} × | {of_boards:.1} ms | {of_cables:.1} ms | \
             {of_servers:.1} ms | {of_client:.1} ms | {busy:.0} % |",
            all / one,
        );
    }
    Ok(())
}

async fn announcements() -> Outcome {
    announced(1, 1_000).await?;
    announced(1, 2_000).await?;
    announced(10, 1_000).await
}

/// What boards cost that are announced and that nobody has: by so many servers, each of which has so many.
async fn announced(servers: u8, each: u64) -> Outcome {
    let mut all = Vec::new();
    let (mut before, mut announced) = (0, Duration::ZERO);
    let places: Vec<String> = (0..servers).map(place).collect();
    for place in &places {
        let mut server = Part::start(&["server", place])?;
        server.line()?;
        before += server.cost()?.0;
        let begun = Instant::now();
        server.asks(&format!("announce {each}"))?;
        announced += begun.elapsed();
        all.push(server);
    }
    let count = u64::from(servers) * each;
    let mut watcher = Part::start(&["watcher", &places.join(","), &count.to_string()])?;
    let told = watcher.line()?;
    let mut costs = 0;
    for part in &all {
        costs += part.cost()?.0;
    }
    all.push(watcher);
    let idle = idle(&all.iter().collect::<Vec<_>>()).await?;
    println!(
        "\n{count} announcements by {servers} servers: made in {:.1?} by each, {} kB each; {told}; the client {} MB; idle \
         {:.2} % of a processor for a server, {:.2} % for the client",
        announced / u32::from(servers),
        (costs - before) / count,
        all[all.len() - 1].cost()?.0 / 1024,
        idle[0],
        idle[idle.len() - 1],
    );
    Ok(())
}

/// What these take of a processor while nothing is done, in per cent.
async fn idle(parts: &[&Part]) -> Outcome<Vec<f64>> {
    let costs = || parts.iter().map(|part| part.cost()).collect::<Outcome<Vec<_>>>();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (before, begun) = (costs()?, Instant::now());
    tokio::time::sleep(IDLE).await;
    let after = costs()?;
    let taken = before
        .iter()
        .zip(&after)
        .map(|((_, before), (_, after))| after.saturating_sub(*before));
    Ok(taken
        .map(|taken| 100.0 * taken.as_secs_f64() / begun.elapsed().as_secs_f64())
        .collect())
}

async fn serve(place: &str, boards: &[&str]) -> Outcome {
    let server = Server::open(
        config("listen", place)?,
        &format!("lab-{}", place.replace(':', "-")),
    )
    .await?;
    for (number, board) in boards.iter().enumerate() {
        let address: Address = board.parse()?;
        server
            .announce(&format!("board{number}"), address, [("kind", "echo")])
            .await?;
    }
    println!("ready");
    let mut lines = std::io::stdin().lines();
    while let Some(line) = lines.next().transpose()? {
        let count: usize = line.trim_start_matches("announce ").parse()?;
        for number in 0..count {
            let address: Address = "/dev/no-board".parse()?;
            server
                .announce(&format!("announced{number}"), address, [("kind", "none")])
                .await?;
        }
        println!("done");
    }
    Ok(())
}

async fn call(place: &str, boards: usize) -> Outcome {
    let fleet = Fleet::open(config("connect", place)?).await?;
    let group = fleet
        .group::<EchoDevice>(&Query::new().tag("kind", "echo"), "growth")
        .await?;
    group.ready(boards).await;
    println!("ready");
    let device = group
        .members()
        .into_iter()
        .find_map(|member| member.device.ok())
        .ok_or("no board")?;
    let mut lines = std::io::stdin().lines();
    while let Some(line) = lines.next().transpose()? {
        let (who, rests) = line
            .split_once(' ')
            .ok_or("who is to be called, and for how long?")?;
        let rests: u32 = rests.parse()?;
        let mut times = Vec::new();
        for number in 0..CALLS {
            let begun = Instant::now();
            if who == "one" {
                called(device.clone(), number, rests).await?;
            } else {
                let results: Vec<_> = group.call(|board| called(board, number, rests)).collect().await;
                for (_, result) in results {
                    result?;
                }
            }
            times.push(begun.elapsed());
        }
        times.sort();
        println!("{:.2}", 1000.0 * times[times.len() / 2].as_secs_f64());
    }
    Ok(())
}

async fn called(board: EchoDevice, number: u32, rests: u32) -> Result<u32> {
    match rests {
        0 => board.echo(number).await,
        _ => board.rest(rests).await,
    }
}

async fn watch(place: &str, boards: usize) -> Outcome {
    let begun = Instant::now();
    let fleet = Fleet::open(config("connect", place)?).await?;
    let mut events = fleet.boards(&Query::new()).await?;
    let mut seen = 0;
    while seen < boards {
        seen += usize::from(matches!(events.next().await, Some(BoardEvent::Arrived(_))));
    }
    let seen_after = begun.elapsed();
    let begun = Instant::now();
    let listed = fleet.list(&Query::new()).await?.len();
    println!(
        "all seen after {seen_after:.1?}, {listed} listed in {:.1?}",
        begun.elapsed()
    );
    std::io::stdin().lines().next();
    Ok(())
}
