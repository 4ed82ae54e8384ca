//! The friendly and the raw REPL, as in `shared/runtime/pyexec.c`.

use super::{Exception, Machine, Python, Raised, raised};

const BANNER: &[u8] = b"raw REPL; CTRL-B to exit\r\n";

impl Machine {
    /// Serves whichever prompt is active, until a reset.
    pub(super) async fn repl(&mut self) -> Python<()> {
        loop {
            if self.raw {
                self.raw_repl().await?;
            } else {
                self.friendly_repl().await?;
            }
        }
    }

    async fn friendly_repl(&mut self) -> Python<()> {
        let mut line = Vec::new();
        loop {
            match (self.key().await?, line.is_empty()) {
                (1, true) => {
                    self.put(b"\r\n").await?;
                    self.raw = true;
                    return Ok(());
                }
                (2, true) => {
                    self.put(b"\r\nMicroPython v1.26.1 on 2026-01-01; model\r\n>>> ")
                        .await?;
                }
                (3, _) => {
                    line.clear();
                    self.put(b"\r\n>>> ").await?;
                }
                (4, true) => {
                    self.put(b"\r\n").await?;
                    return Err(raised("SystemExit", ""));
                }
                (b'\r' | b'\n', _) => {
                    self.put(b"\r\n").await?;
                    let comment = line.first().is_none_or(|first| *first == b'#');
                    line.clear();
                    if !comment {
                        let said = Exception::new("SyntaxError", "invalid syntax").traceback();
                        self.put(said.as_bytes()).await?;
                    }
                    self.put(b">>> ").await?;
                }
                (byte, _) if byte >= b' ' => {
                    line.push(byte);
                    self.put(&[byte]).await?;
                }
                _ => {}
            }
        }
    }

    async fn raw_repl(&mut self) -> Python<()> {
        self.put(BANNER).await?;
        loop {
            self.put(b">").await?;
            let mut line = Vec::new();
            let pasted = loop {
                match self.key().await? {
                    1 if line == b"\x05A" && self.kind.window.is_some() => break true,
                    1 => {
                        line.clear();
                        self.put(BANNER).await?;
                        self.put(b">").await?;
                    }
                    2 => {
                        self.raw = false;
                        self.put(b"\r\nMicroPython v1.26.1 on 2026-01-01; model\r\nType \"help()\"\r\n>>> ")
                            .await?;
                        return Ok(());
                    }
                    3 => line.clear(),
                    4 => break false,
                    byte => line.push(byte),
                }
            };
            if pasted {
                self.paste().await?;
                continue;
            }
            self.put(b"OK").await?;
            if line.is_empty() {
                self.put(b"\r\n").await?;
                return Err(raised("SystemExit", ""));
            }
            self.execute(&line).await?;
        }
    }

    /// Raw-paste mode.
    async fn paste(&mut self) -> Python<()> {
        let window = self.kind.window.unwrap_or(128);
        let [low, high] = window.to_le_bytes();
        self.put(&[b'R', 1, low, high, 1]).await?;
        let mut left = window;
        let mut source = Vec::new();
        loop {
            let byte = self.key().await?;
            if byte == 3 || byte == 4 {
                self.put(b"\x04").await?;
                if byte == 3 {
                    return self.report(Err(raised("KeyboardInterrupt", ""))).await;
                }
                return self.execute(&source).await;
            }
            source.push(byte);
            left -= 1;
            if left == 0 {
                self.put(b"\x01").await?;
                left = window;
            }
        }
    }

    /// Runs a source and reports how it ended.
    async fn execute(&mut self, source: &[u8]) -> Python<()> {
        self.heeds = true;
        let mut ended = self.run_source(source).await;
        self.heeds = false;
        if ended.is_ok() && std::mem::take(&mut self.pending) {
            ended = Err(raised("KeyboardInterrupt", ""));
        }
        self.pending = false;
        self.report(ended).await
    }

    async fn report(&mut self, ended: Python<()>) -> Python<()> {
        if matches!(ended, Err(Raised::Power)) {
            return ended;
        }
        self.put(b"\x04").await?;
        match ended {
            Err(Raised::Exception(exception)) if exception.name == "SystemExit" => {
                self.put(b"\x04").await?;
                return Err(Raised::Exception(exception));
            }
            Err(Raised::Exception(exception)) => self.put(exception.traceback().as_bytes()).await?,
            _ => {}
        }
        self.put(b"\x04").await
    }
}
