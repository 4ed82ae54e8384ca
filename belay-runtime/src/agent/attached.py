# Decodes the arguments that are attached to a call; sent when there is the first such call.
from array import array
from binascii import a2b_base64
from json import loads

def attached(text, names):
    # Gives the packing code, the function and the arguments of a call. `text` is the length of the JSON in six
    # characters, the JSON, and then the attached data.
    at = 6 + int(str(text[:6], "utf8"))
    result, name, more, *words = loads(bytes(text[6:at]))
    for i, how, size in more:
        data = text[at : at + size]
        at += size
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
            # Each pair is a character that was sent and the one that it stands for, which no line can contain.
            for k in range(1, len(how), 2):
                pair = how[k : k + 2]
                if kind == "b":
                    pair = pair.encode()
                data = data.replace(pair[:1], pair[1:])
        elif kind == "S":
            data = str(data, "utf8")
        elif kind == "Y":
            data = bytearray(data)
        elif kind != "B":
            data = array(how[1], data)
            if kind == "L":
                data = list(data)
            elif kind == "T":
                data = tuple(data)
        words[i] = data
    return result, name, words
