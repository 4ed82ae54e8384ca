use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use rustix::process::Pid;

use super::Watched;

/// The `belay-sim` program, holding a board.
pub struct Holder {
    pub child: Child,
    pub port: String,
}

impl Holder {
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_belay-sim"))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut port)
            .expect("it prints the port");
        Self {
            child,
            port: port.trim().to_owned(),
        }
    }

    /// The processes that the program has started.
    pub fn children(&self) -> Vec<Watched> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs");
        let children = tasks
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
        let ids: Vec<String> = children.collect();
        ids.iter()
            .flat_map(|ids| ids.split_whitespace())
            .map(|id| Watched::new(id.parse().expect("an id")))
            .collect()
    }

    /// Sends the program the signal of a Ctrl-C.
    pub fn interrupt(&self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id")).expect("not zero");
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // Both calls fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
