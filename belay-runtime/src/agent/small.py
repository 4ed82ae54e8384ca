# The agent for boards that cannot run the resident one: those without `sys.stdin`, without a checksum of their own, or
# with a few kilobytes of memory. The host hands it each line through the raw REPL. It is sent in pieces: each statement
# here is compiled separately, in the dictionary `_belay`, which is also the namespace of the requests' expressions.
#
# The stack can be as small as 1800 bytes, so a request is evaluated at the raw REPL's own level, not within a call of
# the agent. The host sends `0 in line(…)`: `line` takes the request and returns an iterator; the raw REPL iterates over
# it, which evaluates the request and passes the result to `value`. What is raised the raw REPL passes to `error`.
# Nothing checks the source that does this. So the names in it are such that one damaged byte does not turn one into
# another that exists, and it looks up and calls nothing after `line`: what damage makes of the rest raises before
# `line` is called, or not at all, and cannot be taken for the call's own answer.
# `gc`, `sys`, `b` (the builtins) and `head` come from `small_first.py`.
seed = count = many = credit = lost = number = asked = 0
start = text = kind = key = ""
expected = 48
# The last request: its number, the replies to it (None if there was no memory to keep them), whether it failed, and
# whether what it asks for had begun; for the last, 2 says that there is no such function.
kept = [0, [], 0, 0]
parts = []
F = {}
# The namespaces by name: 0 is what a new one begins with, and "" the agent's own, in which additional source is
# executed.
spaces = {0: {}, "": b.globals()}
streams = {}


def check(text):
    # Indexing a text makes a string of one character, as `chr` does, and MicroPython interns it and never frees it.
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
    # The raw REPL needs this much memory to compile the next source; without it the host can no longer reach the board.
    gc.collect()
    bytearray(1100)


def m(part):
    # Takes a part of a line of which more parts follow.
    global text, lost
    try:
        if lost:
            return
        text += part
        if len(text) > len(part):
            room()
    except MemoryError:
        # The other parts are skipped, and the last one raises, so that the host gets a reply.
        text = (text or part)[:2]
        lost = 1


def M(part):
    m(part)
    send("-r")


def line(part):
    global text, lost, number, asked
    # Collects first, so that what stays of this line is put between other objects that stay, and does not split the
    # free memory.
    gc.collect()
    number = asked = 0
    m(part)
    whole = text
    skipped = lost
    text = ""
    lost = 0
    # If damage has made `whole` something other than a text, this raises. Nothing of it may stay by then.
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
        # No replies are kept: there was no memory to send or to keep one, or neither `value` nor `error` was called.
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
    # A part of a source is only kept until the rest comes. A call begins in `G`.
    kept[3] = int(kind not in "cTt")
    # Collects now, since a collection during the evaluation would take garbage for objects that are in use.
    gc.collect()
    if kind in "sn":
        key, credit, body = body.split(" ", 2)
    elif kind == "X":
        # A source that came in parts, to be executed in a namespace.
        source = "".join(parts)
        parts[:] = []
        return map(value, map(exec, (source,), (N(body),)))
    elif kind in "Tt":
        # Source comes in parts: a literal of all of it would take more than twice the memory.
        if kind == "T":
            parts[:] = []
        parts.append(body)
        # Executing the source will need memory for it twice.
        body = "".join(parts)
        room()
    if kind in "Ttn":
        # There is nothing to evaluate.
        return map(value, kind)
    return map(value, map(eval, (body,), (globals(),)))


def G(*arguments):
    # Gives a call its arguments. They have been evaluated now, so the call begins.
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
        # A Ctrl-C has closed the stream after the end of a batch.
        return say("%ci0" % number)
    try:
        while many < credit and room > 0:
            item = "%cy%d:%s" % (number, many, repr(next(streams[key])))
            # The memory that keeping the item takes, in case it has to be sent again.
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
        # If this does not reset the board, the host asks for the reply again and gets this one.
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
    # The board can write a traceback only to its output, from which the host takes it.
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
    # Binds a function to an id, after its source has been executed.
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
