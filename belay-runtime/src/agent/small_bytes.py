# What small boards get when a value with bytes or an array is first sent to them.
try:
    from array import array as A
except ImportError:
    A = None


def B(text):
    data = bytearray()
    bits = many = 0
    for at in range(len(text)):
        # As in `check`: a part of a text is not remembered.
        c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".find(text[at : at + 1])
        if c >= 0:
            bits = (bits << 6 | c) & 65535
            many += 6
            if many > 7:
                many -= 8
                data.append(bits >> many & 255)
    return bytes(data)
