//! The sources that the host runs at a prompt. There is only a handful, and each is recognised by its form.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::resident::Resident;
use super::small::Small;
use super::{Machine, Python, Raised, raised};

/// Fingerprints of the sources that the host sends over a line without faults. Numbers in them may differ.
type Known = BTreeSet<u32>;

static KNOWN: OnceLock<Known> = OnceLock::new();
static LEARNING: Mutex<Option<Known>> = Mutex::new(None);

fn learning() -> MutexGuard<'static, Option<Known>> {
    LEARNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `run`, once in the whole process, over lines without faults, and remembers the sources that the host
/// sends. From then on, every other source counts as damaged.
pub(crate) fn learn(run: impl FnOnce()) {
    KNOWN.get_or_init(|| {
        *learning() = Some(Known::default());
        run();
        learning().take().unwrap_or_default()
    });
}

/// Whether the host sends this source undamaged.
fn is_intact(source: &str) -> bool {
    let mut hasher = crc32fast::Hasher::new();
    let mut last = None;
    for byte in source.bytes() {
        // Numbers and runs of spaces may have any length.
        let byte = if byte.is_ascii_digit() { b'0' } else { byte };
        if !(last == Some(byte) && b"0 ".contains(&byte)) {
            hasher.update(&[byte]);
        }
        last = Some(byte);
    }
    let fingerprint = hasher.finalize();
    if let Some(known) = KNOWN.get() {
        return known.contains(&fingerprint);
    }
    if let Some(known) = &mut *learning() {
        known.insert(fingerprint);
    }
    true
}

/// Reads a string literal that the host has written; returns its contents and what follows it.
fn literal(source: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut rest = source.strip_prefix('\'')?.chars();
    loop {
        match rest.next()? {
            '\'' => return Some((text, rest.as_str())),
            '\\' => match rest.next()? {
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                't' => text.push('\t'),
                c @ ('\\' | '\'') => text.push(c),
                other => text.extend(['\\', other]),
            },
            '\n' => return None,
            c => text.push(c),
        }
    }
}

/// The arguments that begin a session: the version, the start of frames, the seed, the size of blocks.
struct Begin<'a> {
    version: &'a str,
    nonce: String,
    seed: u32,
    size: i64,
}

impl<'a> Begin<'a> {
    fn of(source: &'a str) -> Option<Self> {
        let (version, rest) = source.strip_prefix("_belay['")?.split_once("'](")?;
        let (nonce, rest) = literal(rest)?;
        let (length, rest) = rest.strip_prefix("[:")?.split_once("],")?;
        let length = length.parse().ok()?;
        // The first line for an old board is padded with spaces.
        let rest = rest.strip_suffix('\n')?.trim_end_matches(' ');
        let (seed, size) = rest.strip_suffix(')')?.split_once(',')?;
        Some(Self {
            version,
            nonce: nonce.chars().take(length).collect(),
            seed: seed.parse().ok()?,
            size: number(size)?,
        })
    }
}

/// Reads a number, which is written as such or as the intersection of two sets.
fn number(text: &str) -> Option<i64> {
    let Some(sets) = text.strip_prefix("({") else {
        return text.parse().ok();
    };
    let (one, other) = sets.strip_suffix("}).pop()")?.split_once("}&{")?;
    (one == other).then(|| one.parse().ok())?
}

/// Reads the two halves of a mark that is to be printed, and joins them.
fn mark(source: &str) -> Option<String> {
    let (first, rest) = literal(source)?;
    let (second, rest) = literal(rest.strip_prefix('+')?)?;
    (rest.starts_with(')') || rest.starts_with(',')).then(|| first + &second)
}

fn damaged() -> Raised {
    raised("SyntaxError", "invalid syntax")
}

fn missing() -> Raised {
    raised("NameError", "name '_belay' isn't defined")
}

impl Machine {
    pub(super) async fn run_source(&mut self, source: &[u8]) -> Python<()> {
        self.tick().await?;
        let Ok(source) = std::str::from_utf8(source) else {
            return Err(raised("UnicodeError", ""));
        };
        let source = &source.replace('\r', "\n");
        for start in [
            "print(",
            "import builtins as _by;_by.print(",
            "from builtins import print as _belay_p;_belay_p(",
        ] {
            if let Some(printed) = source.trim_start().strip_prefix(start) {
                return self.print_mark(printed).await;
            }
        }
        if source.starts_with("try:_belay['r']\n") {
            return self.look_for_agent(source).await;
        }
        if let Some(attach) = source.strip_prefix("try:_belay['")
            && let Some((version, begin)) = attach.split_once("']\nexcept:0\nelse:")
        {
            return self.attach(version, begin).await;
        }
        if source == "from gc import collect as _belay_f\n_belay_f()\ndel _belay_f\n" {
            return Ok(());
        }
        if source.starts_with("def _belay_f():") && source.contains("mem_free") {
            return self.look(source).await;
        }
        if let Some((agent, begin)) = source.rsplit_once("\n_belay=_belay('") {
            return self.take_agent(agent, begin).await;
        }
        self.run_call(source).await
    }

    /// Runs a source that calls an agent.
    async fn run_call(&mut self, source: &str) -> Python<()> {
        if source.starts_with("_belay['h'](") || source.starts_with("_belay['b'](") {
            return self.handle_source(source).await;
        }
        if source.starts_with("_belay['r'](") {
            return self.resume_source(source).await;
        }
        self.small_source(source).await
    }

    async fn print_mark(&mut self, printed: &str) -> Python<()> {
        match mark(printed) {
            Some(mark) => self.put(format!("{mark}\r\n").as_bytes()).await,
            None => Err(damaged()),
        }
    }

    /// Whether an agent is defined.
    fn has_agent(&self) -> bool {
        self.heap.resident.is_some() || self.heap.small.is_some()
    }

    async fn look_for_agent(&mut self, source: &str) -> Python<()> {
        let (preface, rest) = source.split_once("\n _belay_f()\n").ok_or_else(damaged)?;
        let (before, printed) = preface.split_once("print(").ok_or_else(damaged)?;
        let mark = mark(printed).ok_or_else(damaged)?;
        let behind = printed.find(",n,").map(|at| &printed[at..]).ok_or_else(damaged)?;
        if !is_intact(before) || !is_intact(behind) {
            return Err(damaged());
        }
        if !self.has_agent() {
            self.put(format!("{mark} _belay False\r\n").as_bytes()).await?;
            return Err(missing());
        }
        self.run_call(rest).await
    }

    async fn look(&mut self, source: &str) -> Python<()> {
        let (before, rest) = source.split_once("print('").ok_or_else(damaged)?;
        let (mark, behind) = rest.split_once("%d,%d.'").ok_or_else(damaged)?;
        if !is_intact(before) || !is_intact(behind) {
            return Err(damaged());
        }
        let said = match (self.kind.small, self.kind.loads) {
            (true, false) => "9000,1",
            (true, true) => "9000,3",
            (false, false) => "200000,0",
            (false, true) => "200000,2",
        };
        self.put(format!("{mark}{said}.\r\n").as_bytes()).await
    }

    async fn attach(&mut self, version: &str, begin: &str) -> Python<()> {
        let begin = Begin::of(begin).ok_or_else(damaged)?;
        let there = { self.heap.resident.as_ref() }.is_some_and(|agent| agent.version == version);
        if !there || begin.version != version {
            return Ok(());
        }
        self.begin(&begin.nonce, begin.seed, begin.size).await
    }

    async fn take_agent(&mut self, agent: &str, begin: &str) -> Python<()> {
        if !is_intact(agent) {
            return Err(damaged());
        }
        if self.kind.small {
            return Err(raised("MemoryError", "memory allocation failed"));
        }
        let (version, rest) = begin.split_once("',").ok_or_else(damaged)?;
        let (numbers, begin) = rest.split_once(")\n").ok_or_else(damaged)?;
        let (boot, _) = numbers.split_once(',').ok_or_else(damaged)?;
        self.heap.boot = boot.parse().map_err(|_| damaged())?;
        self.heap.resident = Some(Resident::new(version));
        if begin.is_empty() {
            // Another source will begin the session.
            return Ok(());
        }
        let begin = Begin::of(begin).ok_or_else(damaged)?;
        if begin.version != version {
            return Err(raised("KeyError", begin.version));
        }
        self.begin(&begin.nonce, begin.seed, begin.size).await
    }

    async fn resume_source(&mut self, source: &str) -> Python<()> {
        let size = source
            .strip_prefix("_belay['r'](")
            .and_then(|rest| rest.strip_suffix(")\n"))
            .and_then(number)
            .ok_or_else(damaged)?;
        if self.heap.resident.is_none() {
            return Err(missing());
        }
        self.resume(size).await
    }

    async fn handle_source(&mut self, source: &str) -> Python<()> {
        if let Some(rest) = source.strip_prefix("_belay['h'](") {
            let (line, rest) = literal(rest).ok_or_else(damaged)?;
            return match rest {
                ")" if self.heap.resident.is_some() => self.handle(line.as_bytes()).await,
                ")" => Err(missing()),
                _ => Err(damaged()),
            };
        }
        let rest = source.strip_prefix("_belay['b'](").ok_or_else(damaged)?;
        let (at, rest) = rest.split_once(',').ok_or_else(damaged)?;
        let (size, rest) = rest.split_once(",b").ok_or_else(damaged)?;
        let (text, rest) = literal(rest).ok_or_else(damaged)?;
        let at = at.parse().map_err(|_| damaged())?;
        let size = size.parse().map_err(|_| damaged())?;
        match rest {
            ")" if self.heap.resident.is_some() => self.bring(at, size, text.as_bytes()).await,
            ")" => Err(missing()),
            _ => Err(damaged()),
        }
    }

    /// Runs a source for the agent for small boards.
    async fn small_source(&mut self, source: &str) -> Python<()> {
        if let Some(rest) = source.strip_prefix("_belay['M'](") {
            let (part, rest) = literal(rest).ok_or_else(damaged)?;
            return match rest {
                ")" if self.heap.small.is_some() => self.small_part(part.as_bytes()).await,
                ")" => Err(missing()),
                _ => Err(damaged()),
            };
        }
        if source.starts_with("try:0 in(") {
            return self.small_line_source(source).await;
        }
        if source.starts_with("_belay['line'](") || source.starts_with("_belay['h'](") {
            let (line, rest) = source
                .find('(')
                .and_then(|at| literal(&source[at + 1..]))
                .ok_or_else(damaged)?;
            return match rest {
                ")" if self.heap.small.is_some() => self.small_line(line.as_bytes()).await.map(drop),
                ")" => Err(missing()),
                _ => Err(damaged()),
            };
        }
        if let Some((version, rest)) =
            { source.strip_prefix("_belay['") }.and_then(|source| source.split_once("']=_belay['begin'];"))
        {
            if !is_intact(rest) {
                return Err(damaged());
            }
            if self.heap.pieces == 0 {
                return Err(missing());
            }
            self.heap.small = Some(Small::new(version));
            return Ok(());
        }
        if let Some(begin) = Begin::of(source) {
            let there = { self.heap.small.as_ref() }.is_some_and(|agent| agent.version == begin.version);
            if !there {
                return Err(missing());
            }
            return self.small_begin(&begin.nonce, begin.seed).await;
        }
        self.take_piece(source)
    }

    fn take_piece(&mut self, source: &str) -> Python<()> {
        if !is_intact(source) {
            return Err(damaged());
        }
        if let Some((_, head)) = source.split_once("\"head\":") {
            // The first piece contains the number of the interpreter's run.
            let boot = head.split(['"', '\'', ' ']).find_map(|word| word.parse().ok());
            self.heap.boot = boot.unwrap_or_default();
        }
        self.heap.pieces += 1;
        Ok(())
    }

    /// Runs a line for the agent for small boards, in the form in which it is typed.
    async fn small_line_source(&mut self, source: &str) -> Python<()> {
        const END: &str = "\nexcept _belay['b'].BaseException as _by:_belay['error'](_by)\n";
        let part = source
            .strip_prefix("try:0 in(_belay['line'](")
            .and_then(|part| part.strip_suffix(END))
            .ok_or_else(damaged)?;
        match literal(part).ok_or_else(damaged)? {
            (line, "))") if self.heap.small.is_some() => self.small_whole(line.as_bytes()).await,
            (_, "))") => Err(missing()),
            _ => Err(damaged()),
        }
    }
}
