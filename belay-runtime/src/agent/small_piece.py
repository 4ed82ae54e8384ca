# What takes the rest of the agent for small boards, one piece at a time, as long as that is being brought.
def x(source, wanted):
    # Nothing else would tell that the line has lost a part of it: what is missing need not be missed at once.
    value = 0
    for c in b.bytes(source, "utf8"):
        value = value * 251 + c & 4194303
    if value != wanted:
        raise ValueError(value)
    o(3)
    try:
        b.exec(source, b.globals())
    finally:
        o(0)
    gc.collect()
