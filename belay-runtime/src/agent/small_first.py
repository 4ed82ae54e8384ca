# What the agent for small boards begins with, and what the raw REPL looks up beside it. A module's own attributes are
# MicroPython's own builtins, whatever a program has made of the names.
def _belay():
    import builtins, gc, sys

    try:
        from micropython import opt_level as level
    except:

        def level(_):
            pass

    def same(source, sum):
        # What is run, if it is what was sent. Of a text each character would be kept for ever.
        value = 0
        for code in source:
            value = value * 251 + code & 4194303
        if value != sum:
            raise builtins.ValueError
        return source

    return {"b": builtins, "gc": gc, "sys": sys, "o": level, "k": same, "head": "BOOT FREE "}


_belay = _belay()
