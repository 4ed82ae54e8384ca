# What small boards have besides that are not among the oldest, for which it would be too much.
def found():
    # The builtins that somebody has replaced for everybody: here and in all namespaces they are the real ones.
    for name in b.dir(b):
        value = b.getattr(b, name)
        if not name.startswith("_") and b.eval(name, {}) is not value:
            spaces[0][name] = value
        if name in ("bytearray", "float", "frozenset", "set", "str"):
            # What values are written with, whatever a body replaces from now on.
            spaces[""][name] = value
    spaces[""].update(spaces[0])
    # Should somebody delete it from `__main__`.
    getattr(sys, "modules", {})["_belay"] = spaces[""]


found()


def found(collect):
    try:
        from micropython import heap_lock, heap_unlock
    except ImportError:
        return collect

    def free():
        # A body can have left the heap locked. The answer is how often it still is.
        while 1:
            left = heap_unlock()
            if left < 0 or left > 999:
                heap_lock()
                left = 0
            if left == 0:
                return collect()

    return free


class sys:
    implementation = sys.implementation
    platform = sys.platform
    print_exception = staticmethod(getattr(sys, "print_exception", None) or __import__("traceback").print_exception)


class gc:
    collect = staticmethod(found(gc.collect))
    mem_free = gc.mem_free


def repr(value):
    if type(value) is memoryview:
        value = bytes(value)
    try:
        value = b.repr(value)
    except MemoryError:
        gc.collect()
        value = b.repr(value)
    # What a value says of itself can have characters that no frame has.
    for c in range(32):
        c = "%c" % c
        if c in value:
            value = value.replace(c, b.repr(c)[1:-1])
    return value


def tell(raised):
    # What an exception of a user's own class says of itself may raise anything.
    said = []
    for function in sys.print_exception, str, repr:
        try:
            said.append(function(raised.args if function is repr else raised))
        except BaseException:
            said.append(None)
    if kind in "Tt":
        parts[:] = []
    gc.collect()
    raised = b.repr(type(raised))[8:-2], said[1] or "", said[2], None, None
    say("%ce" % number + repr((many, kept[3]) + raised))


def refuse(*_):
    raise EOFError("there is no input: the line is the host's")


def N(name):
    if name not in spaces:
        spaces[name] = dict(spaces[0], __name__=name, S=S, input=refuse)
    return spaces[name]
