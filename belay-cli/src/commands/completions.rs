//! `belay completions`

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Cli;
use crate::failure::Failure;

/// Writes the completions for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  belay completions bash > ~/.local/share/bash-completion/completions/belay\n  \
    belay completions zsh > ~/.zfunc/_belay\n  belay completions powershell >> $PROFILE"
)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "belay", &mut text);
    Ok(crate::screen::write_bytes(&text)?)
}
