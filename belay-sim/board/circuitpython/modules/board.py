"""The pins of a Raspberry Pi Pico, by the names that are printed beside them."""

from microcontroller import pin as _pin

board_id = "belay_simulated"

for _number in range(29):
    globals()["GP%d" % _number] = getattr(_pin, "GPIO%d" % _number)
LED = _pin.GPIO25
LED._name = "LED"
A0 = _pin.GPIO26
A1 = _pin.GPIO27
A2 = _pin.GPIO28
