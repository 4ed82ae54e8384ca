# Receives the rest of the agent for small boards, one piece at a time, and is removed when all have come.
def x(source, wanted):
    # Without this check a piece that lost a part on the line could go unnoticed: its absence need not raise at once.
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
