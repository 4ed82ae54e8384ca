//! Real MicroPython on a pseudo-terminal: simulated boards for belay and for any serial program.
