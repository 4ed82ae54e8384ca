//! The attribute macros of belay.
