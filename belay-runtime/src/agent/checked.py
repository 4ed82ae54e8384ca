# Compiles the agent only if its source has arrived undamaged: damage can turn a line into another one that compiles.
def _belay_f(source, check):
    global _belay_f
    del _belay_f
    from binascii import crc32
    from builtins import exec, globals

    if crc32(source) != check:
        raise ValueError
    exec(source, globals())
