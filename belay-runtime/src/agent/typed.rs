//! The sources that are typed at the raw prompt to hand an agent its lines.

/// The sources that hand the agent a line. A long body is sent in pieces before the line that announces it, because the
/// board buffers a whole source without checking whether it has the memory for it.
pub(super) fn at_once(line: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let end = line.iter().position(|byte| *byte == b'\n');
    let (head, body) = line.split_at(end.map_or(line.len(), |end| end + 1));
    let pieces = body.chunks(piece).enumerate().map(|(at, text)| {
        let start = format!("_belay['b']({},{},b", at * piece, body.len());
        call(&start, text)
    });
    pieces.chain([call("_belay['h'](", head)]).collect()
}

/// The sources that hand the agent for small boards a line, in parts, since it has little memory.
pub(super) fn in_parts(line: &[u8], largest: usize) -> Vec<Vec<u8>> {
    // Parts of about equal length: a board interns short literals, and never frees them, and the last part could be
    // that short.
    let parts = line.len().div_ceil(largest).max(1);
    let size = line.len().div_ceil(parts).max(1);
    let mut parts: Vec<&[u8]> = line.chunks(size).collect();
    let last = parts.pop().unwrap_or_default();
    let more = parts.into_iter().map(|part| call("_belay['M'](", part));
    more.chain([last_part(last)]).collect()
}

/// The last part, which executes the line. The request is evaluated here, at the raw prompt's own level, where no call
/// has used any of the small stack yet: the `in` operator iterates over what `line` returns. Nothing checks this
/// source: see `small.py`. No damage to `0 in` leaves a unary operator before the parenthesis, which would have its
/// value as the only operand.
fn last_part(part: &[u8]) -> Vec<u8> {
    [
        b"try:0 in(".as_slice(),
        &call("_belay['line'](", part),
        b")\nexcept _belay['b'].BaseException as _by:_belay['error'](_by)\n",
    ]
    .concat()
}

/// A call with `text` as its last argument. `start` is the call up to there.
pub(super) fn call(start: &str, text: &[u8]) -> Vec<u8> {
    [start.as_bytes(), &literal(text), b")"].concat()
}

/// Source as a Python string literal.
pub(super) fn quoted(source: &str) -> String {
    String::from_utf8_lossy(&literal(source.as_bytes())).into_owned()
}

/// ASCII text as a Python string literal, without any prefix.
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
