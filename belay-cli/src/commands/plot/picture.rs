//! Draws the curves into a PNG file.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "all are places in a picture, and within it"
)]

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use super::curves::{Curves, View, label};
use crate::failure::Failure;

const WIDTH: usize = 1000;
const HEIGHT: usize = 500;
/// The area of the curves: left, top, right, bottom.
const FRAME: (usize, usize, usize, usize) = (90, 30, 980, 460);
const COLOURS: [[u8; 3]; 6] = [
    [0x1f, 0x77, 0xb4],
    [0xff, 0x7f, 0x0e],
    [0x2c, 0xa0, 0x2c],
    [0xd6, 0x27, 0x28],
    [0x94, 0x67, 0xbd],
    [0x8c, 0x56, 0x4b],
];
const GREY: [u8; 3] = [0xc0; 3];
const BLACK: [u8; 3] = [0x20; 3];

/// The characters of the axis labels, and their shapes below: three columns of five bits each.
const DIGITS: &str = "0123456789.-e";
const SHAPES: [[u8; 3]; 13] = [
    [31, 17, 31],
    [0, 31, 0],
    [29, 21, 23],
    [21, 21, 31],
    [7, 4, 31],
    [23, 21, 29],
    [31, 21, 29],
    [1, 1, 31],
    [31, 21, 31],
    [23, 21, 31],
    [0, 16, 0],
    [4, 4, 4],
    [14, 21, 22],
];
/// The size of a bit of a shape, in pixels.
const DOT: usize = 2;

pub(super) fn write(curves: &Curves, path: &Path) -> Result<(), Failure> {
    let file = File::create(path).map_err(|error| Failure::local(path, &error))?;
    let (width, height) = (WIDTH as u32, HEIGHT as u32);
    let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
    encoder.set_color(png::ColorType::Rgb);
    let picture = Picture::of(curves);
    let failed = |error: png::EncodingError| Failure::failed(format!("{}: {error}", path.display()));
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&picture.0).map_err(failed)
}

struct Picture(Vec<u8>);

impl Picture {
    fn of(curves: &Curves) -> Self {
        let view = curves.view(None);
        let mut picture = Self(vec![0xff; WIDTH * HEIGHT * 3]);
        picture.axes(view);
        for (curve, colour) in curves.0.iter().zip(COLOURS.iter().cycle()) {
            let mut before = None;
            for point in curve.points.iter().map(|point| place(view, *point)) {
                picture.line(before.unwrap_or(point), point, *colour);
                before = Some(point);
            }
        }
        picture
    }

    /// The frame, lines across it, and the numbers beside it.
    fn axes(&mut self, view: View) {
        let (left, top, right, bottom) = FRAME;
        for step in 0..=4_u8 {
            let part = f64::from(step) / 4.0;
            let between = |(low, high): (f64, f64)| low + (high - low) * part;
            let (seconds, value) = (between(view.seconds), between(view.values));
            let (x, y) = place(view, (seconds, value));
            self.line((x, top as f64), (x, bottom as f64), GREY);
            self.line((left as f64, y), (right as f64, y), GREY);
            let text = label(value);
            self.text(
                &text,
                left.saturating_sub(8 + text.len() * 4 * DOT),
                y as usize - 5,
            );
            self.text(&label(seconds), (x as usize).saturating_sub(12), bottom + 10);
        }
    }

    fn text(&mut self, text: &str, x: usize, y: usize) {
        for (at, character) in text.chars().enumerate() {
            let shape = DIGITS.find(character).map_or([0; 3], |at| SHAPES[at]);
            for (column, bits) in shape.iter().enumerate() {
                for row in (0..5).filter(|row| bits >> row & 1 == 1) {
                    for dot in 0..DOT * DOT {
                        let (dx, dy) = (dot % DOT, dot / DOT);
                        self.dot(x + (at * 4 + column) * DOT + dx, y + row * DOT + dy, BLACK);
                    }
                }
            }
        }
    }

    /// Draws a line, two pixels wide.
    fn line(&mut self, (x0, y0): (f64, f64), (x1, y1): (f64, f64), colour: [u8; 3]) {
        let steps = (x1 - x0).abs().max((y1 - y0).abs()).ceil().max(1.0);
        for step in 0..=steps as usize {
            let part = step as f64 / steps;
            let (x, y) = ((x0 + (x1 - x0) * part) as usize, (y0 + (y1 - y0) * part) as usize);
            self.dot(x, y, colour);
            self.dot(x, y + usize::from(colour != GREY), colour);
        }
    }

    fn dot(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        if x < WIDTH && y < HEIGHT {
            let at = (y * WIDTH + x) * 3;
            self.0[at..at + 3].copy_from_slice(&colour);
        }
    }
}

/// The position of a point in the picture.
fn place(view: View, (seconds, value): (f64, f64)) -> (f64, f64) {
    let (left, top, right, bottom) = FRAME;
    let part = |value: f64, (low, high): (f64, f64)| ((value - low) / (high - low)).clamp(0.0, 1.0);
    let x = left as f64 + part(seconds, view.seconds) * (right - left) as f64;
    let y = bottom as f64 - part(value, view.values) * (bottom - top) as f64;
    (x, y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_where_they_belong_and_extremes_do_not_leave_the_picture() {
        let mut curves = Curves::default();
        for (i, value) in [0.0, 1e300, -1e300, 1e-300].into_iter().enumerate() {
            curves.add("wild", i as f64, value);
        }
        let picture = Picture::of(&curves);
        assert!(picture.0.chunks(3).any(|dot| dot == COLOURS[0]));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.png");
        write(&curves, &path).unwrap();
        let decoder = png::Decoder::new(std::io::BufReader::new(File::open(&path).unwrap()));
        let info = decoder.read_info().unwrap();
        assert_eq!((info.info().width, info.info().height), (1000, 500));
    }
}
