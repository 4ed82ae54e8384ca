//! How the resident agent sends large answers in parts, and sends an answer again, or only the missing pieces
//! of it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::resident::{What, char_of};
use super::{Machine, Python, raised};

impl Machine {
    /// Sends a frame of an answer, or only the pieces of it that the host requests.
    async fn piecewise(&mut self, wanted: Option<[usize; 4]>, i: usize, text: &str) -> Python<()> {
        let Some([first, at, to, size]) = wanted else {
            return self.send(text).await;
        };
        if i < first || to > 0 && i > first {
            return Ok(());
        }
        let total = text.len();
        let mut at = if i > first { 0 } else { at };
        let end = if to == 0 { total } else { to.min(total) };
        while at < end {
            let piece = BASE64_STANDARD.encode(&text[at..(at + size).min(total)]);
            let number = &text[..1];
            self.send(&format!("{number}f{i} {at} {total}:{piece}")).await?;
            at += size.max(1);
        }
        Ok(())
    }

    pub(super) async fn parts(&mut self, number: u8, what: &What, wanted: Option<[usize; 4]>) -> Python<()> {
        let (value, size, kind) = match what {
            What::Bytes(value, true) => (value.as_slice(), 1536, "a".to_owned()),
            What::Bytes(value, false) => (value.as_slice(), 1536, "b".to_owned()),
            What::Packed(code, value) => (value.as_slice(), 1536, format!("W{}", char_of(*code))),
            What::Parts(text) => (text.as_bytes(), 192, "w".to_owned()),
            What::Frames(_) => return Ok(()),
        };
        let number = char_of(number);
        let mut count = 0;
        for piece in value.chunks(size) {
            let text = format!("{number}+{count}:{}", BASE64_STANDARD.encode(piece));
            self.piecewise(wanted, count, &text).await?;
            count += 1;
        }
        self.piecewise(wanted, count, &format!("{number}{kind}{count}"))
            .await
    }

    /// Sends a kept answer again, or the requested pieces of it; false if it is not kept.
    pub(super) async fn again(&mut self, number: u8, wanted: Option<[usize; 4]>) -> Python<bool> {
        let kept = &self.agent()?.kept;
        let Some(what) = kept
            .iter()
            .find(|kept| kept.number == number)
            .map(|kept| kept.what.clone())
        else {
            return Ok(false);
        };
        match &what {
            What::Frames(frames) => {
                for (i, text) in frames.iter().enumerate() {
                    self.piecewise(wanted, i, text).await?;
                }
            }
            what => self.parts(number, what, wanted).await?,
        }
        Ok(true)
    }

    pub(super) async fn piecemeal(&mut self, number: u8, which: &str) -> Python<()> {
        let numbers: Vec<usize> = which
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        let Ok(wanted) = <[usize; 4]>::try_from(numbers) else {
            return Err(raised("IndexError", "index out of range"));
        };
        let known = self.again(number, Some(wanted)).await?;
        let end = if known {
            format!("t{}", wanted[1])
        } else {
            "g".to_owned()
        };
        self.send(&format!("{}{end}", char_of(number))).await
    }
}
