//! The library that reads the board's microsecond counter, how it is called, and the results that it stamps with the
//! time.

use super::expression::{call, in_namespace};
use super::values::Library;
use crate::python::{Arguments, ValueError, packed};

/// Stamps results with the counter; it is sent after [`PACK`](super::values::PACK).
pub(crate) const CLOCK: Library = Library {
    source: include_str!(concat!(env!("OUT_DIR"), "/clock.py")),
    namespace: NAMESPACE,
    function: "now",
    name: NOW,
    besides: ",P=N('_clock')['stamping'](P)",
};

const NAMESPACE: &str = "_clock";
/// The function that gives the counter and its period (at how many it wraps around), or 0 if it does not.
pub(crate) const NOW: &str = "Q";
/// The packing code of a result with a time stamp.
pub(crate) const STAMPED: u8 = b'@';

/// A value, and the counter at the moment when the board had the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) ticks: u64,
    /// At how many the counter wraps around, or 0.
    pub(crate) period: u64,
    /// The value, whose floats have all their bits.
    pub(crate) repr: Vec<u8>,
}

impl Stamp {
    /// Reads a packed result; `None` where it makes no sense.
    pub(crate) fn read(data: &[u8]) -> Option<Self> {
        let colon = data.iter().position(|byte| *byte == b':')?;
        let head = str::from_utf8(&data[..colon]).ok()?;
        let (ticks, period) = head.split_once(' ')?;
        let repr = match data[colon + 1..].split_first()? {
            (b'r', repr) => repr.to_vec(),
            (b'p', inner) => {
                let (code, inner) = inner.split_first()?;
                packed::repr(*code, inner)?
            }
            _ => return None,
        };
        Some(Self {
            ticks: ticks.parse().ok()?,
            period: period.parse().ok()?,
            repr,
        })
    }
}

/// Sets the board's clock to `now` when the counter reaches `ticks`, and gives by how many microseconds that was too
/// late.
pub(crate) fn set_rtc(now: (u16, u8, u8, u8, u8, u8, u8), ticks: u64) -> Result<String, ValueError> {
    let arguments = Arguments::new().with("now", &now).with("ticks", &ticks);
    Ok(call(in_namespace(NAMESPACE, "set_rtc"), arguments.literals()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_moment_is_read_or_refused() {
        let read = |data: &[u8]| Stamp::read(data).map(|stamp| (stamp.ticks, stamp.period, stamp.repr));
        assert_eq!(read(b"5 16:r'a:b'"), Some((5, 16, b"'a:b'".to_vec())));
        assert_eq!(read(b"5 0:ph\x01\x00"), Some((5, 0, b"[1]".to_vec())));
        for bad in [
            &b""[..],
            b"5 16",
            b"5:r1",
            b"x 1:r1",
            b"-5 1:r1",
            b"5 1:",
            b"5 1:q",
            b"5 1:ph\x01",
        ] {
            assert_eq!(read(bad), None, "{}", bad.escape_ascii());
        }
    }
}
