//! Part of the belay workspace; not published.
