# What the agent for small boards begins with, and what the raw REPL looks up beside it. A module's own attributes are
# MicroPython's own builtins, whatever a program has made of the names.
def _belay():
    import builtins, gc, sys

    try:
        from micropython import opt_level as level
    except:

        def level(_):
            pass

    def same(text, sum):
        # What is run, if it is what was sent.
        value = 0
        for c in text:
            value = value * 251 + builtins.ord(c) & 4194303
        if value != sum:
            raise builtins.ValueError
        return text

    return {"b": builtins, "gc": gc, "sys": sys, "o": level, "k": same, "head": "BOOT FREE "}


_belay = _belay()
