# The first source of the agent for small boards, with the names that the raw REPL looks up in `_belay`. The attributes
# of the module `builtins` are MicroPython's own, whatever a program has assigned to the names.
def _belay():
    import builtins, gc, sys

    try:
        from micropython import opt_level as level
    except:

        def level(_):
            pass

    return {"b": builtins, "gc": gc, "sys": sys, "o": level, "head": "BOOT FREE "}


_belay = _belay()
