//! The data of the curves.

use std::collections::VecDeque;

/// How many points of a curve are kept, and the maximum number of curves. A script may print any amount.
const POINTS: usize = 100_000;
const CURVES: usize = 16;

/// All curves, in the order in which they first appeared.
#[derive(Debug, Default)]
pub(super) struct Curves(pub(super) Vec<Curve>);

/// A curve: its name, and its points as seconds and values.
#[derive(Debug)]
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) points: VecDeque<(f64, f64)>,
}

/// The visible range of time and of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct View {
    pub(super) seconds: (f64, f64),
    pub(super) values: (f64, f64),
}

impl Curves {
    pub(super) fn add(&mut self, name: &str, seconds: f64, value: f64) {
        if !value.is_finite() {
            return;
        }
        let at = self.0.iter().position(|curve| curve.name == name);
        let at = match at {
            Some(at) => at,
            None if self.0.len() < CURVES => {
                let (name, points) = (name.to_owned(), VecDeque::new());
                self.0.push(Curve { name, points });
                self.0.len() - 1
            }
            None => return,
        };
        let points = &mut self.0[at].points;
        if points.len() == POINTS {
            points.pop_front();
        }
        points.push_back((seconds, value));
    }

    /// The view of the last `window` seconds, or of everything, with a margin above and below the curves.
    pub(super) fn view(&self, window: Option<u32>) -> View {
        let all = || self.0.iter().flat_map(|curve| &curve.points);
        let last = all().map(|(seconds, _)| *seconds).fold(0.0, f64::max);
        let first = match window {
            Some(window) => (last - f64::from(window)).max(0.0),
            None => all()
                .map(|(seconds, _)| *seconds)
                .fold(f64::INFINITY, f64::min)
                .min(last),
        };
        let seen = all()
            .filter(|(seconds, _)| *seconds >= first)
            .map(|(_, value)| *value);
        let (low, high) = seen.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let room = if high > low {
            (high - low) * 0.05
        } else {
            high.abs().max(1.0) * 0.5
        };
        View {
            seconds: (first, last.max(first + 1.0)),
            values: (low - room, high + room),
        }
    }
}

/// The label of a value on an axis.
pub(super) fn label(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e6).contains(&size) => format!("{value:.2e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_and_seen_is_bounded() {
        let mut curves = Curves::default();
        assert_eq!(curves.view(None).values, (-0.05, 1.05));
        for i in 0..u32::try_from(POINTS).unwrap() + 10 {
            curves.add("a", f64::from(i), 5.0);
        }
        curves.add("a", f64::NAN, f64::NAN);
        assert_eq!(curves.0[0].points.len(), POINTS);
        assert_eq!(curves.view(Some(10)).values, (2.5, 7.5));
        for i in 0..100 {
            curves.add(&i.to_string(), 0.0, 0.0);
        }
        assert_eq!(curves.0.len(), CURVES);
    }

    #[test]
    fn labels_are_short() {
        let labels = [0.0, 1.5, 1234.5, 1e9, -1e-9].map(label);
        assert_eq!(labels, ["0", "1.50", "1234", "1.00e9", "-1.00e-9"]);
    }
}
