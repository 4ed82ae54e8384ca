//! The executors, the session, the link and the raw REPL of belay.
