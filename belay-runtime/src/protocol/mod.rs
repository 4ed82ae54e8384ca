//! Raw REPL, raw-paste mode and the frames of the call agent: bytes in, events out; no clock, no port.
