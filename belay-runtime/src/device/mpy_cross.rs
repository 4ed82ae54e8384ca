//! MicroPython's cross compiler `mpy-cross`, where this machine has it.

use crate::session::Session;

/// Compiles modules for one board.
#[cfg(feature = "process")]
pub(super) struct Compiler<'a> {
    session: &'a Session,
    /// The version of `.mpy` files that the board loads.
    version: Option<u8>,
}

#[cfg(feature = "process")]
mod running {
    use std::path::Path;
    use std::process::{Output, Stdio};
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;
    use tokio::process::Command;

    use super::Compiler;
    use crate::printable::Printable;
    use crate::session::Session;

    /// A large module takes a hundredth of this.
    const DEADLINE: Duration = Duration::from_secs(10);
    /// The first byte of an `.mpy` file. The version and the feature flags follow it (MicroPython:
    /// `py/persistentcode.c`).
    const MAGIC: u8 = 0x4d;
    /// The bits of the third byte that name the processor of native code in the file.
    const ARCHITECTURE: u8 = 0b1111_1100;

    impl<'a> Compiler<'a> {
        pub(in crate::device) fn new(session: &'a Session) -> Self {
            let version = session.capabilities().mpy_version;
            Self { session, version }
        }

        /// Compiles a module for this board. Returns nothing where the board has to get the source instead; the log
        /// says why.
        pub(in crate::device) async fn compile(&self, source: &'static str, name: &str) -> Option<Vec<u8>> {
            let compiled = match self.version {
                None => Err("the board loads no `.mpy` files".to_owned()),
                Some(version) => self.compiled(source, name.to_owned(), version).await,
            };
            compiled
                .inspect_err(|reason| {
                    tracing::warn!(device = %self.session.name(), module = name, reason, "sends a module as source");
                })
                .ok()
        }

        async fn compiled(&self, source: &'static str, name: String, version: u8) -> Result<Vec<u8>, String> {
            // A child process needs the session's tokio runtime; the caller may be in none.
            let program = Arc::clone(&self.session.settings().mpy_cross);
            let running = self.session.runtime().spawn(async move {
                let running = tokio::time::timeout(DEADLINE, run(&program, source, &name));
                let output = running.await.map_err(|_| "it does not end".to_owned());
                let output = output.and_then(|output| output.map_err(|error| error.to_string()));
                output.map_err(|error| format!("`{}` cannot be run: {error}", program.display()))
            });
            file_of(running.await.map_err(|error| error.to_string())??, version)
        }
    }

    /// Runs the compiler with a source as its input, and returns its output.
    async fn run(program: &Path, source: &str, name: &str) -> std::io::Result<Output> {
        let mut command = Command::new(program);
        command
            .args(["-s", name, "-o", "-", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        // The compiler need not read all of its input. If it does not, its output says why: that is what counts.
        if let Some(mut input) = child.stdin.take() {
            let _ = input.write_all(source.as_bytes()).await;
        }
        child.wait_with_output().await
    }

    /// The compiled file, if boards that load this version of `.mpy` files can load it on any processor.
    fn file_of(output: Output, version: u8) -> Result<Vec<u8>, String> {
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = Printable(said.trim());
            return Err(format!(
                "`mpy-cross` does not compile it ({}): {said}",
                output.status
            ));
        }
        match *output.stdout {
            [MAGIC, made, needs, _, ..] if made == version && needs & ARCHITECTURE == 0 => Ok(output.stdout),
            [MAGIC, made, _, _, ..] if made != version => Err(format!(
                "`mpy-cross` makes version {made} of `.mpy` files, and the board loads version {version}"
            )),
            [MAGIC, ..] => Err("it has native code, which only one processor runs".to_owned()),
            _ => Err("`mpy-cross` has made no `.mpy` file of it".to_owned()),
        }
    }

    #[cfg(all(test, unix))]
    mod tests {
        use std::os::unix::process::ExitStatusExt as _;
        use std::process::ExitStatus;

        use super::*;

        fn output(status: i32, stdout: &[u8], stderr: &str) -> Output {
            Output {
                status: ExitStatus::from_raw(status),
                stdout: stdout.to_vec(),
                stderr: stderr.into(),
            }
        }

        #[test]
        fn only_what_the_board_loads_is_taken() {
            let plain = [MAGIC, 6, 0, 31, 0];
            assert_eq!(file_of(output(0, &plain, ""), 6).unwrap(), plain);
            let of = |status, stdout: &[u8], stderr| file_of(output(status, stdout, stderr), 6).unwrap_err();
            assert!(of(0, &[MAGIC, 5, 0, 31], "").contains("makes version 5"));
            assert!(of(0, &[MAGIC, 6, 4 << 2, 31], "").contains("native code"));
            assert!(of(0, b"", "").contains("no `.mpy` file"));
            assert!(of(256, &plain, "invalid \x1b syntax\n").contains("invalid \\x1b syntax"));
        }
    }
}

/// Without the feature `process` no other program can be run, and so nothing is compiled.
#[cfg(not(feature = "process"))]
pub(super) struct Compiler<'a> {
    session: &'a Session,
}

#[cfg(not(feature = "process"))]
impl<'a> Compiler<'a> {
    pub(super) fn new(session: &'a Session) -> Self {
        Self { session }
    }

    #[expect(clippy::unused_async, reason = "that with a compiler waits for it")]
    pub(super) async fn compile(&self, _: &'static str, name: &str) -> Option<Vec<u8>> {
        let program = self.session.settings().mpy_cross.display();
        let reason = format!("the feature `process` of this crate is not enabled, which runs `{program}`");
        tracing::warn!(device = %self.session.name(), module = name, reason, "sends a module as source");
        None
    }
}
