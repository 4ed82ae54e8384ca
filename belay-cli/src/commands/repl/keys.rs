//! Translates the keys of the terminal into the bytes that a board expects.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::event::{
    self, DisableBracketedPaste, EnableBracketedPaste, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers,
};
use crossterm::{execute, terminal};
use tokio::sync::mpsc;

/// How often the thread that reads keys checks whether it should end.
const LOOK: Duration = Duration::from_millis(100);
/// The capacity of the queue of keys.
const WAITING: usize = 1024;

/// An input of the user.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Bytes for the board.
    Typed(Vec<u8>),
    /// Text for the board that was pasted at once.
    Pasted(String),
    /// The user wants to leave.
    Leave,
}

/// The keyboard: reads the keys in raw mode until it is dropped.
pub(super) struct Keys {
    keys: mpsc::Receiver<Key>,
    wanted: Arc<AtomicBool>,
}

impl Keys {
    pub(super) fn start() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        let (send, keys) = mpsc::channel(WAITING);
        let wanted = Arc::new(AtomicBool::new(true));
        let these = Self {
            keys,
            wanted: Arc::clone(&wanted),
        };
        // On a terminal without bracketed paste, pasted text arrives like typed text.
        let _ = execute!(io::stdout(), EnableBracketedPaste);
        let listen = move || listen(&send, &wanted);
        std::thread::Builder::new().name("keys".into()).spawn(listen)?;
        Ok(these)
    }

    /// The next key; `None` when the terminal is gone.
    pub(super) async fn next(&mut self) -> Option<Key> {
        self.keys.recv().await
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.wanted.store(false, Ordering::Relaxed);
        let _ = execute!(io::stdout(), DisableBracketedPaste);
        let _ = terminal::disable_raw_mode();
    }
}

fn listen(send: &mpsc::Sender<Key>, wanted: &AtomicBool) {
    while wanted.load(Ordering::Relaxed) {
        let event = match event::poll(LOOK) {
            Ok(false) => continue,
            Ok(true) => event::read(),
            Err(_) => return,
        };
        let Ok(event) = event else { return };
        if let Some(key) = meant(event)
            && send.blocking_send(key).is_err()
        {
            return;
        }
    }
}

fn meant(event: Event) -> Option<Key> {
    match event {
        Event::Paste(text) => Some(Key::Pasted(text)),
        Event::Key(key) if key.kind != KeyEventKind::Release => pressed(key),
        _ => None,
    }
}

/// The bytes that a terminal sends for a key.
fn pressed(KeyEvent { code, modifiers, .. }: KeyEvent) -> Option<Key> {
    let control = modifiers.contains(KeyModifiers::CONTROL);
    let sequence = match code {
        // Some terminals report Ctrl-] as Ctrl-5.
        KeyCode::Char('x' | 'X' | ']' | '5') if control => return Some(Key::Leave),
        KeyCode::Char(' ') if control => "\0",
        KeyCode::Char(letter) if control => {
            let letter = letter.to_ascii_lowercase();
            let code = u8::try_from(letter).ok().filter(u8::is_ascii_lowercase)?;
            return Some(Key::Typed(vec![code - b'a' + 1]));
        }
        KeyCode::Char(character) => {
            let mut bytes = if modifiers.contains(KeyModifiers::ALT) {
                vec![0x1b]
            } else {
                Vec::new()
            };
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(Key::Typed(bytes));
        }
        KeyCode::Enter => "\r",
        KeyCode::Tab => "\t",
        KeyCode::Backspace => "\x7f",
        KeyCode::Esc => "\x1b",
        KeyCode::Up => "\x1b[A",
        KeyCode::Down => "\x1b[B",
        KeyCode::Right => "\x1b[C",
        KeyCode::Left => "\x1b[D",
        KeyCode::Home => "\x1b[H",
        KeyCode::End => "\x1b[F",
        KeyCode::Delete => "\x1b[3~",
        _ => return None,
    };
    Some(Key::Typed(sequence.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_a_terminal_sends_for_them() {
        let typed = |code, modifiers| pressed(KeyEvent::new(code, modifiers));
        let bytes = |bytes: &[u8]| Some(Key::Typed(bytes.to_vec()));
        assert_eq!(typed(KeyCode::Char('c'), KeyModifiers::CONTROL), bytes(b"\x03"));
        assert_eq!(
            typed(KeyCode::Char('ä'), KeyModifiers::NONE),
            bytes("ä".as_bytes())
        );
        assert_eq!(typed(KeyCode::Char('b'), KeyModifiers::ALT), bytes(b"\x1bb"));
        assert_eq!(typed(KeyCode::Up, KeyModifiers::NONE), bytes(b"\x1b[A"));
        assert_eq!(typed(KeyCode::Char('x'), KeyModifiers::CONTROL), Some(Key::Leave));
        assert_eq!(typed(KeyCode::F(5), KeyModifiers::NONE), None);
    }
}
