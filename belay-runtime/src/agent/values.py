# What packs results: loaded when the first one is wanted that a `repr` does not say all of, or takes long for.
from array import array
from struct import pack

# Whether floats have 32 bits or 64.
width = "f" if 1e-9 + 1 == 1 else "d"
# Whether texts are Unicode.
wide = len(str(b"\xc3\xa9", "utf8")) == 1
rows = (list, tuple, array)
nested = (list, tuple, array, set, frozenset)
# What most values consist of, found at once: a board takes long to see that something is an instance of nothing here.
leaves = {bool, bytes, int, str, type(None)}

def floats(value):
    # The `repr` of a value, behind all floats in it in the order in which it prints them.
    found = array(width)
    add, leaf, kind = found.append, leaves, type
    left = [iter((value,))]
    while left:
        for item in left[-1]:
            if kind(item) in leaf:
                continue
            if kind(item) is float:
                add(item)
                continue
            if isinstance(item, dict):
                for key in item:
                    if kind(key) not in leaf:
                        item = item.items()
                        break
                else:
                    # No tuple has to be made for each item then.
                    item = item.values()
            elif not isinstance(item, nested):
                continue
            left.append(iter(item))
            break
        else:
            left.pop()
    if len(found):
        return b"E", b"%s%d:" % (width, len(found)) + bytes(found) + b"%r" % (value,)

def held(code, values, words):
    # These in an array of this kind, if that holds them as they are. Where it does not, some boards raise.
    try:
        some = array(code, values)
        if array("O", some) == words:
            return some
    except OverflowError:
        pass

def packed(value, result):
    # What a value is packed as, and its bytes; nothing where its `repr` is to be sent.
    kind = type(value)
    try:
        if kind is float and result in ".fE":
            return b".", pack("<" + width, value)
        if kind in rows:
            if result == "t":
                # Nothing but texts can be joined.
                text = "\0".join(value)
                if wide and text.count("\0") + 1 == len(value):
                    return b"t", bytearray(text, "utf8")
                return
            if result == "f":
                if set(map(type, value)) == {float}:
                    return width.encode(), bytearray(array(width, value))
            elif result not in ".E":
                # Ints as the board has them: `True` is no 1.
                if len(value) > 7:
                    words = array("O", value)
                    ends = array("O", (value[0], value[-1]))
                    for code in result:
                        # Numbers that are too large for it stand at an end more often than not.
                        some = held(code, ends, ends) and held(code, value, words)
                        if some:
                            return code.encode(), bytearray(some)
                return
        if result in ".fE":
            return floats(value)
    except Exception:
        pass
