//! A line to another machine: between two network namespaces, where this user may make any, and with delays and losses by
//! `tc netem`, where this kernel has it. What is not there a proxy does.

use std::process::{Command, Stdio};
use std::time::Duration;

use belay_tests::far::Far;

use super::{PART, this_program};
use crate::harness::place;

/// Runs `ip` or `tc`, and says whether it did what it was asked for.
fn does(program: &str, words: &str) -> bool {
    let mut command = Command::new(program);
    command
        .args(words.split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[track_caller]
fn must(program: &str, words: &str) {
    assert!(does(program, words), "{program} {words}");
}

/// A network namespace, for as long as this lives.
pub(super) struct Namespace(String);

impl Namespace {
    /// A new one, if this user may make any.
    pub(super) fn new(name: &str) -> Option<Self> {
        let made = Self(format!("belay-{}-{name}", std::process::id()));
        let usable = does("ip", &format!("netns add {}", made.0))
            && does("ip", &format!("-n {} link set lo up", made.0))
            && does(
                "ip",
                &format!("-n {} link add first type veth peer name second", made.0),
            )
            && does("ip", &format!("-n {} link del first", made.0));
        usable.then_some(made)
    }

    /// This program, there.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.0])
            .arg(std::env::current_exe().unwrap());
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        does("ip", &format!("netns del {}", self.0));
    }
}

/// A line, of which this end is here.
pub(super) struct Line {
    number: u8,
    there: Option<Namespace>,
    proxy: Option<Far>,
    listens: String,
}

impl Line {
    /// Lays one to another machine: a namespace, if this one is in one of ours.
    pub(super) async fn lay(number: u8) -> Self {
        let (mut there, mut listens) = (None, place());
        let here = format!("here{number}");
        if std::env::var(PART).is_ok() {
            let made = Namespace::new(&format!("lab{number}")).expect("another namespace");
            let name = &made.0;
            must(
                "ip",
                &format!("link add {here} type veth peer name line netns {name}"),
            );
            must("ip", &format!("addr add 10.77.{number}.1/24 dev {here}"));
            must("ip", &format!("link set {here} up"));
            must("ip", &format!("-n {name} addr add 10.77.{number}.2/24 dev line"));
            must("ip", &format!("-n {name} link set line up"));
            listens = format!("10.77.{number}.2:7447");
            there = Some(made);
        }
        let mut proxy = None;
        if there.is_none() || !does("tc", &format!("qdisc replace dev {here} root netem delay 0ms")) {
            println!(
                "there is no `tc netem` here: a proxy delays, and has what is lost come later, as TCP does"
            );
            let to = format!("tcp://{listens}").parse().unwrap();
            proxy = Some(Far::new(&place(), to).await.unwrap());
        }
        Self {
            number,
            there,
            proxy,
            listens,
        }
    }

    /// Where what listens there is reached from here.
    pub(super) fn place(&self) -> String {
        match &self.proxy {
            Some(proxy) => proxy.place().to_string(),
            None => self.listens.clone(),
        }
    }

    /// Where a server there listens.
    pub(super) fn listens(&self) -> &str {
        &self.listens
    }

    /// This program, there.
    pub(super) fn command(&self) -> Command {
        self.there.as_ref().map_or_else(this_program, Namespace::command)
    }

    /// Everything takes so long in either direction from now on, and of a hundred packets so many are lost.
    pub(super) fn is_bad(&self, delay: Duration, loss: u8) {
        if let Some(proxy) = &self.proxy {
            return proxy.is_bad(delay, loss);
        }
        let netem = format!("root netem delay {}ms loss {loss}%", delay.as_millis());
        must("tc", &format!("qdisc replace dev here{} {netem}", self.number));
        if let Some(there) = &self.there {
            must("tc", &format!("-n {} qdisc replace dev line {netem}", there.0));
        }
    }

    pub(super) fn is_cut(&self, cut: bool) {
        match (&self.there, &self.proxy) {
            (Some(there), _) => {
                let to = if cut { "down" } else { "up" };
                must("ip", &format!("-n {} link set line {to}", there.0));
            }
            (None, Some(proxy)) => proxy.is_cut(cut),
            (None, None) => {}
        }
    }
}
