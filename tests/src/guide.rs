//! The chapters of the guide (`docs/src`), so that each of their code blocks is compiled as a doctest.
//!
//! A test of `xtask` holds this list against the folder.

macro_rules! chapters {
    ($($name:ident: $file:literal,)*) => {
        $(
            #[doc = include_str!(concat!("../../docs/src/", $file))]
            mod $name {}
        )*
    };
}

chapters! {
    introduction: "introduction.md",
    concepts: "concepts.md",
    life: "life.md",
    setups: "setups.md",
    threads: "threads.md",
    streams: "streams.md",
    events: "events.md",
    host_functions: "host-functions.md",
    time: "time.md",
    objects: "objects.md",
    files: "files.md",
    errors: "errors.md",
    performance: "performance.md",
    command: "command.md",
    testing: "testing.md",
    inside: "inside.md",
    from_python: "from-python.md",
    from_mpremote: "from-mpremote.md",
    from_dotnet: "from-dotnet.md",
}
