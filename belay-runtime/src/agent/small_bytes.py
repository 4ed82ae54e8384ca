# Additional source for small boards, sent when a value with bytes or an array is first sent to them.
try:
    from array import array as A
except ImportError:
    A = None


def B(text):
    data = bytearray()
    bits = many = 0
    for at in range(len(text)):
        # A slice, because an indexed character would be interned: see `check`.
        c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".find(text[at : at + 1])
        if c >= 0:
            bits = (bits << 6 | c) & 65535
            many += 6
            if many > 7:
                many -= 8
                data.append(bits >> many & 255)
    return bytes(data)
