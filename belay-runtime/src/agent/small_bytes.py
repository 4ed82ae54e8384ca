# What small boards get when a value with bytes or an array is first sent to them.
try:
    from array import array as A
except ImportError:
    A = None


def B(text):
    data = bytearray()
    bits = many = 0
    for c in text:
        c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".find(c)
        if c >= 0:
            bits = (bits << 6 | c) & 65535
            many += 6
            if many > 7:
                many -= 8
                data.append(bits >> many & 255)
    return bytes(data)
