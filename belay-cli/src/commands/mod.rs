//! The commands, one module each, and their arguments.

mod check;
mod completions;
mod exec;
#[cfg(feature = "fleet")]
mod fleet;
mod fs;
mod info;
mod latency;
mod monitor;
mod mount;
mod new;
mod packages;
mod plot;
mod ports;
mod repl;
mod reset;
mod rtc;
mod run;
#[cfg(feature = "fleet")]
mod serve;
mod shell;
#[cfg(all(feature = "sim", target_os = "linux"))]
mod sim;
mod sync;
mod watching;

use clap::{Parser, Subcommand};

use crate::bench::{Bench, unless_interrupted, while_read};
use crate::failure::Failure;

/// The help text about addresses.
const ADDRESSES: &str = "Addresses:
  /dev/ttyACM0 or COM3      a serial port; options: ?baud=115200&dtr=on&rts=on&flow=on
  usb:VID:PID[:SERIAL]      the port of the USB device with these numbers; options as above
  auto                      the port of the only USB device there is; options as above
  tcp://HOST:PORT           a serial line behind a socket; option: ?flow=on
  telnet://HOST:PORT        a serial line behind a Telnet server; option as above
  rfc2217://HOST:PORT       a serial port behind such a server, as ser2net is; options of a serial port
  ws://HOST                 a board's WebREPL; the password is in BELAY_WEBREPL_PASSWORD
  zenoh:belay/HOST/BOARD    a board of another machine, where this was built with the feature `fleet`
  exec:COMMAND ARGUMENTS    a program, on its standard input and output
  pty:COMMAND ARGUMENTS     a program, behind a pseudo-terminal";

/// A MicroPython board from the terminal.
///
/// A command that needs a board takes the one at `-p ADDRESS`, or else at the address in `BELAY_PORT`, or else the only
/// one there is.
///
/// Exit status: 0; 1 when what was asked for failed on the board; 2 when the command was used wrongly; 3 when there is
/// no board; 130 after Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "belay", version, max_term_width = 100, after_long_help = ADDRESSES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What all commands have.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Global {
    /// Where the board is: /dev/ttyACM0, COM3, usb:2E8A:0005, tcp://HOST:PORT …
    #[arg(
        short,
        long,
        value_name = "ADDRESS",
        env = "BELAY_PORT",
        hide_env_values = true,
        global = true
    )]
    pub(crate) port: Option<String>,
    /// Logs what is done; -vv in detail, -vvv with every byte of the line
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
}

/// Has the data written for programs.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Json {
    /// Writes JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Ports(ports::Arguments),
    Info(info::Arguments),
    Run(run::Arguments),
    Exec(exec::Exec),
    Eval(exec::Eval),
    #[command(subcommand)]
    Fs(fs::Command),
    Sync(sync::Arguments),
    Mount(mount::Arguments),
    Check(check::Check),
    Minify(check::Minify),
    Repl(repl::Arguments),
    Monitor(monitor::Arguments),
    Shell(shell::Arguments),
    Plot(plot::Arguments),
    Latency(latency::Arguments),
    Add(packages::Add),
    Update(packages::Update),
    Remove(packages::Remove),
    #[command(subcommand)]
    Mip(packages::Mip),
    Reset(reset::Arguments),
    Rtc(rtc::Arguments),
    New(new::Arguments),
    #[cfg(feature = "fleet")]
    Serve(serve::Arguments),
    #[cfg(feature = "fleet")]
    #[command(subcommand)]
    Fleet(fleet::Command),
    #[cfg(all(feature = "sim", target_os = "linux"))]
    Sim(sim::Arguments),
    Completions(completions::Arguments),
}

/// Runs a command until it ends, Ctrl-C is pressed, or nobody reads the board's output any more.
pub(crate) async fn run(command: Command, bench: &mut Bench) -> Result<(), Failure> {
    match command {
        // Here Ctrl-C ends only what currently runs, and not the command itself.
        Command::Shell(arguments) => Box::pin(shell::run(arguments, bench)).await,
        Command::Mount(arguments) => Box::pin(mount::run(arguments, bench)).await,
        command => unless_interrupted(while_read(Box::pin(one(command, bench)))).await,
    }
}

async fn one(command: Command, bench: &mut Bench) -> Result<(), Failure> {
    bench.hear();
    match command {
        Command::Ports(arguments) => ports::run(&arguments),
        Command::Info(arguments) => info::run(&arguments, bench).await,
        Command::Run(arguments) => run::run(arguments, bench).await,
        Command::Exec(arguments) => exec::exec(arguments, bench).await,
        Command::Eval(arguments) => exec::eval(arguments, bench).await,
        Command::Fs(command) => fs::run(command, bench).await,
        Command::Sync(arguments) => sync::run(arguments, bench).await,
        Command::Mount(arguments) => Box::pin(mount::run(arguments, bench)).await,
        Command::Check(arguments) => check::check(&arguments),
        Command::Minify(arguments) => check::minify(&arguments),
        Command::Repl(arguments) => repl::run(&arguments, bench).await,
        Command::Monitor(arguments) => monitor::run(&arguments, bench).await,
        Command::Shell(arguments) => shell::run(arguments, bench).await,
        Command::Plot(arguments) => plot::run(&arguments, bench).await,
        Command::Latency(arguments) => latency::run(&arguments, bench).await,
        Command::Add(arguments) => packages::add(arguments).await,
        Command::Update(arguments) => packages::update(arguments).await,
        Command::Remove(arguments) => packages::remove(arguments).await,
        Command::Mip(command) => packages::mip(command, bench).await,
        Command::Reset(arguments) => reset::run(arguments, bench).await,
        Command::Rtc(arguments) => rtc::run(arguments, bench).await,
        Command::New(arguments) => new::run(&arguments),
        #[cfg(feature = "fleet")]
        Command::Serve(arguments) => serve::run(arguments).await,
        #[cfg(feature = "fleet")]
        Command::Fleet(command) => fleet::run(command).await,
        #[cfg(all(feature = "sim", target_os = "linux"))]
        Command::Sim(arguments) => sim::run(&arguments).await,
        Command::Completions(arguments) => completions::run(&arguments),
    }
}
