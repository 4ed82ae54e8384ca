//! `belay info`

use std::sync::Arc;

use belay::python::Value;
use belay::{CallPath, Capabilities, ErrorKind, FloatPrecision, Space};
use serde::Serialize;

use super::Json;
use crate::bench::Bench;
use crate::board::Tool as _;
use crate::failure::Failure;
use crate::json;
use crate::screen::{plain, size, table};

/// Says what the board is and what it can do
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  belay info\n  belay info --json | jq .free_memory")]
pub(crate) struct Arguments {
    #[command(flatten)]
    json: Json,
}

/// The properties of a board, as JSON.
#[derive(Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one feature whether it is there"
)]
struct Board {
    implementation: String,
    version: String,
    platform: String,
    machine: Option<String>,
    chip: Option<String>,
    hertz: Option<u64>,
    architecture: Option<String>,
    mpy_version: Option<u8>,
    float_bits: u8,
    emitters: Vec<String>,
    threads: bool,
    free_memory: Option<u64>,
    used_memory: Option<u64>,
    agent: bool,
    file_system: bool,
    read_only: bool,
    free_space: Option<u64>,
    total_space: Option<u64>,
}

pub(crate) async fn run(arguments: &Arguments, bench: &mut Bench) -> Result<(), Failure> {
    let board = bench.board().await?;
    let capabilities: Arc<Capabilities> = board.device.capabilities();
    let (memory, hertz, chip) = if board.is_small() {
        ((None, capabilities.free_memory), None, None)
    } else {
        let (used, free, hertz, chip) = board.tool().await?.memory().await?;
        ((Some(used), Some(free)), hertz, chip)
    };
    // A file system may not know its own size, and asking takes memory on the board.
    let asked = capabilities.file_system && !board.is_small();
    let space = if asked {
        match board.device.files().space("/").await {
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported { .. }) => None,
            space => space?,
        }
    } else {
        None
    };
    let known = known(&capabilities, memory, hertz, chip.as_ref(), space);
    if arguments.json.json {
        return json::line(&known);
    }
    tell(&capabilities, &known)
}

fn known(
    capabilities: &Capabilities,
    (used_memory, free_memory): (Option<u64>, Option<u64>),
    hertz: Option<u64>,
    chip: Option<&Value>,
    space: Option<Space>,
) -> Board {
    let Capabilities {
        implementation,
        version,
        platform,
        machine,
        architecture,
        mpy_version,
        emitters,
        ..
    } = capabilities.clone();
    let hexadecimal = |bytes: &[u8]| {
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<Vec<_>>().concat()
    };
    Board {
        implementation,
        version,
        platform,
        machine,
        chip: chip.and_then(Value::as_bytes).map(hexadecimal),
        hertz,
        architecture,
        mpy_version,
        float_bits: match capabilities.float {
            FloatPrecision::None => 0,
            FloatPrecision::Short => 30,
            FloatPrecision::Single => 32,
            _ => 64,
        },
        emitters,
        threads: capabilities.threads,
        free_memory,
        used_memory,
        agent: capabilities.call_path == CallPath::Agent,
        file_system: capabilities.file_system,
        read_only: capabilities.read_only,
        free_space: space.map(|space| space.free),
        total_space: space.map(|space| space.total),
    }
}

fn tell(capabilities: &Capabilities, board: &Board) -> Result<(), Failure> {
    let mut rows = vec![
        row("firmware", capabilities.firmware()),
        row("platform", &board.platform),
    ];
    rows.extend(board.chip.as_ref().map(|chip| row("chip", chip)));
    let megahertz = |hertz| row("frequency", format!("{} MHz", hertz / 1_000_000));
    rows.extend(board.hertz.map(megahertz));
    let free = board.free_memory.map(|free| format!("{} free", size(free)));
    let used = board.used_memory.map(size);
    let used = used.map(|used| format!("{used} in use, belay's share of it included"));
    let memory: Vec<String> = free.into_iter().chain(used).collect();
    rows.push(row("memory", memory.join(", ")));
    rows.push(row("files", files(board)));
    rows.push(row(
        "floats",
        match board.float_bits {
            0 => "none".to_owned(),
            bits => format!("{bits} bits"),
        },
    ));
    rows.push(row("threads", if board.threads { "yes" } else { "no" }));
    if let Some(version) = board.mpy_version {
        let architecture = board.architecture.as_deref().unwrap_or("bytecode only");
        rows.push(row(
            "compiled files",
            format!(".mpy version {version}, {architecture}"),
        ));
    }
    rows.push(row(
        "calls",
        if board.agent {
            "by belay's agent, which is in the board's memory until its next reset"
        } else {
            "by the raw REPL"
        },
    ));
    Ok(table(&rows)?)
}

fn files(board: &Board) -> String {
    match (board.file_system, board.free_space, board.total_space) {
        (false, ..) => "none".to_owned(),
        (true, Some(free), Some(total)) => {
            let only = if board.read_only {
                ", which the board may not write to"
            } else {
                ""
            };
            format!("{} free of {}{only}", size(free), size(total))
        }
        (true, ..) => "yes".to_owned(),
    }
}

fn row(name: &str, value: impl Into<String>) -> [String; 2] {
    [name.to_owned(), plain(&value.into())]
}
