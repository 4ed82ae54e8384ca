//! The outcome of a run.

/// The outcome of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// A result was wrong, or something ran twice.
    pub wrong: bool,
    /// Something took longer than it may.
    pub hung: bool,
    /// The link did not work afterwards.
    pub lost: bool,
    /// What was wrong.
    pub complaints: Vec<String>,
    /// What happened.
    pub scenario: String,
    /// A hash of what went over the line, and when.
    pub digest: u64,
}

impl Outcome {
    /// Whether nothing was wrong.
    pub fn is_good(&self) -> bool {
        !(self.wrong || self.hung || self.lost)
    }

    pub(crate) fn is_wrong(&mut self, what: String) {
        self.wrong = true;
        self.complaints.push(what);
    }

    pub(crate) fn is_hung(&mut self, what: String) {
        self.hung = true;
        self.complaints.push(what);
    }

    pub(crate) fn is_lost(&mut self, what: String) {
        self.lost = true;
        self.complaints.push(what);
    }
}
