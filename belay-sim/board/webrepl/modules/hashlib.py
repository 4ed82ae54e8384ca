# What a board with a network has from its TLS library (RFC 3174), which this one has not got.
from uhashlib import *


def _turned(word, by):
    return (word << by | word >> 32 - by) & 0xFFFFFFFF


class sha1:
    def __init__(self, data=b""):
        self._data = bytes(data)

    def update(self, data):
        self._data += data

    def digest(self):
        data = self._data
        length = len(data)
        data += b"\x80" + bytes((55 - length) % 64) + (8 * length).to_bytes(8, "big")
        state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
        for at in range(0, len(data), 64):
            words = [int.from_bytes(data[i : i + 4], "big") for i in range(at, at + 64, 4)]
            for i in range(16, 80):
                words.append(_turned(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1))
            a, b, c, d, e = state
            for i in range(80):
                if i < 20:
                    f = (b & c | ~b & d) + 0x5A827999
                elif i < 40:
                    f = (b ^ c ^ d) + 0x6ED9EBA1
                elif i < 60:
                    f = (b & c | b & d | c & d) + 0x8F1BBCDC
                else:
                    f = (b ^ c ^ d) + 0xCA62C1D6
                a, b, c, d, e = (_turned(a, 5) + f + e + words[i]) & 0xFFFFFFFF, a, _turned(b, 30), c, d
            state = [(x + y) & 0xFFFFFFFF for x, y in zip(state, (a, b, c, d, e))]
        return b"".join(x.to_bytes(4, "big") for x in state)
