//! Shows the progress of a build to the user.

#[cfg(feature = "cli")]
use std::io::IsTerminal as _;
use std::io::{self, Write as _};

#[cfg(feature = "cli")]
use indicatif::ProgressBar;

/// How a build shows its progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Report {
    /// A moving line on a terminal if the feature `cli` is on, else plain lines; both on standard error.
    #[default]
    Auto,
    /// Not at all.
    Quiet,
}

/// The progress of one build.
#[derive(Debug)]
pub(crate) struct Progress {
    report: Report,
    #[cfg(feature = "cli")]
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new(report: Report) -> Self {
        Self {
            report,
            #[cfg(feature = "cli")]
            bar: (report == Report::Auto && io::stderr().is_terminal()).then(|| {
                let bar = ProgressBar::new_spinner();
                bar.enable_steady_tick(std::time::Duration::from_millis(100));
                bar
            }),
        }
    }

    pub(crate) fn step(&self, what: &str) {
        #[cfg(feature = "cli")]
        if let Some(bar) = &self.bar {
            return bar.set_message(format!("{what} …"));
        }
        self.say(&format!("{what} …"));
    }

    pub(crate) fn finish(&self, what: &str) {
        #[cfg(feature = "cli")]
        if let Some(bar) = &self.bar {
            return bar.finish_with_message(what.to_owned());
        }
        self.say(what);
    }

    fn say(&self, what: &str) {
        if self.report == Report::Auto {
            say(what);
        }
    }
}

/// Prints directly: the output of `eprintln!` would be captured in a test, but somebody is waiting for the
/// build.
fn say(what: &str) {
    // Standard error may be closed.
    let _ = writeln!(io::stderr(), "belay-sim: {what}");
}
