//! What is known of a board that cannot be brought to its prompt.

use std::fmt;

use super::received::Received;

/// What is known of a board that cannot be brought to its prompt: what it does instead, and what was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stuck {
    /// What the board does instead.
    pub board: BoardState,
    /// Why it was to stop.
    pub(crate) purpose: Purpose,
    /// The strongest measure that was tried.
    pub(crate) tried: Tried,
}

/// What a board is doing that cannot be brought to its prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoardState {
    /// It sends nothing.
    Silent,
    /// It keeps printing; these are the last bytes.
    Printing(Vec<u8>),
    /// It is at its prompt, but answers this to all code: most likely that it is out of memory.
    Unable(Vec<u8>),
}

/// Why a board was to stop what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The device was to be connected.
    Connect,
    /// The call that the error is about was to end.
    EndCall,
    /// A call was to be sent, or the outcome of an earlier one to be asked for.
    TakeCall,
    /// The board was to be reset.
    Reset,
    /// The device was to be closed.
    Leave,
}

/// The strongest measure that was tried; the order is from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tried {
    Interrupts,
    SoftReset,
    Lines,
}

impl Stuck {
    pub(super) fn hint(&self) -> &'static str {
        use BoardState::{Printing, Silent, Unable};
        use Purpose::{Connect, Reset};
        match (&self.board, self.purpose, self.tried) {
            (Unable(_), Connect, Tried::Interrupts) => {
                "`reset_on_connect(ResetPolicy::Soft)` frees the board's memory and does not run `main.py`"
            }
            (Unable(_), Connect, Tried::SoftReset) => {
                "`boot.py` takes what the board needs: remove it, or install the firmware anew"
            }
            (Silent, Connect, Tried::Lines) => {
                "is this the board's port, is MicroPython on the board, and is no other program using it?"
            }
            (Silent, Connect, _) => {
                "is this the board's port, is MicroPython on the board, and is no other program using it? If what the \
                 board runs does not stop, press its reset button, or set `reset_on_connect(ResetPolicy::Lines)` where \
                 the port's modem lines reset it"
            }
            (Printing(_), Connect, Tried::Interrupts) => {
                "is this the board's port? `reset_on_connect(ResetPolicy::Soft)` resets the board once its program \
                 ends, and `ResetPolicy::Lines` at once where the port's modem lines do that; so does its reset button"
            }
            (_, Connect | Reset, Tried::Lines) => {
                "press the board's reset button or switch it off and on; if `boot.py` or `main.py` does this each time, install \
                 the firmware anew"
            }
            (_, Connect, _) => {
                "set `reset_on_connect(ResetPolicy::Lines)` where the port's modem lines reset the board, press its \
                 reset button, or switch it off and on"
            }
            (_, Reset, _) => {
                "`Device::reset_with(ResetPolicy::Lines)` where the port's modem lines reset the board, its reset \
                 button, or switching it off and on"
            }
            _ => "reset the board: `Device::reset`, its reset button, or switching it off and on",
        }
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let BoardState::Unable(answer) = &self.board {
            return write!(
                f,
                "the board is at its prompt but answers every command with {}",
                Received(answer)
            );
        }
        f.write_str(match self.tried {
            Tried::Interrupts => "the board does not react to Ctrl-C: ",
            Tried::SoftReset => "the board does not react to Ctrl-C, nor to a soft reset: ",
            Tried::Lines => "the board does not react to Ctrl-C, nor to a reset: ",
        })?;
        let silent = self.board == BoardState::Silent;
        f.write_str(match self.purpose {
            Purpose::EndCall => "it still runs this call, or a thread reads what it is sent",
            Purpose::TakeCall => {
                "it still runs the code of an earlier call, a thread reads what it is sent, or its line is dead"
            }
            _ if silent => "it answers nothing",
            _ => "it does not stop what it runs",
        })?;
        match &self.board {
            BoardState::Printing(bytes) => write!(f, "; it prints {}", Received(bytes)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_told_and_the_hint_names_what_was_not_tried() {
        let board = BoardState::Unable(b"MemoryError: no".to_vec());
        let mut stuck = Stuck {
            board,
            purpose: Purpose::Connect,
            tried: Tried::Interrupts,
        };
        assert!(stuck.to_string().contains("MemoryError: no"));
        assert!(stuck.hint().contains("ResetPolicy::Soft"));
        stuck.board = BoardState::Printing(b"alive".to_vec());
        stuck.tried = Tried::SoftReset;
        assert!(stuck.to_string().ends_with("it prints \"alive\""));
        assert!(!stuck.hint().contains("ResetPolicy::Soft"));
        assert!(stuck.hint().contains("ResetPolicy::Lines"));
        stuck.board = BoardState::Silent;
        stuck.purpose = Purpose::Reset;
        assert!(stuck.to_string().ends_with("it answers nothing"));
    }
}
