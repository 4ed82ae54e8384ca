//! What is typed at the raw prompt to hand an agent its lines.

/// What has the agent handle a line. What is long is brought in pieces before the line that announces it, because a
/// board keeps all of a source in memory that nobody guards.
pub(super) fn at_once(line: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let end = line.iter().position(|byte| *byte == b'\n');
    let (head, body) = line.split_at(end.map_or(line.len(), |end| end + 1));
    let pieces = body.chunks(piece).enumerate().map(|(at, text)| {
        let start = format!("_belay['b']({},{},b", at * piece, body.len());
        call(&start, text)
    });
    pieces.chain([call("_belay['h'](", head)]).collect()
}

/// What has the agent for small boards handle a line, in parts, since its memory has no room for much.
pub(super) fn in_parts(line: &[u8], largest: usize) -> Vec<Vec<u8>> {
    // Parts of about the same length: the board never forgets a literal that is as short as a rest can be.
    let parts = line.len().div_ceil(largest).max(1);
    let size = line.len().div_ceil(parts).max(1);
    let mut parts: Vec<&[u8]> = line.chunks(size).collect();
    let last = parts.pop().unwrap_or_default();
    let more = parts.into_iter().map(|part| call("_belay['M'](", part));
    more.chain([last_part(last)]).collect()
}

/// What the line asks for is worked out here, where no call has used any of the stack yet: by looking for something in
/// what the agent gives. Nothing checks this source: see the agent's. Before what stands in parentheses there is no other
/// operator that would have only that.
fn last_part(part: &[u8]) -> Vec<u8> {
    [
        b"try:0 in(".as_slice(),
        &call("_belay['line'](", part),
        b")\nexcept _belay['b'].BaseException as _by:_belay['error'](_by)\n",
    ]
    .concat()
}

/// A source that calls a function with a text as its last argument.
pub(super) fn call(start: &str, text: &[u8]) -> Vec<u8> {
    [start.as_bytes(), &literal(text), b")"].concat()
}

/// Source as Python writes it.
pub(super) fn quoted(source: &str) -> String {
    String::from_utf8_lossy(&literal(source.as_bytes())).into_owned()
}

/// A text of ASCII as Python writes it, without the name of anything.
fn literal(text: &[u8]) -> Vec<u8> {
    let mut source = vec![b'\''];
    for byte in text {
        match byte {
            b'\n' => source.extend(b"\\n"),
            b'\\' | b'\'' => source.extend([b'\\', *byte]),
            b'\t' => source.extend(b"\\t"),
            b'\r' => source.extend(b"\\r"),
            _ => source.push(*byte),
        }
    }
    source.push(b'\'');
    source
}
