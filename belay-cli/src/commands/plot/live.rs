//! Draws the curves on the terminal.

use std::io::{self, Stdout};
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyCode, KeyModifiers};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Constraint;
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, LegendPosition};
use ratatui::{Frame, Terminal};

use super::curves::{Curves, label};

/// How often keys are polled, and the minimum time between two drawings.
const LOOK: Duration = Duration::from_millis(40);
pub(super) const COLOURS: [Color; 6] = [
    Color::Cyan,
    Color::Yellow,
    Color::Magenta,
    Color::Green,
    Color::Red,
    Color::Blue,
];

/// The terminal's alternate screen, which is left when this is dropped.
pub(super) struct Live {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    drawn: Option<Instant>,
}

impl Live {
    pub(super) fn start() -> io::Result<Self> {
        enable_raw_mode()?;
        let entered = execute!(io::stdout(), EnterAlternateScreen);
        let terminal = entered.and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        if terminal.is_err() {
            let _ = disable_raw_mode();
        }
        Ok(Self {
            terminal: terminal?,
            drawn: None,
        })
    }

    /// Waits until the user quits, and redraws when the size of the terminal changes.
    pub(super) async fn left(&mut self, curves: &Curves, window: u32) -> io::Result<()> {
        loop {
            while event::poll(Duration::ZERO)? {
                match event::read()? {
                    Event::Key(key) => {
                        let control = key.modifiers.contains(KeyModifiers::CONTROL);
                        match key.code {
                            KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
                            KeyCode::Char('c' | 'x') if control => return Ok(()),
                            _ => {}
                        }
                    }
                    Event::Resize(..) => {
                        self.drawn = None;
                        self.draw(curves, window)?;
                    }
                    _ => {}
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) fn draw(&mut self, curves: &Curves, window: u32) -> io::Result<()> {
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= LOOK) {
            self.terminal.draw(|frame| chart(frame, curves, window))?;
            self.drawn = Some(Instant::now());
        }
        Ok(())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = execute!(io::stdout(), LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

/// Draws the curves of the last `window` seconds.
fn chart(frame: &mut Frame<'_>, curves: &Curves, window: u32) {
    let view = curves.view(Some(window));
    let seen: Vec<(String, Vec<(f64, f64)>)> = { curves.0.iter() }
        .map(|curve| {
            let points = curve.points.iter().copied();
            let points: Vec<_> = points.filter(|(seconds, _)| *seconds >= view.seconds.0).collect();
            let last = points.last().map_or_else(String::new, |(_, value)| label(*value));
            (format!("{} {last}", curve.name), points)
        })
        .collect();
    let sets = seen
        .iter()
        .zip(COLOURS.iter().cycle())
        .map(|((name, points), colour)| {
            Dataset::default()
                .name(name.as_str())
                .marker(Marker::Braille)
                .graph_type(GraphType::Line)
                .style(Style::new().fg(*colour))
                .data(points)
        });
    let axis = |(low, high): (f64, f64)| {
        let labels = [low, low.midpoint(high), high].map(|value| Line::from(label(value)));
        Axis::default().bounds([low, high]).labels(labels)
    };
    let chart = Chart::new(sets.collect())
        .block(Block::bordered().title(" belay plot, q ends it "))
        .x_axis(axis(view.seconds).title("s"))
        .y_axis(axis(view.values))
        .legend_position(Some(LegendPosition::TopLeft))
        // Always show the legend: with several curves it is needed even on a small terminal.
        .hidden_legend_constraints((Constraint::Percentage(100), Constraint::Percentage(100)));
    frame.render_widget(chart, frame.area());
}

#[cfg(test)]
mod tests {
    use ratatui::backend::TestBackend;

    use super::*;

    #[test]
    fn curves_are_drawn_with_their_names_and_axes() {
        let mut curves = Curves::default();
        for i in 0..200 {
            let seconds = f64::from(i) / 10.0;
            curves.add("sine", seconds, (seconds / 2.0).sin() * 100.0);
            curves.add("ramp", seconds, seconds * 5.0 - 50.0);
        }
        let mut terminal = Terminal::new(TestBackend::new(60, 16)).unwrap();
        terminal.draw(|frame| chart(frame, &curves, 30)).unwrap();
        let shown = terminal.backend().to_string();
        for text in ["q ends it", "sine", "ramp", "19.90", "-110"] {
            assert!(shown.contains(text), "{text} in\n{shown}");
        }
        let dots = shown
            .chars()
            .filter(|c| ('\u{2801}'..='\u{28ff}').contains(c))
            .count();
        assert!(dots > 60, "{shown}");
        // No size of the terminal, however small, may panic.
        for (width, height) in [(1, 1), (3, 2), (200, 3)] {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            terminal
                .draw(|frame| chart(frame, &Curves::default(), 30))
                .unwrap();
            terminal.draw(|frame| chart(frame, &curves, 30)).unwrap();
        }
    }
}
