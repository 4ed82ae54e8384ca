//! Servers by other people, connected to a board's port.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use belay_sim::Board;
use tempfile::{NamedTempFile, TempDir};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};

use crate::soon;

/// A server for a board's port, which is stopped when this value is dropped.
#[derive(Debug)]
pub struct Server {
    /// The TCP port at which it listens on this machine.
    pub port: u16,
    lines: Option<Lines<BufReader<ChildStdout>>>,
    _child: Child,
    _configuration: Option<NamedTempFile>,
    keys: Option<TempDir>,
}

impl Server {
    /// Debian's ser2net. `accepter` is the protocol in the syntax of its configuration, such as `telnet(rfc2217)`.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub async fn ser2net(board: &Board, accepter: &str) -> Self {
        Self::ser2net_at(free_port(), board, accepter).await
    }

    /// ser2net on a TCP port that another server has used before.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub async fn ser2net_at(port: u16, board: &Board, accepter: &str) -> Self {
        // With another extension ser2net reads the file in its old format.
        let named = tempfile::Builder::new().suffix(".yaml").tempfile();
        let mut configuration = named.expect("a file");
        let device = board.port();
        write!(
            configuration,
            "connection: &board\n  accepter: {accepter},tcp,127.0.0.1,{port}\n  \
             connector: serialdev(nouucplock=true),{device},115200n81,local\n"
        )
        .expect("a file that can be written");
        // Debian installs it there, and not every user's `PATH` contains this folder.
        let mut command = Command::new("/usr/sbin/ser2net");
        command.args(["-n", "-d", "-u", "-c"]).arg(configuration.path());
        let child = start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        listens("ser2net", port).await;
        Self {
            port,
            lines: None,
            _child: child,
            _configuration: Some(configuration),
            keys: None,
        }
    }

    /// An SSH server on this machine, with its own keys.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub async fn sshd() -> Self {
        let keys = TempDir::new().expect("a folder");
        for name in ["host", "user"] {
            let mut command = Command::new("ssh-keygen");
            command
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(keys.path().join(name));
            let made = command.status().await.expect("ssh-keygen runs");
            assert!(made.success(), "ssh-keygen: {made}");
        }
        // sshd needs this folder for privilege separation; normally its service creates it.
        std::fs::create_dir_all("/run/sshd").expect("tests of servers run as root");
        let port = free_port();
        let folder = keys.path().display();
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f", "/dev/null", "-p", &port.to_string()]);
        for option in [
            format!("HostKey={folder}/host"),
            format!("AuthorizedKeysFile={folder}/user.pub"),
            "ListenAddress=127.0.0.1".to_owned(),
            "PidFile=none".to_owned(),
            "StrictModes=no".to_owned(),
            "PermitRootLogin=prohibit-password".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        let child = start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        listens("sshd", port).await;
        Self {
            port,
            lines: None,
            _child: child,
            _configuration: None,
            keys: Some(keys),
        }
    }

    /// The SSH command that runs the command after it on the machine of [`sshd`](Self::sshd).
    ///
    /// # Panics
    ///
    /// When this is another server.
    pub fn ssh(&self) -> String {
        let keys = self.keys.as_ref().expect("it is sshd").path().display();
        let known = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR";
        format!("ssh -T -p {} -i {keys}/user {known} 127.0.0.1", self.port)
    }

    /// The server of pyserial's module `serial.rfc2217`.
    pub async fn pyserial(board: &Board) -> Self {
        Self::of_python("rfc2217_server.py", &[board.port()]).await
    }

    /// A server that does as a WebREPL with this password does, before a board of any kind.
    pub async fn webrepl(board: &Board, password: &str) -> Self {
        Self::of_python("webrepl_server.py", &[board.port(), password]).await
    }

    async fn of_python(script: &str, arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(script);
        let mut command = Command::new(python());
        command.arg(script).args(arguments).stdout(Stdio::piped());
        let mut child = start(&mut command);
        let output = child.stdout.take().expect("its output is piped");
        let mut server = Self {
            port: 0,
            lines: Some(BufReader::new(output).lines()),
            _child: child,
            _configuration: None,
            keys: None,
        };
        server.port = server.line().await.parse().expect("the port comes first");
        server
    }

    /// The next line that it prints.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub async fn line(&mut self) -> String {
        let lines = self.lines.as_mut().expect("it prints something");
        let line = soon("a line of the server's", lines.next_line()).await;
        line.expect("its output can be read").expect("it has not ended")
    }

    /// The lines that it prints, up to one that contains this word.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub async fn lines_until(&mut self, word: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            lines.push(self.line().await);
            if lines.last().is_some_and(|line| line.contains(word)) {
                return lines;
            }
        }
    }
}

/// A board with MicroPython's own WebREPL, and the port of this machine where that listens.
///
/// # Panics
///
/// When it does not start.
pub async fn webrepl_board(password: &str) -> (Board, u16) {
    let port = free_port();
    let boot = format!("import webrepl\nwebrepl.start({port}, {password:?})\n");
    let starting = Board::webrepl().file("boot.py", boot).start();
    let board = starting.await.expect("the board starts");
    listens("WebREPL", port).await;
    (board, port)
}

fn start(command: &mut Command) -> Child {
    command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; `cargo xtask test` installs it"))
}

/// Waits until something listens on a port.
async fn listens(who: &str, port: u16) {
    let listens = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(who, listens).await;
}

/// The Python that has mpremote, and so pyserial.
fn python() -> PathBuf {
    let mpremote = std::env::var_os("BELAY_MPREMOTE").expect("`cargo xtask test` sets BELAY_MPREMOTE");
    Path::new(&mpremote).with_file_name("python")
}

/// A free TCP port.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}
