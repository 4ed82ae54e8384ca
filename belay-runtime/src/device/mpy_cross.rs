//! MicroPython's own cross compiler, where this machine has it.

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

    /// A large module takes a hundredth of it.
    const DEADLINE: Duration = Duration::from_secs(10);
    /// What a file begins with, in front of its version and of what it needs beyond that
    /// (MicroPython: `py/persistentcode.c`).
    const MAGIC: u8 = 0x4d;
    /// In its third byte, those bits that name the processor which its native code is for.
    const ARCHITECTURE: u8 = 0b1111_1100;

    impl<'a> Compiler<'a> {
        pub(in crate::device) fn new(session: &'a Session) -> Self {
            let version = session.capabilities().mpy_version;
            Self { session, version }
        }

        /// A module as this board loads it, or nothing where it has to have the source; the log says why.
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
            // A child needs the runtime that the session is on; the caller may be on none.
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

    /// Gives it a source, and takes what it makes of that.
    async fn run(program: &Path, source: &str, name: &str) -> std::io::Result<Output> {
        let mut command = Command::new(program);
        command
            .args(["-s", name, "-o", "-", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        // It reads all of it before it writes anything, and need not: what it says then is what counts.
        if let Some(mut input) = child.stdin.take() {
            let _ = input.write_all(source.as_bytes()).await;
        }
        child.wait_with_output().await
    }

    /// The file that it has made, if it is one that boards of this version load, whatever their processor is.
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

/// Without the means to run another program there is nothing that compiles.
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
