"""The simulated chip: its pins, its sensor, and how it is reset."""

import _board
import math
import time


class Pin:
    """A pin that one object at a time can claim; it is free again when that is released, or on a soft reset."""

    def __init__(self, name):
        self._name = name
        self._in_use = False
        self._level = False

    def _claim(self):
        if self._in_use:
            raise ValueError(self._name + " in use")
        self._in_use = True
        return self

    def __repr__(self):
        return "board." + self._name


class _Pins:
    pass


pin = _Pins()
for _number in range(29):
    setattr(pin, "GPIO%d" % _number, Pin("GP%d" % _number))


class RunMode:
    NORMAL = 0
    SAFE_MODE = 1
    UF2 = 2
    BOOTLOADER = 3


class Processor:
    frequency = 125_000_000
    voltage = 3.3
    uid = b"belay"

    @property
    def temperature(self):
        return 22.5 + math.sin(time.monotonic() / 20)


cpu = Processor()


def on_next_reset(run_mode):
    _board.flag("BOARD_NEXT_SAFE_MODE", run_mode == RunMode.SAFE_MODE)


def reset():
    _board.reset()


def delay_us(delay):
    time.sleep(delay / 1_000_000)
