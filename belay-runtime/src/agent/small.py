# The agent for boards on which the other one cannot run: those without `sys.stdin`, without a checksum of their
# own, or with a few kilobytes of memory. It is handed its lines through the raw REPL, and sent in pieces: each
# statement here is compiled on its own, over the dictionary `_belay`, which also is what expressions see.
#
# The stack can be as small as 1800 bytes. So nothing of this is beneath a call but the raw REPL's own code:
# `line` takes a line and gives an iterator, the raw REPL looks for something in that, and so has it work out what the
# line asks for and hand the value to `value`; what is raised it hands to `error`. What it is sent for that is not checked
# by anything. So no byte makes another name that there is of one of those, and behind `line` there is nothing to look up
# and nothing to call: what a bad line has made of the rest raises before that, or not at all, and cannot become the
# call's own answer.
# `gc`, `sys`, `trace` and what the raw REPL looks up beside it are there already: see `small.rs`.
seed = count = many = credit = lost = number = asked = 0
start = text = kind = key = ""
expected = 48
# The last request's number, what was said to it (None if there was no room to keep that), whether it failed, and
# whether what was asked for had begun; 2 says that there is no such function.
kept = [0, [], 0, 0]
parts = []
F = {}
# What is sent when it is needed gets into the first one.
spaces = {0: {}, "": b.globals()}
streams = {}


def check(text):
    # Each character that is taken out of a text by itself is one that the board remembers for ever, as is each of `chr`.
    value = seed
    for at in range(0, len(text), 32):
        for c in bytes(text[at : at + 32], "utf8"):
            value = value * 251 + c & 4194303
    return value


def send(text):
    print(start, text, "%08x\x03" % check(text), sep="", end="")


def say(text):
    kept[1].append(text)
    send(text)


def take(asked):
    global number, many, expected
    number = kept[0] = asked
    kept[1] = []
    many = kept[2] = kept[3] = 0
    expected = 48 + (asked - 47 & 63)


def room():
    # The raw REPL needs as much to compile whatever comes next, or nothing can be said to the board any more.
    gc.collect()
    bytearray(1100)


def m(part):
    # A part of a line that more of it follows.
    global text, lost
    try:
        if lost:
            return
        text += part
        if len(text) > len(part):
            room()
    except MemoryError:
        # The rest of it is skipped, and it is answered in its turn.
        text = (text or part)[:2]
        lost = 1


def M(part):
    m(part)
    send("-r")


def line(part):
    global text, lost, number, asked
    # What stays of this line goes where there is room among what stays, and not into the middle of what is free.
    gc.collect()
    number = asked = 0
    m(part)
    whole = text
    skipped = lost
    text = ""
    lost = 0
    # What is no text any more raises, whatever is taken out of it: none of it may stay.
    asked = ord(whole[1:2])
    if skipped:
        raise MemoryError
    if "%07x" % check(whole[:-8]) != whole[-8:-1]:
        return send("%cn" % expected)
    return other(whole[2], whole[4:-8])


def other(what, body):
    global kind
    if what == "p":
        return send("%co%s" % (expected, body))
    if asked == kept[0]:
        # There was no room to say anything, or none to keep it; or what should have come here did not.
        for body in kept[1] or (("%ce(0,1,'MemoryError','',None,None,'')" if kept[2] else "%cg") % asked,):
            send(body)
    elif asked != expected or what == "R":
        send("%cn" % expected)
    else:
        take(asked)
        kind = what
        return begun(body)


def begun(body):
    global key, credit
    # A part of a source only waits for the rest.
    kept[3] = int(kind not in "cTt")
    # What is garbage looks as if it was in use to a collection that begins in the middle of an evaluation.
    gc.collect()
    if kind in "sn":
        key, credit, body = body.split(" ", 2)
    elif kind == "X":
        # What came in parts, to be executed in a namespace.
        source = "".join(parts)
        parts[:] = []
        return map(value, map(exec, (source,), (N(body),)))
    elif kind in "Tt":
        # Source, in parts: a literal of all of it would take more than twice the room.
        if kind == "T":
            parts[:] = []
        parts.append(body)
        # It will have to be there twice.
        body = "".join(parts)
        room()
    if kind in "Ttn":
        # There is nothing to work out.
        return map(value, kind)
    return map(value, map(eval, (body,), (globals(),)))


def G(*arguments):
    # What a function is called with, which then begins.
    kept[3] = 1
    return arguments


def value(got):
    global number
    if kind in "ecTtX":
        got = repr(got)
        say("%cv" % number + got)
    else:
        if kind == "s":
            streams[key] = iter(got)
        batch(number, int(credit), 256)
    number = 0
    got = None
    try:
        room()
    except MemoryError:
        kept[1] = None


def batch(number, credit, room):
    global many
    end = "p"
    if key not in streams:
        # A Ctrl-C has ended it behind the end of a batch.
        return say("%ci0" % number)
    try:
        while many < credit and room > 0:
            item = "%cy%d:%s" % (number, many, repr(next(streams[key])))
            # What is kept of it, in case it has to be said again.
            room -= len(item) + 40
            say(item)
            many += 1
    except StopIteration:
        del streams[key]
        end = "d"
    say("%c%s%d" % (number, end, many))


def error(raised):
    global number
    if isinstance(raised, SystemExit):
        # Where that does not reset the board, the host asks.
        kept[1] = ["%ce(%d,1,'SystemExit','',None,None,'')" % (number, many)]
        raise raised
    if not number:
        if asked != expected or not isinstance(raised, MemoryError):
            return
        take(asked)
    gc.collect()
    kept[2] = 1
    if kind in "sn":
        K(key)
    if isinstance(raised, KeyboardInterrupt):
        say("%ci%d" % (number, many))
    else:
        if not kept[3] and isinstance(raised, NameError):
            kept[3] = 2
        tell(raised)
    number = 0


def tell(raised):
    # There is nothing else to write it to: the host takes it from there.
    sys.print_exception(raised)
    if kind in "Tt":
        parts[:] = []
    gc.collect()
    raised = repr(type(raised))[8:-2], str(raised), repr(raised.args), None, None
    say("%ce" % number + repr((many, kept[3]) + raised))


def K(stream):
    stream = streams.pop(stream, None)
    if hasattr(stream, "close"):
        stream.close()


def N(name):
    if name not in spaces:
        spaces[name] = dict(spaces[0], __name__=name, S=S, input=None)
    return spaces[name]


def V(name, source):
    return eval(source, N(name))


def D(id, name, function):
    # Binds what has been executed.
    global count
    if id not in F:
        F[id] = "f%d" % count
        count += 1
    globals()[F[id]] = N(name)[function]
    return F[id]


def U(name):
    if name in F:
        name = globals().pop(F.pop(name))
        for where in spaces.values():
            for known in list(where):
                if where[known] is name:
                    del where[known]


def S(value):
    send("-s" + repr(value))


def r(size):
    gc.collect()
    send("-h%d %s%s %s" % (gc.mem_free(), head, sys.implementation[0], sys.platform))


def begin(nonce, value, size):
    global seed, start, expected, text, lost
    seed = value & 4194303
    start = "\x02" + nonce
    expected = 48
    text = ""
    kept[0] = lost = 0
    for stream in list(streams):
        try:
            K(stream)
        except Exception:
            pass
    r(size)
