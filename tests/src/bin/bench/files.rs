//! The time that files take: one of 16 KB, one of 256 KB and a tree of a hundred, at full speed and over a line of
//! 115,200 baud; with Belay, mpremote and Belay for Python.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use belay::prelude::*;
use belay::{CallPath, SyncOptions};
use belay_sim::Board;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::peers;

const PEERS: [&str; 2] = ["mpremote", "belay-python"];
const OURS: &str = "ours";
const BAUD: u32 = 115_200;
/// How long a peer may take for everything, on each line.
const LIMIT: Duration = Duration::from_secs(1_200);
/// The files that are written and read: their names, their sizes in bytes, and whether they can be compressed.
const FILES: [(&str, usize, bool); 3] = [
    ("16k", 16 << 10, false),
    ("256k", 256 << 10, false),
    ("text", 256 << 10, true),
];
const TREE: [&str; 3] = ["tree_new", "tree_same", "tree_one"];

type Outcome<T = ()> = std::result::Result<T, String>;

/// One measurement, in seconds.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    #[serde(default)]
    line: String,
    who: String,
    what: String,
    median: f64,
    min: f64,
    p99: f64,
    n: usize,
}

/// Measures everything and prints it.
pub(crate) async fn measure(rounds: u32, json: bool) -> Outcome {
    large(json).await?;
    let mut rows = Vec::new();
    for (line, baud, rounds) in [("unix", None, rounds), ("115200", Some(BAUD), 1)] {
        let board = Board::unix().start().await.map_err(|error| error.to_string())?;
        board.cable().set_baud(baud).map_err(|error| error.to_string())?;
        let folder = prepare().map_err(|error| error.to_string())?;
        let before = rows.len();
        ours(&board, folder.path(), rounds, &mut rows).await?;
        match peers::python() {
            Some(python) => {
                for who in PEERS {
                    peer(&python, who, &board, folder.path(), rounds, &mut rows).await?;
                }
            }
            None => eprintln!("without the peers: `cargo xtask bench --files` sets BELAY_PEERS_PYTHON"),
        }
        for row in &mut rows[before..] {
            row.line = line.into();
        }
        if json {
            for row in &rows[before..] {
                println!(
                    "{}",
                    serde_json::to_string(row).map_err(|error| error.to_string())?
                );
            }
        } else {
            table(line, baud, &rows[before..]);
        }
    }
    Ok(())
}

/// A file of 5 MB both ways on a board that has less than 64 KB of memory for it.
async fn large(json: bool) -> Outcome {
    const HEAP_KB: u32 = 88;
    let problem = |error: Error| format!("{error:?}");
    let board = Board::unix().heap_kb(HEAP_KB).start().await;
    let board = board.map_err(|error| error.to_string())?;
    let device = Device::connect(board.port()).await.map_err(problem)?;
    let free = device.capabilities().free_memory.unwrap_or(u64::MAX);
    if free >= 64 << 10 {
        return Err(format!("{free} bytes of memory are free"));
    }
    let mut random = fastrand::Rng::with_seed(5);
    let contents: Vec<u8> = (0..5 << 20).map(|_| random.u8(..)).collect();
    let began = Instant::now();
    device
        .files()
        .write("/large", contents.clone())
        .await
        .map_err(problem)?;
    let up = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let read = device.files().read("/large").await.map_err(problem)?;
    let down = began.elapsed().as_secs_f64();
    if read != contents || fs::read(board.directory().join("large")).ok() != Some(contents) {
        return Err("5 MB are not what was written".into());
    }
    device.close().await.map_err(problem)?;
    if json {
        println!(
            r#"{{"line":"unix","who":"ours","what":"5m","free_memory":{free},"up":{up},"down":{down}}}"#
        );
    } else {
        println!(
            "5 MB with {free} bytes of memory free, the library's included: up {up:.1} s, down {down:.1} s"
        );
    }
    Ok(())
}

/// Creates the files to be sent, in a folder of this machine.
fn prepare() -> std::io::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let mut random = fastrand::Rng::with_seed(1);
    for (name, size, packs) in FILES {
        let contents: Vec<u8> = if packs {
            source(&mut random, size)
        } else {
            (0..size).map(|_| random.u8(..)).collect()
        };
        fs::write(folder.path().join(name), contents)?;
    }
    for nth in 0..100 {
        let package = folder.path().join(format!("tree/package{}", nth / 10));
        fs::create_dir_all(&package)?;
        let size = random.usize(200..1_500);
        fs::write(package.join(format!("module{nth}.py")), source(&mut random, size))?;
    }
    Ok(folder)
}

/// Generated text of this length that resembles Python source.
fn source(random: &mut fastrand::Rng, size: usize) -> Vec<u8> {
    const LINES: [&str; 8] = [
        "    def read_VALUE(self, address, count=NUMBER):\n",
        "        self.bus.readfrom_mem_into(self.address, NUMBER, self.buffer)\n",
        "        if self.VALUE is not None and self.VALUE > NUMBER:\n",
        "            raise ValueError('the VALUE is out of range: %d' % NUMBER)\n",
        "        return self.VALUE * NUMBER + self.offset\n",
        "        # The VALUE is told in steps of NUMBER.\n",
        "        for index in range(NUMBER):\n",
        "            self.VALUE += data[index] << NUMBER\n",
    ];
    const WORDS: [&str; 6] = ["temperature", "pressure", "humidity", "voltage", "state", "level"];
    let mut text = String::new();
    while text.len() < size {
        let line = LINES[random.usize(..LINES.len())];
        let line = line.replace("VALUE", WORDS[random.usize(..WORDS.len())]);
        text += &line.replace("NUMBER", &random.u16(..1000).to_string());
    }
    text.truncate(size);
    text.into_bytes()
}

async fn ours(board: &Board, folder: &Path, rounds: u32, rows: &mut Vec<Row>) -> Outcome {
    let problem = |error: Error| format!("{error:?}");
    let device = Device::builder(board.port()).call_path(CallPath::Agent);
    let device = device.connect().await.map_err(problem)?;
    let files = device.files();
    // One-time work of a connection is not timed, as it is not for the peers.
    files.exists("/").await.map_err(problem)?;
    for (name, ..) in FILES {
        let contents = fs::read(folder.join(name)).map_err(|error| error.to_string())?;
        let path = format!("/{name}");
        let up = async |_| files.write(&path, contents.clone()).await.map_err(problem);
        rows.push(timed(&format!("{name}_up"), rounds, up).await?);
        if fs::read(board.directory().join(name)).ok().as_ref() != Some(&contents) {
            return Err(format!("{name} is not what was written"));
        }
        let down = async |_| match files.read(&path).await {
            Ok(read) if read == contents => Ok(()),
            Ok(_) => Err(format!("{name} is not what was read")),
            Err(error) => Err(problem(error)),
        };
        rows.push(timed(&format!("{name}_down"), rounds, down).await?);
    }
    let tree = folder.join("tree");
    for what in TREE {
        let mut times = Vec::new();
        for nth in 0..rounds {
            match what {
                "tree_new" => files.remove_all("/tree").await.map_or(Ok(()), Ok::<(), String>)?,
                "tree_one" => change(&tree, nth).map_err(|error| error.to_string())?,
                _ => {}
            }
            let began = Instant::now();
            let report = files
                .sync(&tree, "/tree", SyncOptions::new())
                .await
                .map_err(|error| format!("{what}, round {nth}: {error:?}"))?;
            times.push(began.elapsed());
            let expected = match what {
                "tree_new" => 100,
                "tree_one" => 1,
                _ => 0,
            };
            if report.written.len() != expected {
                return Err(format!("{what} wrote {} files", report.written.len()));
            }
        }
        rows.push(row(what, &times));
    }
    // The peers have to begin without our files.
    files.remove_all("/tree").await.map_err(problem)?;
    device.close().await.map_err(problem)
}

/// Changes one file of the tree, but not its length.
fn change(tree: &Path, nth: u32) -> std::io::Result<()> {
    let path = tree.join(format!("package0/module{}.py", nth % 10));
    let mut contents = fs::read(&path)?;
    contents[..2].copy_from_slice(&[b'#', b'a' + nth.to_le_bytes()[0]]);
    fs::write(path, contents)
}

async fn timed(what: &str, count: u32, mut work: impl AsyncFnMut(u32) -> Outcome) -> Outcome<Row> {
    let mut times = Vec::new();
    for nth in 0..count {
        let began = Instant::now();
        work(nth)
            .await
            .map_err(|problem| format!("{what}, round {nth}: {problem}"))?;
        times.push(began.elapsed());
    }
    Ok(row(what, &times))
}

fn row(what: &str, times: &[Duration]) -> Row {
    let mut seconds: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
    seconds.sort_by(f64::total_cmp);
    Row {
        line: String::new(),
        who: OURS.into(),
        what: what.into(),
        median: seconds[seconds.len() / 2],
        min: seconds[0],
        p99: seconds[seconds.len() - 1],
        n: seconds.len(),
    }
}

async fn peer(
    python: &OsStr,
    who: &str,
    board: &Board,
    folder: &Path,
    rounds: u32,
    rows: &mut Vec<Row>,
) -> Outcome {
    let mut command = tokio::process::Command::new(python);
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/files.py"))
        .args([who, board.port()])
        .args([board.directory(), folder])
        .arg(rounds.to_string())
        .kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output()).await;
    let output = output.map_err(|_| format!("{who} took longer than {LIMIT:?}"))?;
    let output = output.map_err(|error| error.to_string())?;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        rows.extend(serde_json::from_str::<Row>(line));
    }
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        eprintln!(
            "{who}: {}",
            complaint.trim_end().lines().last().unwrap_or_default()
        );
    }
    Ok(())
}

fn table(line: &str, baud: Option<u32>, rows: &[Row]) {
    println!(
        "{line:12}{:>12}{:>12}{:>12}  {:>14}{:>16}",
        OURS, PEERS[0], PEERS[1], "better/ours", "ours/the bytes"
    );
    let names = FILES.iter().flat_map(|(name, size, _)| {
        [format!("{name}_up"), format!("{name}_down")].map(|what| (what, Some(*size)))
    });
    for (what, size) in names.chain(TREE.map(|what| (what.to_owned(), None))) {
        let of = |who: &str| {
            let row = rows.iter().find(|row| row.who == who && row.what == what);
            row.map(|row| row.median)
        };
        let times = [of(OURS), of(PEERS[0]), of(PEERS[1])];
        let better = [times[1], times[2]].into_iter().flatten().min_by(f64::total_cmp);
        let ratio = |of: Option<f64>, to: Option<f64>| match of.zip(to) {
            Some((of, to)) => format!("{:.2} ×", of / to),
            None => "-".into(),
        };
        #[expect(clippy::cast_precision_loss, reason = "files are small")]
        let needed = baud
            .zip(size)
            .map(|(baud, size)| size as f64 * 10.0 / f64::from(baud));
        let shown = times.map(|time| time.map_or("-".into(), |time| format!("{:.1} ms", time * 1e3)));
        println!(
            "{what:12}{:>12}{:>12}{:>12}  {:>14}{:>16}",
            shown[0],
            shown[1],
            shown[2],
            ratio(better, times[0]),
            ratio(times[0], needed)
        );
    }
}
