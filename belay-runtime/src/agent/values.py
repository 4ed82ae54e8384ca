# What packs results: loaded when the first one is wanted that a `repr` does not say all of, or takes long for.
from array import array
from struct import pack

# Whether floats have 32 bits or 64.
width = "f" if 1e-9 + 1 == 1 else "d"
rows = (list, tuple, array)
nested = (list, tuple, array, dict, set, frozenset)

def floats(value):
    # The `repr` of a value, behind all floats in it in the order in which it prints them.
    found = array(width)
    left = [iter((value,))]
    while left:
        for item in left[-1]:
            if type(item) is float:
                found.append(item)
            elif isinstance(item, nested):
                left.append(iter(item.items() if isinstance(item, dict) else item))
                break
        else:
            left.pop()
    if len(found):
        return b"E", b"%s%d:" % (width, len(found)) + bytes(found) + b"%r" % (value,)

def packed(value, result):
    # What a value is packed as, and its bytes; nothing where its `repr` is to be sent.
    kind = type(value)
    try:
        if kind is float and result in ".fE":
            return b".", pack("<" + width, value)
        if kind in rows:
            if result == "f":
                if set(map(type, value)) == {float}:
                    return width.encode(), bytes(array(width, value))
            elif result not in ".E":
                # Ints as the board has them: `True` is no 1.
                if len(value) > 7:
                    words = array("O", value)
                    for code in result:
                        some = array(code, value)
                        if array("O", some) == words:
                            return code.encode(), bytes(some)
                return
        if result in ".fE":
            return floats(value)
    except Exception:
        pass
