//! Boards of another machine: `belay serve` there, and here whatever takes a board, and `belay fleet`.

use std::fs;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use belay_sim::Board;
use serde_json::Value;

use crate::harness::{Desk, Said, commands_for, ended, kept, said, typed, until};
use crate::help::pages;
use crate::terminal::Terminal;

/// A machine that runs `belay serve`, and the lines that this prints.
struct Server {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("it says something").unwrap()
    }

    fn interrupt(mut self) -> Said {
        let pid = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        self.process.stdout = None;
        ended(self.process)
    }
}

/// An address of this machine that no other test uses.
fn endpoint() -> String {
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("tcp/127.{high}.{low}.201:7447")
}

/// A configuration of who looks for nobody by itself.
fn silent(desk: &Desk) -> PathBuf {
    desk.put(
        "zenoh.json5",
        r#"{mode: "peer", scouting: {multicast: {enabled: false}}, listen: {endpoints: []}}"#,
    )
}

/// A command that finds what listens there and nothing else.
fn on_network(desk: &Desk, words: &[&str]) -> Command {
    let mut command = desk.command(words);
    command
        .env("ZENOH_CONFIG", silent(desk))
        .env("BELAY_FLEET", endpoint())
        .env("USER", "ada");
    command
}

fn serve(desk: &Desk, other: &Board) -> Server {
    let boards = [desk.board.port(), other.port()];
    let [lamp, lock] = [0, 1].map(|at| format!("{}={}", ["lamp", "lock"][at], boards[at]));
    let words = [
        "serve", "--host", "lab1", "--tag", "bench=3", "--board", &lamp, "--board", &lock,
    ];
    let mut command = on_network(desk, &words);
    command.env_remove("BELAY_FLEET").args(["--listen", &endpoint()]);
    let mut server = Server::start(command);
    for (name, port) in [("lamp", boards[0]), ("lock", boards[1])] {
        assert_eq!(server.line(), format!("belay/lab1/{name} is {port}"));
    }
    server
}

#[test]
fn boards_of_another_machine_are_listed_used_and_called_at_once() {
    let desk = Desk::new();
    let other = Board::unix().start_blocking().unwrap();
    let mut server = serve(&desk, &other);
    let belay = |words: &[&str]| said(on_network(&desk, words), "");

    assert_eq!(
        belay(&["fleet", "ls", "--tag", "bench=3"]).good(),
        "belay/lab1/lamp  bench=3\nbelay/lab1/lock  bench=3\n"
    );
    let nothing = belay(&["fleet", "ls", "--tag", "bench=4"]).good();
    assert_eq!(nothing, "no machine serves such a board\n");
    let lamp = ["-p", "zenoh:belay/lab1/lamp"];
    for _ in 0..2 {
        // The second command gets the board at once, because the first one has returned it.
        assert_eq!(belay(&[&lamp[..], &["eval", "6 * 7"]].concat()).good(), "42\n");
    }
    let all = belay(&[
        "fleet",
        "exec",
        "import sys\nprint('on', sys.implementation.name)",
    ]);
    let mut said: Vec<_> = all.good().lines().map(str::to_owned).collect();
    said.sort();
    assert_eq!(
        said,
        ["lamp", "lock"].map(|name| format!("belay/lab1/{name}: on micropython"))
    );

    // Another client has one of the boards: clients see who has it, cannot use it, and can use the other board.
    let mut holder = on_network(
        &desk,
        &[&lamp[..], &["exec", "print('on')\nwhile True: pass"]].concat(),
    )
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "on\n");
    let leases = belay(&["fleet", "leases", "--json"]).good();
    let lease: Value = serde_json::from_str(&leases).unwrap();
    assert_eq!(lease["board"], "belay/lab1/lamp");
    let by = lease["held_by"].as_str().unwrap().to_owned();
    assert!(by.starts_with("ada@"), "{by}");
    let refused = belay(&[&lamp[..], &["eval", "1"]].concat()).bad(3);
    assert!(
        refused.contains("is held by") && refused.contains(&by),
        "{refused}"
    );
    let some = belay(&["fleet", "exec", "--within", "5", "--json", "print(1)"]);
    assert_eq!(some.status, 1, "{some:?}");
    let results: Vec<Value> = some
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |name: &str| {
        results
            .iter()
            .find(|result| result["board"] == format!("belay/lab1/{name}"))
    };
    assert_eq!(of("lock").unwrap()["printed"], "1\r\n", "{results:?}");
    let error = of("lamp").unwrap()["error"].as_str().unwrap();
    assert!(error.contains("is away"), "{results:?}");
    // The holder is killed, so that it cannot return the board itself.
    holder.kill().unwrap();
    holder.wait().unwrap();
    until("the board is free again", || {
        belay(&[&lamp[..], &["eval", "6 * 7"]].concat()).out == "42\n"
    });

    // Unplugging a board is noticed.
    other.vanish().unwrap();
    assert_eq!(server.line(), "belay/lab1/lock is gone");
    let gone = belay(&["-p", "zenoh:belay/lab1/lock", "info"]).bad(3);
    assert!(gone.contains("no server answers for `belay/lab1/lock`"), "{gone}");
    let ended = server.interrupt();
    assert_eq!(
        (ended.status, &*ended.err),
        (130, "(serving as lab1 until Ctrl-C)\n")
    );
    let gone = belay(&[&lamp[..], &["info"]].concat()).bad(3);
    assert!(gone.contains("zenoh:belay/lab1/lamp"), "{gone}");
}

#[test]
fn what_cannot_be_served_is_said() {
    let desk = Desk::new();
    let belay = |words: &[&str]| said(on_network(&desk, words), "");
    for (words, status, wanted) in [
        (
            &["serve", "--select", "2E8A:*"][..],
            2,
            "it is not of the form `usb:VID:PID:SERIAL`",
        ),
        (
            &["serve", "--board", "lamp"],
            2,
            "it is not of the form `NAME=ADDRESS`",
        ),
        (&["serve", "--board", "lamp=nonsense:"], 2, "is not an address"),
        (&["serve", "--host", "a/b"], 3, "is no name of a host"),
        (
            &["fleet", "ls", "--tag", "bench"],
            2,
            "it is not of the form `KEY=VALUE`",
        ),
        (
            &["fleet", "exec", "1", "--tag", "none=1"],
            3,
            "no machine serves such a board",
        ),
    ] {
        let text = belay(words).bad(status);
        assert!(text.contains(wanted), "{words:?}: {text}");
    }
}

#[test]
fn serve_and_fleet_say_what_they_do_with_an_example() {
    kept("help-fleet.txt", &(pages("serve") + &pages("fleet")));
}

/// The network of the guide, with a machine `lab1` that has two boards.
struct Laboratory {
    desk: Desk,
    other: Board,
    /// Where that machine is: no name leads to it.
    host: String,
}

impl Laboratory {
    fn new() -> Self {
        let [.., high, low] = std::process::id().to_be_bytes();
        Self {
            desk: Desk::new(),
            other: Board::unix().start_blocking().unwrap(),
            host: format!("127.{high}.{low}.202"),
        }
    }

    /// What is typed there for a line of the guide.
    fn line(&self, line: &str) -> String {
        let line = line
            .replace("DNS:lab1", &format!("IP:{}", self.host))
            .replace("/lab1:", &format!("/{}:", self.host))
            .replace("/0.0.0.0:", &format!("/{}:", self.host));
        if !line.starts_with("belay serve ") {
            return line;
        }
        let listens = line.contains("--listen");
        let listen = (!listens).then(|| format!("--listen tcp/{}:7447", self.host));
        let boards = [("lamp", &self.desk.board), ("E6605838", &self.other)];
        let boards = boards.map(|(name, board)| format!("--board {name}={}", board.port()));
        let listen = listen.unwrap_or_default();
        // The shell's place is taken, so that it is what is interrupted.
        format!("exec {line} {listen} --host lab1 {}", boards.join(" "))
    }

    /// What is said to the environment of a line.
    fn environment(&self, line: &str) -> Vec<(&'static str, String)> {
        let configuration = if line.contains("tls/") {
            self.certified()
        } else {
            silent(&self.desk)
        };
        let mut environment = vec![("ZENOH_CONFIG", configuration.display().to_string())];
        if !line.contains("--connect") && !line.contains("belay serve ") {
            environment.push(("BELAY_FLEET", format!("tcp/{}:7447", self.host)));
        }
        environment
    }

    /// The configuration that the guide has for who has certificates, with those that were made here.
    fn certified(&self) -> PathBuf {
        let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/fleets.md");
        let guide = fs::read_to_string(guide).expect("where the commands are the guide is");
        let text = guide.split("```json5\n").nth(1).expect("it has the file");
        let text = text.split("```").next().unwrap_or_default();
        let here = self.desk.folder.path().display().to_string();
        self.desk
            .put("certified.json5", text.replace("/etc/belay", &here))
    }
}

/// Those of `tests/commands.txt`, one behind the other.
#[test]
fn the_commands_that_the_documents_give_for_fleets_do_what_they_are_for() {
    let laboratory = Laboratory::new();
    let folder = laboratory.desk.folder.path();
    let mut serving: Option<Server> = None;
    for (line, _) in commands_for(file!()) {
        let run = laboratory.line(&line);
        let environment = laboratory.environment(&line);
        if let Some(words) = line.strip_suffix(" repl") {
            let words: Vec<&str> = words.split(' ').skip(1).chain(["repl"]).collect();
            let mut terminal = Terminal::start_with(folder, &environment, &words);
            terminal.wait(">>> ");
            terminal.leave();
            continue;
        }
        let mut command = typed(folder, &run);
        command.envs(environment);
        if line.starts_with("belay serve ") {
            if let Some(before) = serving.take() {
                before.interrupt();
            }
            let server = serving.insert(Server::start(command));
            let announced = [server.line(), server.line()].concat();
            assert!(announced.contains("belay/lab1/lamp is "), "{line}: {announced}");
            continue;
        }
        let Said { status, out, err } = said(command, "");
        assert_eq!(status, 0, "{line}: {out}{err}");
        let boards = ["belay/lab1/E6605838", "belay/lab1/lamp"];
        let named = boards.iter().filter(|name| out.contains(**name)).count();
        let all = line.contains("fleet ls") || line.contains("fleet exec");
        assert!(named == 2 || !all, "{line}: {out}{err}");
    }
    if let Some(server) = serving {
        server.interrupt();
    }
}
