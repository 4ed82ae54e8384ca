"""A display of one digit: seven segments and a point, a pin for each."""

from machine import Pin

# The segments from a to g, as the bits of a byte, for 0 to 9.
DIGITS = (0x3F, 0x06, 0x5B, 0x4F, 0x66, 0x6D, 0x7D, 0x07, 0x7F, 0x6F)


class Display:
    def __init__(self, pins):
        if len(pins) != 8:
            raise ValueError("eight pins: a to g, and the point")
        self.pins = [Pin(pin, Pin.OUT, value=0) for pin in pins]

    def show(self, digit, point=False):
        bits = DIGITS[digit] | (0x80 if point else 0)
        for number, pin in enumerate(self.pins):
            pin.value(bits >> number & 1)

    def lit(self):
        """The names of the segments that are on."""
        return "".join(name for name, pin in zip("abcdefg.", self.pins) if pin.value())

    def clear(self):
        for pin in self.pins:
            pin.off()
