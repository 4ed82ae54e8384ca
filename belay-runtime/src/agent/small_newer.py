# Additional source for small boards whose firmware is not one of the oldest, for which it would be too large.
def found():
    # Builtins that a program has replaced for all of the interpreter: here and in all namespaces the real ones are
    # used.
    for name in b.dir(b):
        value = b.getattr(b, name)
        if not name.startswith("_") and b.eval(name, {}) is not value:
            spaces[0][name] = value
        if name in ("bytearray", "float", "frozenset", "set", "str"):
            # Literals of values use these names, so here they stay the real ones, whatever a body replaces from now on.
            spaces[""][name] = value
    spaces[""].update(spaces[0])
    # For programs that delete `_belay` from `__main__`.
    getattr(sys, "modules", {})["_belay"] = spaces[""]


found()


def found(collect):
    try:
        from micropython import heap_lock, heap_unlock
    except ImportError:
        return collect

    def free():
        # A body may have left the heap locked. `heap_unlock` returns how many locks are left.
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
    # The `repr` of a value can contain characters that a frame must not contain.
    for c in range(32):
        c = "%c" % c
        if c in value:
            value = value.replace(c, b.repr(c)[1:-1])
    return value


def tell(raised):
    # The methods of a user's own exception class may raise anything.
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
