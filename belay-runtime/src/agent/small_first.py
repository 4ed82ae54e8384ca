# What the agent for small boards begins with, and what the raw REPL looks up beside it. A module's own attributes are
# MicroPython's own builtins, whatever a program has made of the names.
def _belay():
    import builtins, gc, sys

    try:
        from micropython import opt_level as level
    except:

        def level(_):
            pass

    return {"b": builtins, "gc": gc, "sys": sys, "o": level, "head": "BOOT FREE "}


_belay = _belay()
