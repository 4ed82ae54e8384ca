# Decodes the arguments that are attached to a call; sent when there is the first such call.
from array import array
from binascii import a2b_base64
from json import loads

def attached(text, names):
    # The call, and the result, that a text asks for: the length of JSON, that, and what is attached to it.
    # Each new text is looked up among all names that there are, and this one need not be.
    at = 6 + int(bytes(text[:6]))
    result, name, more, *words = loads(bytes(text[6:at]))
    for i, how, size, many in more:
        if how == "<":
            # A stream of this number.
            words[i] = names[how](size)
            continue
        # Some of one kind and length, one behind the other.
        for i in range(i, i + many):
            data = text[at : at + size]
            at += size
            words[i] = a2b_base64(data) if how == "B" else made(how, data, names)
    return result, name, words

def made(how, data, names):
    kind = how[0]
    if kind in "es":
        data = str(data, "utf8")
    elif kind == "b":
        data = bytes(data)
    else:
        data = a2b_base64(data)
    if kind == "e":
        data = eval(data, names)
    elif kind in "sb":
        # Characters that no line has come as others that were not there.
        for k in range(1, len(how), 2):
            pair = how[k : k + 2]
            if kind == "b":
                pair = pair.encode()
            data = data.replace(pair[:1], pair[1:])
    elif kind == "S":
        data = str(data, "utf8")
    elif kind == "Y":
        data = bytearray(data)
    else:
        data = array(how[1], data)
        if kind == "L":
            data = list(data)
        elif kind == "T":
            data = tuple(data)
    return data
