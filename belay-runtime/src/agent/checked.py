# Compiles the agent once all of it has come as it was sent: a line can have changed it into another one that compiles.
def _belay_f(source, check):
    global _belay_f
    del _belay_f
    from binascii import crc32
    from builtins import exec, globals

    if crc32(source) != check:
        raise ValueError
    exec(source, globals())
