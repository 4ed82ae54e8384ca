//! What a run showed.

/// What a run showed.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Something was given that is not so, or something ran twice.
    pub wrong: bool,
    /// Something took longer than it may.
    pub hung: bool,
    /// The link did not work afterwards.
    pub lost: bool,
    /// What was wrong, in words.
    pub complaints: Vec<String>,
    /// What happened, in words.
    pub scenario: String,
    /// What went over the line and when, as one number.
    pub digest: u64,
}

impl Outcome {
    /// Whether all was as it has to be.
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
